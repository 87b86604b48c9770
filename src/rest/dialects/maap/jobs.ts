/** Jobs of this dialect: what is to be run on which granules. Each time that one is submitted, an entry comes of it. */
import type { DefinitionRegistered } from '../../../domain/inventory-messages.ts'
import type { Operation } from '../../../domain/operation.ts'
import { definitionPath } from '../../../inventory/definition-handles.ts'
import type { DefinitionIndex, DefinitionPage } from '../../../inventory/definition-index.ts'
import type { Definitions } from '../../definitions.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { clip, Refusal } from '../../errors.ts'
import type { ProcessSchemas } from '../../processes/process-schemas.ts'
import type { Algorithms, Work } from './algorithms.ts'
import { TENANT } from './base.ts'
import { DIALECT } from './entry-mapping.ts'
import type { JobInput, MaapJob } from './schemas.ts'
import { commandValue, objectValue, processValue, type Step } from './step-values.ts'

export const JOBS = 'jobs'

export interface JobsOptions {
  readonly deps: Pick<ServerDependencies, 'limits'>
  readonly definitions: Definitions
  readonly algorithms: Algorithms
  readonly schemas: ProcessSchemas
}

/** A job, and what running it once comes to: an operation for each step. */
export interface PlannedEntry {
  readonly job: MaapJob
  readonly operations: readonly Operation[]
}

export class Jobs {
  readonly #options: JobsOptions

  constructor(options: JobsOptions) {
    this.#options = options
  }

  /** Resolves once it is registered. Throws a 400 where nobody could carry it out. */
  async register(id: string, sent: JobInput): Promise<MaapJob> {
    const { algorithms, definitions } = this.#options
    const { job_name, algorithm_id, data_collection = [], status = 'ACTIVE', description } = sent
    const document = { job_name, algorithm_id, data_collection, status, ...(description === undefined ? {} : { description }) }
    const work = await algorithms.workOf(algorithm_id)
    this.#requireFitting(this.#operationsOf({ job_id: id, ...document }, work))
    return jobOf(await definitions.register({ id, document, service: work.service }))
  }

  /** Throws a 404. */
  async require(id: string): Promise<MaapJob> {
    return jobOf(await this.#required(id))
  }

  /** The newest first. */
  list(page: DefinitionPage): MaapJob[] {
    return this.#options.definitions.list(page).map(jobOf)
  }

  /** Throws a 404 on an unknown one, a 409 on one that is deprecated, a 400 where nobody carries it out any more. */
  async plan(id: string): Promise<PlannedEntry> {
    const definition = await this.#required(id)
    const job = jobOf(definition)
    if (job.status === 'DEPRECATED') throw new Refusal(409, `The job "${clip(id)}" is deprecated`, { details: 'It can’t be submitted.' })
    const work = await this.#options.algorithms.workOf(job.algorithm_id)
    // It may have moved to another producer since.
    if (work.service !== definition.service) {
      const { job_id: _id, ...document } = job
      await this.#options.definitions.register({ id, document, service: work.service })
    }
    return { job, operations: this.#operationsOf(job, work) }
  }

  async #required(id: string): Promise<DefinitionRegistered> {
    const found = await this.#options.definitions.find(id)
    if (found === undefined) throw new Refusal(404, `There is no job "${clip(id)}"`)
    return found
  }

  #operationsOf(job: MaapJob, work: Work): readonly Operation[] {
    return stepsOf(job).map((step) => ({
      ...{ operationId: String(step.index), op: 'action', path: `${pathOf(job, work, step)}#run`, options: null },
      value: this.#valueOf(job, work, step),
    }))
  }

  #valueOf(job: MaapJob, work: Work, step: Step): string {
    switch (work.type) {
      case 'command':
        return commandValue(work.command, step)
      case 'process':
        return processValue(work.process, job, step, this.#options.schemas)
      case 'object':
        return objectValue(job, step)
    }
  }

  #requireFitting(operations: readonly Operation[]): void {
    const { commandBytesMax } = this.#options.deps.limits
    const bytes = Buffer.byteLength(JSON.stringify(operations))
    if (bytes <= commandBytesMax) return
    const details = 'Make several jobs of it.'
    throw new Refusal(400, `body data_collection: an entry would have ${bytes} bytes, and may have ${commandBytesMax}`, { details })
  }
}

/** What each step of an entry is about, in their order, as far as the definitions have its job. */
export function stepDescriptions(definitions: Pick<DefinitionIndex, 'find'>, jobId: string): readonly string[] {
  const definition = definitions.find({ tenant: TENANT, dialect: DIALECT, kind: JOBS }, jobId)
  if (definition === undefined) return []
  const job = jobOf(definition)
  return stepsOf(job).map(({ granule }) => granule?.description ?? granule?.granule_id ?? job.description ?? job.job_name)
}

function stepsOf({ data_collection: granules }: MaapJob): readonly Step[] {
  return granules.length === 0 ? [{ index: 0, granule: null }] : granules.map((granule, index) => ({ index, granule }))
}

/**
 * Steps of one entry that run side by side: those at one data producer follow each other, as all that writes. More, with as much in flight
 * as each may have, would be more than an exec producer takes (docs/exec-producer.md, `jobsMax`).
 */
const SIDE_BY_SIDE = 15

function pathOf({ job_id: id }: MaapJob, work: Work, { index }: Step): string {
  if (work.type === 'object') return work.alternateId
  return definitionPath({ dialect: DIALECT, kind: JOBS, id, part: index % SIDE_BY_SIDE })
}

function jobOf({ id, document }: DefinitionRegistered): MaapJob {
  return { job_id: id, ...(JSON.parse(document) as Omit<MaapJob, 'job_id'>) }
}
