import type { JobId } from '../../domain/ids.ts'
import { type Destination, formatDestination } from '../../domain/destination.ts'
import type { Job } from '../../domain/job.ts'
import { jobNumber } from '../../domain/job-number.ts'
import type { SubmitJob } from '../../domain/messages.ts'
import { checkSubmission } from '../../domain/submission.ts'
import { KafkaFailure, type OutputRecord, type Position } from '../../kafka/port.ts'
import type { JobDependencies } from '../dependencies.ts'
import { clip, Refusal, RETRY_AFTER_S, SEND_AGAIN, unavailable } from '../errors.ts'
import { bounded } from './bounded.ts'
import { DestinationDirectory } from './destination-directory.ts'
import { chooseJobId } from './job-ids.ts'
import { JobPreview, type PreviewedSubjob } from './job-preview.ts'
import { JobUpload, type PartSink } from './job-upload.ts'
import { LargeJobs, transactionTimeoutMs, Unsettled } from './large-jobs.ts'
import { MemoryBudget } from './memory-budget.ts'
import { type PartSpool, PartSpools } from './part-spool.ts'
import { requireCallbacks } from './required-callbacks.ts'
import { type RefusedOperation, RefusedOperations } from './refused-operations.ts'
import { writeCommand } from './write-command.ts'

type PartsMember = 'submission' | 'parts' | 'operationCount'

/** None, and false, where they are left out. */
type OptionalTerms = Partial<Pick<SubmitJob, 'callbacks' | 'held' | 'groups'>>

const DEFAULT_TERMS: Required<OptionalTerms> = { callbacks: {}, held: false, groups: [] }

/** What a client asks for beside its operations, in any dialect; the rest of the command is the intake's. */
export interface JobRequest
  extends Omit<SubmitJob, 'type' | 'digest' | 'createdAt' | 'operations' | PartsMember | keyof OptionalTerms>, OptionalTerms {
  readonly idempotencyKey: string | null
  /** Where the client's body holds the operations, as faults name it: `dataJobWriteRequest.data`. */
  readonly operationsField: string
  /** Where it holds the addresses of callbacks; `callbacks` where the dialect has that name. */
  readonly callbacksField?: string
}

type CheckedPlaces = Required<Pick<JobRequest, 'operationsField' | 'callbacksField'>> & { readonly jobId: JobId }

export type TakenJob = SubmitJob & { readonly jobId: JobId; readonly createdAt: number }

/** What is known of a job before its operations come. */
export type UploadTerms = Pick<SubmitJob, 'tenant' | 'strict' | 'authorization'>

/** What a job would become, were it taken in now. */
export interface PreviewedJob {
  readonly kind: SubmitJob['kind']
  readonly operations: number
  readonly subjobs: readonly PreviewedSubjob[]
  readonly subjobCount: number
  readonly refused: readonly RefusedOperation[]
  readonly refusedCount: number
}

/** A job's operations while they come, and after. */
export interface Upload<Sink extends PartSink = PartSpool> {
  readonly operations: JobUpload<Sink>
  readonly refused: RefusedOperations | null
}

/** Operations without a ready handle that answers name, at most. */
const STRICT_SHOWN_MAX = 5
const PREVIEW_SHOWN_MAX = 100

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
  readonly #memory: MemoryBudget
  readonly #spools: PartSpools
  readonly #largeJobs: LargeJobs
  readonly #taken: (job: TakenJob) => void
  #inFlight = 0

  /** `taken` hears of each job that was written, repetitions excepted. */
  constructor(deps: JobDependencies, taken: (job: TakenJob) => void) {
    this.#deps = deps
    this.#taken = taken
    const { admin, bucketExists, clock, timers, limits, codec, openLargeProducer: openProducer } = deps
    const { backendTimeoutMs: timeoutMs, destinationTtlMs: ttlMs } = limits
    this.#destinations = new DestinationDirectory({ admin, bucketExists, clock, timers, timeoutMs, ttlMs })
    this.#memory = new MemoryBudget(limits.uploadMemoryBytesMax)
    this.#spools = new PartSpools({ folder: deps.spoolFolder, spoolsMax: limits.uploadsMax, bytesMax: limits.uploadBytesMax })
    this.#largeJobs = new LargeJobs({ codec, openProducer })
  }

  /** Has the work done unless too much is going on already: then it throws a 503. What it holds is bounded that way. */
  async admit<T>(work: () => Promise<T>): Promise<T> {
    const { limits } = this.#deps
    if (this.#inFlight >= limits.submissionsInFlightMax) {
      const message = `${limits.submissionsInFlightMax} jobs are being taken already`
      throw unavailable(message, { retryAfterS: RETRY_AFTER_S, details: 'This one was not. Send it again.' })
    }
    this.#inFlight += 1
    try {
      return await work()
    } finally {
      this.#inFlight -= 1
    }
  }

  /** For the operations of a job that is to be taken. It is to be closed, whatever becomes of it. */
  upload({ tenant, strict, authorization }: UploadTerms): Upload {
    const refused = strict ? new RefusedOperations(STRICT_SHOWN_MAX) : null
    return { operations: this.#upload({ tenant, refused, authorization, openSink: () => this.#spools.open() }), refused }
  }

  /** The same for one that is only to be looked at. `kind` is asked for once there are operations. */
  previewUpload(tenant: string, kind: () => SubmitJob['kind']): Upload<JobPreview> & { readonly preview: JobPreview } {
    const { codec, handles, splits } = this.#deps
    const preview = new JobPreview({ codec, splits, tenant, find: handles.find }, kind)
    const refused = new RefusedOperations(PREVIEW_SHOWN_MAX)
    const openSink = (): Promise<JobPreview> => Promise.resolve(preview)
    return { operations: this.#upload({ tenant, refused, authorization: null, openSink }), refused, preview }
  }

  #upload<Sink extends PartSink>(own: {
    readonly tenant: string
    readonly refused: RefusedOperations | null
    readonly authorization: string | null
    readonly openSink: () => Promise<Sink>
  }): JobUpload<Sink> {
    const { codec, submissions, handles, limits } = this.#deps
    return new JobUpload({
      ...{ codec, submissions, handles, memory: this.#memory, recordBytesMax: limits.commandBytesMax, ...own },
      ...{ windowBytesMax: limits.uploadWindowBytesMax, inventoryWaitMs: limits.catchUpTimeoutMs },
    })
  }

  /**
   * Resolves once the job is durable; `repeated` when it had been before.
   * Throws Refusal: 400 and 422 on what can't be done, 409 on an id that is taken, 413 on what is too large, 503 when
   * Kafka is away. Rejects with KafkaFailure when it refuses.
   */
  async take(request: JobRequest, upload: Upload): Promise<{ readonly job: TakenJob; readonly repeated: boolean }> {
    const { idempotencyKey, operationsField, callbacksField = 'callbacks', ...asked } = request
    const id = chooseJobId({ tenant: asked.tenant, jobId: asked.jobId, idempotencyKey }, this.#deps.clock)
    const { job, destination } = this.#checked(asked, upload.operations, { jobId: id.jobId, operationsField, callbacksField })
    const known = id.repeatable ? await this.#deps.readModel.job(id.jobId) : undefined
    if (known !== undefined) {
      requireSame(known, job)
      return { job, repeated: true }
    }
    if (upload.refused !== null && upload.refused.count > 0) throw notAllReady(upload.refused)
    await this.#destinations.require(destination)
    const position = await this.#write(job, upload.operations)
    const repeated = position === null || (id.repeatable && !(await this.#isFirst(job, position)))
    if (!repeated) this.#taken(job)
    return { job, repeated }
  }

  /** What taking the job would come to; nothing is written. Throws as {@link take} does on what can't be done. */
  async preview(request: JobRequest, { operations, refused, preview }: ReturnType<JobIntake['previewUpload']>): Promise<PreviewedJob> {
    const { idempotencyKey, operationsField, callbacksField = 'callbacks', ...asked } = request
    const { jobId } = chooseJobId({ tenant: asked.tenant, jobId: asked.jobId, idempotencyKey }, this.#deps.clock)
    const { destination } = this.#checked(asked, operations, { jobId, operationsField, callbacksField })
    await this.#destinations.require(destination)
    if (request.strict && refused !== null && refused.count > 0) throw notAllReady(refused)
    if (operations.whole === null) await operations.parts(request.kind)
    else preview.add(operations.whole)
    const { subjobs, count: subjobCount } = preview
    const { shown = [], count: refusedCount = 0 } = refused ?? {}
    return { kind: request.kind, operations: operations.count, subjobs, subjobCount, refused: shown, refusedCount }
  }

  #checked(
    asked: Omit<JobRequest, 'idempotencyKey' | 'operationsField' | 'callbacksField'>,
    upload: JobUpload<PartSink>,
    { jobId, operationsField, callbacksField }: CheckedPlaces,
  ): { readonly job: TakenJob; readonly destination: Destination } {
    const { destinations, submissions, clock } = this.#deps
    const inParts = { operations: [], submission: '', parts: 1, operationCount: upload.count }
    const inOne = { operations: upload.whole ?? [], submission: null, parts: 0, operationCount: 0 }
    const operations = upload.whole === null ? inParts : inOne
    const own = { type: 'SubmitJob', jobId, digest: '', createdAt: clock.now() } as const
    const draft = { ...DEFAULT_TERMS, ...asked, ...operations, ...own }
    const checked = checkSubmission(draft, destinations, submissions)
    if (!checked.ok) {
      const field = checked.fault.field.replace(/^operations/, operationsField).replace(/^callbacks/, callbacksField)
      throw new Refusal(400, `${field}: ${checked.fault.message}`)
    }
    requireCallbacks(draft.callbacks, { field: callbacksField, refusalOf: this.#deps.callbackRefusal })
    const { destination } = checked
    // Written with its scheme, so that no operator's setting can change later what a bare name meant.
    const settled = { ...draft, destination: destination.type === 'none' ? null : formatDestination(destination) }
    return { destination, job: { ...settled, digest: upload.digest(settled) } }
  }

  /** Resolves to the position of its command; null when the job turned out to be there by another. */
  async #write(job: TakenJob, upload: JobUpload<PartSpool>): Promise<Position | null> {
    const { codec, topics, progress, limits } = this.#deps
    const headers: Record<string, string> = job.traceparent === null ? {} : { traceparent: job.traceparent }
    const place = { topic: topics.commands, partition: progress.homePartition(job.jobId), headers }
    const value = upload.whole === null ? null : codec.encode(job)
    if (value !== null && value.length <= limits.commandBytesMax) return this.#writeOne({ ...place, key: job.jobId, value })
    if (job.held) throw heldTooLarge(limits.commandBytesMax)
    const { sink, submission, parts } = await upload.parts(job.kind)
    const command = { ...job, operations: [], submission, parts, operationCount: upload.count }
    return this.#writeLarge(command, sink, place)
  }

  async #writeOne(record: OutputRecord): Promise<Position> {
    try {
      return await writeCommand(this.#deps, record)
    } catch (error) {
      if (error instanceof KafkaFailure && TOO_LARGE.has(error.code)) throw tooLarge()
      throw error
    }
  }

  async #writeLarge(command: TakenJob, spool: PartSpool, place: Omit<OutputRecord, 'key' | 'value'>): Promise<Position | null> {
    const { timers, limits } = this.#deps
    // Others may be before it, each with as much time as itself.
    const timeoutMs = limits.backendTimeoutMs + limits.uploadsMax * transactionTimeoutMs(spool.bytes)
    try {
      return await bounded(this.#largeJobs.write({ command, spool, place }), { timers, timeoutMs, who: 'Kafka' })
    } catch (error) {
      if (error instanceof Unsettled) throw unknown(command.jobId, error)
      if (!(error instanceof KafkaFailure)) throw error
      if (TOO_LARGE.has(error.code)) throw tooLarge()
      if (error.disposition === 'reject' || !(await this.#isThere(command))) throw error
      return null
    }
  }

  /** Whether a job whose writing failed is there all the same: the answer to the commit may have been lost. */
  async #isThere(job: TakenJob): Promise<boolean> {
    const { progress, readModel, limits } = this.#deps
    const reached = await progress.waitForJob(job.jobId, limits.catchUpTimeoutMs)
    const found = await readModel.job(job.jobId)
    if (found === undefined && !reached) throw unknown(job.jobId)
    if (found !== undefined) requireSame(found, job)
    return found !== undefined
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

function notAllReady({ count, shown }: RefusedOperations): Refusal {
  const named = shown.map(({ operationId, path, statusCode, statusMessage }) => {
    return `${clip(String(operationId))} (${clip(path)}): ${statusCode} ${statusMessage}`
  })
  const more = count > shown.length ? `, and ${count - shown.length} more` : ''
  const message = `The job is strict, and ${count} of its operations have no handle that is ready`
  return new Refusal(422, message, { details: `${named.join('; ')}${more}. Nothing was sent.` })
}

function unknown(jobId: JobId, cause?: unknown): Refusal {
  const message = `Whether the job "${clip(jobId)}" was written is not known`
  return unavailable(message, { retryAfterS: RETRY_AFTER_S, details: SEND_AGAIN, cause })
}

function heldTooLarge(bytesMax: number): Refusal {
  return new Refusal(413, `A job that is held fits into one record of ${bytesMax} bytes, and this one does not`)
}

function tooLarge(): Refusal {
  const details = 'The command topic’s max.message.bytes is smaller than what the service writes: the operator should raise it.'
  return new Refusal(413, 'The job is larger than the broker allows', { details })
}
