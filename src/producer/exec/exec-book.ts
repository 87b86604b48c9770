/** The jobs of an exec producer: what becomes of one is on disk before anybody hears of it. */
import type { Clock } from '../../runtime/clock.ts'
import {
  contractStatusOf, decideExecJob, evolveExecJob, type ExecJobCommand, isOver, newExecJob,
} from './exec-job.ts'
import type { ExecResult } from './exec-result.ts'
import type { AcceptedJob, ExecOperation, ExecStore, StoredJob, StoredResult } from './exec-store.ts'

export interface ExecLog {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface ExecBookParts {
  readonly store: ExecStore
  readonly clock: Clock
  readonly log: ExecLog
}

export class ExecBook {
  readonly #parts: ExecBookParts
  /** Jobs that have not ended, in the order in which they were accepted. */
  readonly #open = new Map<string, StoredJob>()

  /** Takes up those that a former process has left. */
  constructor(parts: ExecBookParts) {
    this.#parts = parts
    for (const stored of parts.store.open()) this.#open.set(stored.id, stored)
  }

  /** Jobs that have not ended, in the order in which they were accepted. */
  open(): IterableIterator<StoredJob> {
    return this.#open.values()
  }

  get openJobs(): number {
    return this.#open.size
  }

  find(id: string): StoredJob | null {
    return this.#open.get(id) ?? this.#parts.store.find(id)
  }

  accept(accepted: Omit<AcceptedJob, 'acceptedAt'>, operations: readonly ExecOperation[]): void {
    const { store, clock, log } = this.#parts
    const { id, jobId } = accepted
    const stored = store.accept({ ...accepted, acceptedAt: clock.now() }, newExecJob(operations.length), operations)
    this.#open.set(id, stored)
    log.info({ job: id, dataJob: jobId, operations: operations.length }, 'accepted')
  }

  /** The operation that is under way, or next. */
  operationOf({ id, job }: StoredJob): ExecOperation {
    return this.#parts.store.operation(id, job.ended)
  }

  results(id: string): Iterable<StoredResult> {
    return this.#parts.store.results(id)
  }

  /**
   * The job after what follows from the command; as it was, when nothing does.
   * @param result of the operation that has ended, if one has: it is kept together with the job's new state
   */
  apply(id: string, command: ExecJobCommand, result?: ExecResult): StoredJob {
    const { store, clock, log } = this.#parts
    const stored = this.find(id)
    if (stored === null) throw new Error(`broken invariant: job ${id} is not known`)
    const events = decideExecJob(stored.job, command)
    if (events.length === 0) return stored
    const job = events.reduce(evolveExecJob, stored.job)
    const endedAt = isOver(job) ? clock.now() : null
    if (result === undefined) store.save(id, job, endedAt)
    else store.saveResult(id, job, endedAt, stored.job.ended, result)
    const next = { ...stored, job }
    if (endedAt === null) {
      this.#open.set(id, next)
    } else {
      this.#open.delete(id)
      log.info({ job: id, status: contractStatusOf(job), operations: job.operations, failed: job.failed }, 'over')
    }
    return next
  }

  /** Forgets jobs that ended before that time. Answers their ids. */
  forget(endedBefore: number, most: number): readonly string[] {
    return this.#parts.store.forget(endedBefore, most)
  }

  close(): void {
    this.#parts.store.close()
  }
}
