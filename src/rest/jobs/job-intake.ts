import { digestOf } from '../../codec/digest.ts'
import { formatDestination } from '../../domain/destination.ts'
import type { JobId } from '../../domain/ids.ts'
import type { Job } from '../../domain/job.ts'
import { jobNumber } from '../../domain/job-number.ts'
import type { SubmitJob } from '../../domain/messages.ts'
import { checkSubmission } from '../../domain/submission.ts'
import { KafkaFailure, type Position } from '../../kafka/port.ts'
import type { JobDependencies } from '../dependencies.ts'
import { clip, Refusal, RETRY_AFTER_S, SEND_AGAIN, unavailable } from '../errors.ts'
import { bounded } from './bounded.ts'
import { DestinationDirectory } from './destination-directory.ts'
import { chooseJobId } from './job-ids.ts'

/** What a client asks for, in any dialect; the rest of the command is the intake's. */
export interface JobRequest extends Omit<SubmitJob, 'type' | 'digest' | 'createdAt'> {
  readonly idempotencyKey: string | null
  /** Where the client's body holds the operations, as faults name it: `dataJobWriteRequest.data`. */
  readonly operationsField: string
}

export type TakenJob = SubmitJob & { readonly jobId: JobId }

/**
 * Takes jobs in: checks them, gives them their id, and writes them to the command topic.
 *
 * A job is taken once its command was acknowledged. When the client can send it again under the same id, the command
 * that came first on the id's home partition counts, for the coordinator as well: the intake waits until the read model
 * has come past its own command, and then looks whose job is there.
 */
export class JobIntake {
  readonly #deps: JobDependencies
  readonly #destinations: DestinationDirectory
  #inFlight = 0

  readonly #taken: (job: TakenJob) => void

  /** `taken` hears of each job that was written, repetitions excepted. */
  constructor(deps: JobDependencies, taken: (job: TakenJob) => void) {
    this.#deps = deps
    this.#taken = taken
    const { admin, bucketExists, clock, timers, limits } = deps
    const { backendTimeoutMs: timeoutMs, destinationTtlMs: ttlMs } = limits
    this.#destinations = new DestinationDirectory({ admin, bucketExists, clock, timers, timeoutMs, ttlMs })
  }

  /**
   * Resolves once the job is durable; `repeated` when it had been before.
   * Throws Refusal: 400 and 422 on what can't be done, 409 on an id that is taken, 413 on what is too large, 503 when
   * Kafka is away. Rejects with KafkaFailure when it refuses.
   */
  async take(request: JobRequest): Promise<{ readonly job: TakenJob; readonly repeated: boolean }> {
    const { limits } = this.#deps
    if (this.#inFlight >= limits.submissionsInFlightMax) {
      const message = `${limits.submissionsInFlightMax} jobs are being taken already`
      throw unavailable(message, { retryAfterS: RETRY_AFTER_S, details: 'This one was not. Send it again.' })
    }
    this.#inFlight += 1
    try {
      return await this.#take(request)
    } finally {
      this.#inFlight -= 1
    }
  }

  async #take(request: JobRequest): Promise<{ readonly job: TakenJob; readonly repeated: boolean }> {
    const { idempotencyKey, operationsField, ...asked } = request
    const id = chooseJobId({ tenant: asked.tenant, jobId: asked.jobId, idempotencyKey }, this.#deps.clock)
    const { job, destination } = this.#checked(asked, id.jobId, operationsField)
    const known = id.repeatable ? await this.#deps.readModel.job(id.jobId) : undefined
    if (known !== undefined) {
      requireSame(known, job)
      return { job, repeated: true }
    }
    await this.#destinations.require(destination)
    const position = await this.#write(job)
    const repeated = id.repeatable && !(await this.#isFirst(job, position))
    if (!repeated) this.#taken(job)
    return { job, repeated }
  }

  #checked(asked: Omit<SubmitJob, 'type' | 'digest' | 'createdAt'>, jobId: JobId, operationsField: string) {
    const { destinations, submissions, clock } = this.#deps
    const draft = { ...asked, type: 'SubmitJob', jobId, digest: '', createdAt: clock.now() } as const
    const checked = checkSubmission(draft, destinations, submissions)
    if (!checked.ok) {
      const field = checked.fault.field.replace(/^operations/, operationsField)
      throw new Refusal(400, `${field}: ${checked.fault.message}`)
    }
    const { destination } = checked
    // Written with its scheme, so that no operator's setting can change later what a bare name meant.
    const settled = { ...draft, destination: destination.type === 'none' ? null : formatDestination(destination) }
    return { destination, job: { ...settled, digest: digestOf(settled) } }
  }

  async #write(job: TakenJob): Promise<Position> {
    const { codec, producer, progress, topics, limits, timers } = this.#deps
    const value = codec.encode(job)
    if (value.length > limits.commandBytesMax) throw tooLarge(value.length, limits.commandBytesMax)
    const partition = progress.homePartition(job.jobId)
    const headers = job.traceparent === null ? {} : { traceparent: job.traceparent }
    const record = { topic: topics.commands, partition, key: job.jobId, value, headers }
    try {
      const sent = producer.send([record])
      const [position] = await bounded(sent, { timers, timeoutMs: limits.backendTimeoutMs, who: 'Kafka' })
      if (position === undefined) throw new Error('broken invariant: a record was acknowledged without its position')
      return position
    } catch (error) {
      if (error instanceof KafkaFailure && TOO_LARGE.has(error.code)) throw tooLarge(value.length, null)
      throw error
    }
  }

  /** Whether the job is there by the command at this position, not by another that asks for the same. */
  async #isFirst(job: TakenJob, position: Position): Promise<boolean> {
    const { progress, readModel, limits } = this.#deps
    const reached = await progress.waitFor(position, limits.catchUpTimeoutMs)
    const first = reached ? await readModel.job(job.jobId) : undefined
    if (first !== undefined) {
      requireSame(first, job)
      return first.number === jobNumber(position)
    }
    const message = `Whether "${clip(job.jobId)}" was taken before is not known within ${limits.catchUpTimeoutMs} ms`
    throw unavailable(message, { retryAfterS: RETRY_AFTER_S, details: SEND_AGAIN })
  }
}

const TOO_LARGE: ReadonlySet<string> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE'])

function requireSame(known: Job, job: TakenJob): void {
  if (known.digest === job.digest) return
  const details = 'Send another jobId or Idempotency-Key, or ask for the status of the job that has it.'
  throw new Refusal(409, `The id "${clip(job.jobId)}" is taken by a job with other content`, { details })
}

function tooLarge(bytes: number, limit: number | null): Refusal {
  const allowed = limit === null ? 'the broker allows' : `the ${limit} bytes allowed`
  const details = 'Send it as several jobs.'
  return new Refusal(413, `The job takes ${bytes} bytes as a record, more than ${allowed}`, { details })
}
