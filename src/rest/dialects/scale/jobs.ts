/** Jobs of this dialect: created, found by number, listed. */
import type { Job } from '../../../domain/job.ts'
import type { DefinitionRegistered } from '../../../domain/inventory-messages.ts'
import type { Operation } from '../../../domain/operation.ts'
import type { SubjobRow } from '../../../read-model/subjob-row.ts'
import { definitionPath } from '../../../inventory/definition-handles.ts'
import type { Definitions } from '../../definitions.ts'
import type { JobDependencies } from '../../dependencies.ts'
import { clip, Refusal } from '../../errors.ts'
import { takeAtHand } from '../../jobs/job-at-hand.ts'
import type { JobIntake, JobRequest } from '../../jobs/job-intake.ts'
import type { JobLookup } from '../../jobs/job-lookup.ts'
import { DIALECT, JOB_TYPES, TENANT } from './base.ts'
import type { Execution } from './executions.ts'
import type { ExecutionResults } from './execution-results.ts'
import type { JobData } from './job-data.ts'
import { conditionsOfList, orderOf } from './job-filter.ts'
import { batchOf, jobDetailsOf, type JobContext, jobViewOf, type ReadJob, readJob } from './job-mapping.ts'
import type { JobInputBody, JobListQuery } from './job-schemas.ts'
import type { JobTypeDocument, JobTypes } from './job-types.ts'
import { commandValue, type JobInput, requireInput } from './manifest.ts'
import { type Page, pageRequestOf } from './pages.ts'
import { momentOf } from './instants.ts'

export interface JobsOptions {
  readonly deps: Pick<JobDependencies, 'readModel' | 'clock'>
  readonly intake: JobIntake
  readonly lookup: JobLookup
  readonly types: JobTypes
  readonly batches: Definitions
  readonly results: ExecutionResults
}

export interface Submitter {
  readonly submittedBy: string | null
  readonly idempotencyKey: string | null
  readonly traceparent: string | null
  /** The client's bearer token, for producers. */
  readonly authorization: string | null
}

const JSON_TYPE = 'application/json'

export class Jobs {
  readonly #options: JobsOptions

  constructor(options: JobsOptions) {
    this.#options = options
  }

  /** Resolves to the job once it can be read. Throws a 404 on an unknown type, a 400 on an input that does not fit, as JobIntake.take. */
  async create(body: JobInputBody, batchId: number | null, submitter: Submitter): Promise<ReadJob> {
    if (body.job_type_id === undefined) throw missing('job_type_id')
    if (body.input === undefined) throw missing('input')
    const type = await this.requireType(body.job_type_id)
    if (!type.isActive) throw new Refusal(400, `The job type "${clip(type.name)}" "${clip(type.version)}" is not active`)
    const input = inputOf(body.input)
    requireInput(type.manifest, input)
    const { name, version, revision, manifest } = type
    const { configuration = {} } = body
    const now = this.#options.deps.clock.now()
    const data: JobData = {
      type: { id: body.job_type_id, name, version, revision, errors: manifest.job.errors ?? [] },
      ...{ input, configuration: { ...configuration }, batchId, source: sourceOf(body, now) },
    }
    const request: JobRequest = {
      ...{ ...submitter, tenant: TENANT, dialect: DIALECT, dialectData: JSON.stringify(data), kind: 'WRITE', strict: false },
      ...{ jobId: null, destination: null, dataAcceptType: JSON_TYPE, dataContentType: JSON_TYPE, dependencies: [] },
      ...{ priority: configuration.priority ?? type.priority, labels: {}, deadlineAt: null, attemptsMax: type.maxTries },
      ...{ operationsField: 'input', held: false },
    }
    const path = definitionPath({ dialect: DIALECT, kind: JOB_TYPES, id: String(body.job_type_id), part: 0 })
    const value = commandValue(manifest, input, type)
    const operation: Operation = { operationId: '0', op: 'action', path: `${path}#run`, options: null, value }
    const { jobId } = await takeAtHand(this.#options.intake, request, [operation])
    return this.#read(await this.#options.lookup.require(jobId))
  }

  /** Throws a 404 on an unknown type, a 400 on the first input that does not fit. */
  async requireInputs(typeId: number, inputs: readonly NonNullable<JobInputBody['input']>[]): Promise<void> {
    const { manifest } = await this.requireType(typeId)
    for (const input of inputs) requireInput(manifest, inputOf(input))
  }

  /** Throws a 404. */
  async requireType(id: number): Promise<JobTypeDocument> {
    const type = await this.#options.types.find(id)
    if (type === undefined) throw new Refusal(404, `There is no job type ${id}`)
    return type
  }

  /** Throws a 404. One that is not known yet may just have been created through another instance, and is waited for. */
  async require(number: number): Promise<ReadJob> {
    const { readModel } = this.#options.deps
    let job = await readModel.jobByNumber(number)
    if (job === null) {
      await this.#options.lookup.settle()
      job = await readModel.jobByNumber(number)
    }
    if (job === null || job.dialect !== DIALECT) throw new Refusal(404, `There is no job ${number}`)
    return this.#read(job)
  }

  async list(query: JobListQuery): Promise<Page> {
    const { deps } = this.#options
    const conditions = conditionsOfList(query, deps.clock.now())
    const request = { ...pageRequestOf(query), order: orderOf(query.order) }
    const { items, count } = await deps.readModel.facetedJobs(conditions, request)
    const contextOf = this.#contexts()
    const results: object[] = []
    for (const item of items) {
      const read = readJob(item)
      if (read !== null) results.push(jobViewOf(read, contextOf(read)))
    }
    return { count, results }
  }

  async details(read: ReadJob): Promise<object> {
    const { types, results } = this.#options
    // It may have come from another instance, with its type: that is there then.
    const revision = await types.revision(read.data.type.id, read.data.type.revision)
    const context = this.#contexts()(read)
    const last = read.executions.at(-1)
    const output = last?.status === 'COMPLETED' ? await results.outputsOf(read, last) : {}
    return jobDetailsOf(read, context, { revision, output })
  }

  typeOf({ data }: ReadJob): Promise<JobTypeDocument | undefined> {
    return this.#options.types.find(data.type.id)
  }

  /** Throws a 404. */
  async requireExecution(number: number, exeNum: number): Promise<{ readonly read: ReadJob; readonly execution: Execution }> {
    const read = await this.require(number)
    const execution = read.executions.find((each) => each.exeNum === exeNum)
    if (execution === undefined) throw new Refusal(404, `The job ${number} has no execution ${exeNum}`)
    return { read, execution }
  }

  async #read(job: Job): Promise<ReadJob> {
    const { items } = await this.#options.lookup.subjobs(job.jobId, { limit: 1, after: null })
    const first: SubjobRow | null = items.find(({ index }) => index === 0) ?? null
    const read = readJob({ job, first })
    if (read === null) throw new Refusal(404, `There is no job ${job.number}`)
    return read
  }

  // Each type and batch of a page is looked up once, and none is waited for: the job was created with it.
  #contexts(): (read: ReadJob) => JobContext {
    const { types, batches } = this.#options
    const knownTypes = new Map<number, JobTypeDocument | undefined>()
    const knownBatches = new Map<number, object | null>()
    return ({ data: { type, batchId } }) => {
      if (!knownTypes.has(type.id)) knownTypes.set(type.id, types.known(type.id))
      if (batchId !== null && !knownBatches.has(batchId)) knownBatches.set(batchId, briefBatch(batches.known(String(batchId))))
      return { type: knownTypes.get(type.id), batch: batchId === null ? null : (knownBatches.get(batchId) ?? null) }
    }
  }
}

function briefBatch(found: DefinitionRegistered | undefined): object | null {
  return found === undefined ? null : batchOf(found)
}

function inputOf({ files = {}, json }: NonNullable<JobInputBody['input']>): JobInput {
  return { files, json: { ...json } }
}

function sourceOf(body: JobInputBody, now: number): JobData['source'] {
  const momentIn = (name: 'source_started' | 'source_ended'): number | null => {
    const text = body[name]
    return text === undefined ? null : momentOf(name, text, now)
  }
  return {
    ...{ startedAt: momentIn('source_started'), endedAt: momentIn('source_ended'), sensorClass: body.source_sensor_class ?? null },
    ...{ sensor: body.source_sensor ?? null, collection: body.source_collection ?? null, task: body.source_task ?? null },
  }
}

function missing(name: string): Refusal {
  return new Refusal(400, `Missing required parameter: "${name}"`)
}
