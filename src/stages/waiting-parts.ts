/**
 * Parts of large jobs that a coordinator has read and not split yet. It reads on past them, so that what stands behind a large job
 * need not wait for it, and splits them little by little, jobs in turns. They are no state: the lane's position stays before the
 * first of them, and they are read again after a restart (docs/adr/0010).
 */
import type { Job } from '../domain/job.ts'
import type { AddOperations } from '../domain/messages.ts'
import type { Operation } from '../domain/operation.ts'
import { JobShares } from './job-shares.ts'
import type { KeptOperations, OperationStore } from './operation-store.ts'
import { WaitingLine } from './waiting-line.ts'

export type NextPart = Pick<AddOperations, 'authorization' | 'operations'>

interface WaitingPart {
  readonly offset: number
  readonly authorization: string | null
  /** Null for the word that no more parts come. */
  readonly operations: KeptOperations | null
}

interface WaitingJob {
  readonly job: Job
  readonly line: WaitingLine<WaitingPart>
  /** Parts in the line. */
  count: number
  closed: boolean
}

export class WaitingParts {
  readonly #store: OperationStore
  readonly #jobs = new Map<string, WaitingJob>()
  readonly #shares = new JobShares()
  #size = 0

  constructor(store: OperationStore) {
    this.#store = store
  }

  get size(): number {
    return this.#size
  }

  countOf(jobId: string): number {
    return this.#jobs.get(jobId)?.count ?? 0
  }

  /** The offset of the first one; null when none waits. Parts of a job are in the order of their offsets. */
  get firstOffset(): number | null {
    let first = Infinity
    for (const { line } of this.#jobs.values()) first = Math.min(first, line.first?.offset ?? Infinity)
    return first === Infinity ? null : first
  }

  /** Whether the word that no more parts of the job come is waiting behind those that do. */
  isClosed(jobId: string): boolean {
    return this.#jobs.get(jobId)?.closed === true
  }

  keep(job: Job, { authorization, operations }: NextPart, offset: number): void {
    const kept = this.#store.keep(operations.map((operation: Operation) => ({ ...operation, moduleSetTag: '' })))
    this.#append(job, { offset, authorization, operations: kept }).count += 1
  }

  /** No more parts of the job come than those that wait. */
  close(job: Job, offset: number): void {
    this.#append(job, { offset, authorization: null, operations: null }).closed = true
  }

  /** Takes the next part of the job whose turn it is; null in its place says that the job has no more. */
  takeNext(): { readonly jobId: string; readonly part: NextPart | null } | undefined {
    const jobId = this.#shares.next()
    const waiting = jobId === undefined ? undefined : this.#jobs.get(jobId)
    const next = waiting?.line.takeFirst()
    if (waiting === undefined || next === undefined) return undefined
    const part = partOf(next)
    if (part !== null) waiting.count -= 1
    this.#size -= 1
    this.#shares.give(waiting.job, part?.operations.length ?? 0)
    if (waiting.line.first === undefined) {
      this.#shares.leave(waiting.job)
      this.#jobs.delete(waiting.job.jobId)
    }
    return { jobId: waiting.job.jobId, part }
  }

  #append(job: Job, part: WaitingPart): WaitingJob {
    const waiting = this.#jobs.get(job.jobId) ?? { job, line: new WaitingLine(), count: 0, closed: false }
    waiting.line.append(part)
    this.#jobs.set(job.jobId, waiting)
    this.#size += 1
    this.#shares.enter(job)
    return waiting
  }
}

function partOf({ operations: kept, authorization }: WaitingPart): NextPart | null {
  if (kept === null) return null
  const operations = kept.load()
  kept.release()
  return { authorization, operations }
}
