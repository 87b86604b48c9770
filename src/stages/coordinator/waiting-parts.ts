/**
 * Parts of large jobs that a coordinator has read and not split yet. It reads on past them, so that what stands behind a large job
 * need not wait for it, and splits them little by little, jobs in turns. They are kept as the bytes that came, and read when their turn
 * has come. They are no state: the lane's position stays before the first of them, and they are read again after a restart
 * (docs/adr/0010).
 */
import type { Job } from '../../domain/job.ts'
import type { InputRecord } from '../../kafka/port.ts'
import { JobShares } from '../job-shares.ts'
import type { Kept, OperationStore } from '../operation-store.ts'
import { WaitingLine } from '../waiting-line.ts'

/** What is next to be done about a job in parts. */
export interface NextPart {
  readonly jobId: string
  /** Null for the word that no more parts come. */
  readonly record: InputRecord | null
  /** Whether it was its turn before: then something was missing, which was waited for. */
  readonly isLate: boolean
}

interface WaitingPart {
  /** Without its value. */
  readonly origin: InputRecord
  readonly value: Kept<Buffer> | null
  isLate: boolean
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
    for (const { line } of this.#jobs.values()) first = Math.min(first, line.first?.origin.offset ?? Infinity)
    return first === Infinity ? null : first
  }

  /** Whether the word that no more parts of the job come is waiting behind those that do. */
  isClosed(jobId: string): boolean {
    return this.#jobs.get(jobId)?.closed === true
  }

  /** `isLate`: it was its turn already. */
  keep(job: Job, record: InputRecord, { isLate } = { isLate: false }): void {
    const value = this.#store.keepBytes(valueOf(record))
    this.#append(job, { origin: withoutValue(record), value, isLate }).count += 1
  }

  /** No more parts of the job come than those that wait. */
  close(job: Job, record: InputRecord): void {
    this.#append(job, { origin: withoutValue(record), value: null, isLate: false }).closed = true
  }

  /** The next of the job whose turn it is. */
  next(): NextPart | undefined {
    const jobId = this.#shares.next()
    const first = jobId === undefined ? undefined : this.#jobs.get(jobId)?.line.first
    if (jobId === undefined || first === undefined) return undefined
    const { origin, value, isLate } = first
    return { jobId, record: value === null ? null : { ...origin, value: value.load() }, isLate }
  }

  /** Its turn comes once more, and for the last time. */
  postpone({ jobId }: NextPart): void {
    const first = this.#jobs.get(jobId)?.line.first
    if (first !== undefined) first.isLate = true
  }

  /** What was next does not wait any more; so many operations were in it. */
  take({ jobId }: NextPart, operations: number): void {
    const waiting = this.#jobs.get(jobId)
    const first = waiting?.line.takeFirst()
    if (waiting === undefined || first === undefined) return
    if (first.value !== null) waiting.count -= 1
    first.value?.release()
    this.#size -= 1
    this.#shares.give(waiting.job, operations)
    if (waiting.line.first === undefined) {
      this.#shares.leave(waiting.job)
      this.#jobs.delete(jobId)
    }
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

export function valueOf({ value, topic, partition, offset }: InputRecord): Buffer {
  if (value === null) throw new Error(`broken invariant: the part ${topic}[${partition}]@${offset} has no value`)
  return value
}

// The key is a piece of what a fetch has brought, of which nothing else is to stay.
function withoutValue(record: InputRecord): InputRecord {
  return { ...record, key: record.key === null ? null : Buffer.from(record.key), value: null }
}
