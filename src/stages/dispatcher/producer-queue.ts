/**
 * Whose turn is next at one producer. Tenants, and jobs within a tenant, share it by operations and by weight (job-shares.ts), so
 * that a small job is not stuck behind a large one; within a job the order of its subjobs is kept, and where it must hold at the
 * producer too (writes), the next one starts only when the one before has ended. What a restart forgets is who had how much before.
 */
import { JobShares, type SharingJob } from '../job-shares.ts'
import { WaitingLine } from '../waiting-line.ts'

export interface QueuedSubjob extends SharingJob {
  readonly subjobId: string
  readonly ordered: boolean
  readonly operations: number
}

interface JobTurn {
  readonly waiting: WaitingLine<QueuedSubjob>
  /**
   * Begun and not ended, of an ordered job; it may be waiting to be tried again. After a restart these may be several: of those that are
   * only still to be reported, it is not known any more which had never begun.
   */
  readonly holders: Set<string>
}

/** There only while somebody waits: of a hundred thousand producers, most have one subjob, which runs. */
interface Line {
  /** Of the jobs that have a subjob which may start. */
  readonly shares: JobShares
  /** Those that really wait: what is withdrawn keeps its place in a job's list until its turn would have come. */
  readonly waiting: Set<string>
}

export class ProducerQueue {
  readonly #jobs = new Map<string, JobTurn>()
  #line: Line | null = null
  #running = 0

  /** Subjobs that occupy the producer now. */
  get running(): number {
    return this.#running
  }

  get idle(): boolean {
    return this.#running === 0 && this.#jobs.size === 0
  }

  add(subjob: QueuedSubjob): void {
    const turn = this.#turnOf(subjob.jobId)
    turn.waiting.append(subjob)
    this.#refresh(subjob, turn, this.#lineWith(subjob))
  }

  /** Takes the next subjob that may start, while fewer than `runningMax` run. */
  take(runningMax: number): QueuedSubjob | undefined {
    const line = this.#line
    if (line === null || this.#running >= runningMax) return undefined
    const jobId = line.shares.next()
    if (jobId === undefined) return undefined
    const turn = this.#turnOf(jobId)
    const subjob = turn.waiting.takeFirst()
    if (subjob === undefined) throw new Error(`broken invariant: job "${jobId}" is ready without a subjob`)
    line.waiting.delete(subjob.subjobId)
    this.#running += 1
    if (subjob.ordered) turn.holders.add(subjob.subjobId)
    line.shares.give(subjob, Math.max(1, subjob.operations))
    this.#refresh(subjob, turn, line)
    return subjob
  }

  /** It is not to start any more; nothing happens when it does not wait. */
  withdraw(subjob: QueuedSubjob): void {
    const line = this.#line
    if (line?.waiting.delete(subjob.subjobId) === true) this.#refresh(subjob, this.#turnOf(subjob.jobId), line)
  }

  /** It left the producer for a while; {@link retry} brings it back. An ordered job waits for it. */
  pause(): void {
    this.#running -= 1
  }

  /** A paused subjob may start again, before others of its job. */
  retry(subjob: QueuedSubjob): void {
    const turn = this.#turnOf(subjob.jobId)
    turn.waiting.prepend(subjob)
    this.#refresh(subjob, turn, this.#lineWith(subjob))
  }

  /** It has ended; `running` tells whether it occupied the producer until now. */
  end(subjob: QueuedSubjob, running: boolean): void {
    if (running) this.#running -= 1
    const turn = this.#jobs.get(subjob.jobId)
    if (turn === undefined) return
    turn.holders.delete(subjob.subjobId)
    this.#refresh(subjob, turn, this.#line)
  }

  /** A subjob that had begun before a restart; `running` tells whether it occupies the producer, or is paused. */
  resume(subjob: QueuedSubjob, running: boolean): void {
    if (running) this.#running += 1
    if (!subjob.ordered) return
    const turn = this.#turnOf(subjob.jobId)
    turn.holders.add(subjob.subjobId)
    this.#refresh(subjob, turn, this.#line)
  }

  #lineWith({ subjobId }: QueuedSubjob): Line {
    this.#line ??= { shares: new JobShares(), waiting: new Set() }
    this.#line.waiting.add(subjobId)
    return this.#line
  }

  #turnOf(jobId: string): JobTurn {
    const known = this.#jobs.get(jobId)
    if (known !== undefined) return known
    const turn: JobTurn = { waiting: new WaitingLine(), holders: new Set() }
    this.#jobs.set(jobId, turn)
    return turn
  }

  #refresh(job: SharingJob, turn: JobTurn, line: Line | null): void {
    let head = turn.waiting.first
    while (head !== undefined && line?.waiting.has(head.subjobId) !== true) {
      turn.waiting.takeFirst()
      head = turn.waiting.first
    }
    const { holders } = turn
    const mayStart = head !== undefined && (holders.size === 0 || (holders.size === 1 && holders.has(head.subjobId)))
    if (mayStart) line?.shares.enter(job)
    else line?.shares.leave(job)
    if (head === undefined && holders.size === 0) this.#jobs.delete(job.jobId)
    // Nobody who left is remembered where nobody waits (fair-share.ts).
    if (line?.waiting.size === 0) this.#line = null
  }
}
