import { createHash } from 'node:crypto'
import type { Clock } from '../runtime/clock.ts'
import { type Random, seededRandom } from '../runtime/random.ts'
import type { SimulatedProducerOptions } from './simulation-options.ts'

/** An operation as far as its result repeats it. */
export interface SimulatedOperation {
  readonly operationId: string | number
  readonly op: string
  readonly path: string
}

export interface SimulatedWork {
  readonly operations: readonly SimulatedOperation[]
  /** What of the memory it takes. */
  readonly bytes: number
  /** Of the client's job that it is a part of. */
  readonly jobId: string
}

export interface SimulatedJob extends SimulatedWork {
  readonly finishesAt: number
  readonly failed: number
  readonly cancelled: boolean
}

export interface SimulatedStats {
  /** Submissions that made a job. */
  readonly submissions: number
  /** Submissions whose Idempotency-Key had made one before. */
  readonly duplicates: number
  /** In the submissions that made a job. */
  readonly operations: number
  /** Jobs that are not finished yet. */
  readonly inFlight: number
  /** Jobs that can still be asked for. */
  readonly held: number
}

/** The keys that are remembered, also when their job has been forgotten. */
const KEYS_MAX = 200_000
/** About what a job takes of the memory beside its operations, and an operation beside its texts. */
export const JOB_MEMORY = 500
const OBJECT_MEMORY = 120

/** What an operation takes of the memory. */
export function operationMemory({ operationId, op, path }: SimulatedOperation): number {
  return OBJECT_MEMORY + 2 * (path.length + op.length + String(operationId).length)
}

/** The jobs of a simulated producer, in memory. Time passes by the clock alone: a job is finished once its time is. */
export class SimulatedJobs {
  readonly #options: SimulatedProducerOptions
  readonly #clock: Clock
  readonly #delays: Random
  readonly #bytesMax: number
  /** In the order in which they were last asked for. */
  readonly #jobs = new Map<string, { readonly job: SimulatedJob; readonly touchedAt: number }>()
  /** Job ids by Idempotency-Key, oldest first. */
  readonly #ids = new Map<string, string>()
  #heldBytes = 0
  #submissions = 0
  #duplicates = 0
  #operations = 0

  constructor(options: SimulatedProducerOptions, clock: Clock) {
    this.#options = options
    this.#clock = clock
    this.#delays = seededRandom(seedOf(options, 'delays'))
    this.#bytesMax = options.memoryMib * 2 ** 20
  }

  get stats(): SimulatedStats {
    const now = this.#clock.now()
    let inFlight = 0
    for (const { job } of this.#jobs.values()) if (!isOver(job, now)) inFlight += 1
    return {
      submissions: this.#submissions,
      duplicates: this.#duplicates,
      operations: this.#operations,
      inFlight,
      held: this.#jobs.size,
    }
  }

  /**
   * Takes memory for a submission that is coming in, if need be from finished jobs; false when there is none.
   * What was reserved is given back with {@link release}, or kept by {@link submit}.
   */
  reserve(bytes: number): boolean {
    const now = this.#clock.now()
    for (const [id, { job, touchedAt }] of this.#jobs) {
      const short = this.#heldBytes + bytes > this.#bytesMax
      if (!short && touchedAt + this.#options.forgetAfterMs > now) break
      if (!isOver(job, now)) continue
      this.#jobs.delete(id)
      this.#heldBytes -= job.bytes
    }
    if (this.#heldBytes + bytes > this.#bytesMax) return false
    this.#heldBytes += bytes
    return true
  }

  release(bytes: number): void {
    this.#heldBytes -= bytes
  }

  /** The job's id: a new one, or the one that the key has had before. The bytes were reserved for the operations. */
  submit(key: string | undefined, { operations, bytes, jobId }: SimulatedWork): string {
    const known = key === undefined ? undefined : this.#ids.get(key)
    if (known !== undefined) {
      this.#duplicates += 1
      this.release(bytes)
      return known
    }
    this.#submissions += 1
    this.#operations += operations.length
    const id = this.#idOf(key)
    const now = this.#clock.now()
    const { min, max } = this.#options.delayMs
    const finishesAt = now + min + Math.floor(this.#delays() * (max - min + 1))
    let failed = 0
    for (const operation of operations) if (this.fails(operation)) failed += 1
    this.#jobs.set(id, { job: { operations, bytes, jobId, finishesAt, failed, cancelled: false }, touchedAt: now })
    if (key !== undefined) this.#remember(key, id)
    return id
  }

  /** The job, or undefined when there was none or it has been forgotten. */
  find(id: string): SimulatedJob | undefined {
    const held = this.#jobs.get(id)
    if (held !== undefined) this.#touch(id, held.job)
    return held?.job
  }

  /** Whether the job is known. One that is over stays as it is. */
  cancel(id: string): boolean {
    const job = this.find(id)
    if (job === undefined) return false
    if (!isOver(job, this.#clock.now())) this.#touch(id, { ...job, cancelled: true })
    return true
  }

  /** How far the job is, in the contract's words. */
  statusOf(job: SimulatedJob): 'RUNNING' | 'FINISHED' | 'FAILED' | 'PARTIALLY_FAILED' | 'CANCELLED' {
    if (job.cancelled) return 'CANCELLED'
    if (!isOver(job, this.#clock.now())) return 'RUNNING'
    if (job.failed === 0) return 'FINISHED'
    return job.failed === job.operations.length ? 'FAILED' : 'PARTIALLY_FAILED'
  }

  /** Whether the operation fails. The same one fails again in every job. */
  fails({ operationId, path }: SimulatedOperation): boolean {
    const { failOperations } = this.#options
    if (failOperations.type === 'path') return failOperations.pattern.test(path)
    if (failOperations.rate === 0) return false
    return seededRandom(seedOf(this.#options, `${operationId} ${path}`))() < failOperations.rate
  }

  #touch(id: string, job: SimulatedJob): void {
    this.#jobs.delete(id)
    this.#jobs.set(id, { job, touchedAt: this.#clock.now() })
  }

  // Made of the key, so that after a restart an id never means another job than before.
  #idOf(key: string | undefined): string {
    const { name, seed } = this.#options
    const source = key === undefined ? `no key ${seed} ${this.#submissions}` : `key ${key}`
    return `${name}-${createHash('sha256').update(source).digest('hex').slice(0, 24)}`
  }

  #remember(key: string, id: string): void {
    this.#ids.set(key, id)
    if (this.#ids.size <= KEYS_MAX) return
    const [oldest] = this.#ids.keys()
    if (oldest !== undefined) this.#ids.delete(oldest)
  }
}

function isOver(job: SimulatedJob, now: number): boolean {
  return job.cancelled || now >= job.finishesAt
}

/** A seed of its own for each thing that is drawn (FNV-1a, 32 bits), so that producers of one seed differ by name. */
export function seedOf({ seed, name }: SimulatedProducerOptions, purpose: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(`${seed} ${name} ${purpose}`)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
