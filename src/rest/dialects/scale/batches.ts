/** Batches: jobs of one type that were created together. A batch is a definition; which jobs it has, they say themselves. */
import { randomUUID } from 'node:crypto'
import type { DefinitionRegistered } from '../../../domain/inventory-messages.ts'
import type { Definitions } from '../../definitions.ts'
import { Refusal } from '../../errors.ts'
import { stableId } from './ids.ts'
import { type BatchDocument, batchOf } from './job-mapping.ts'
import type { BatchInput } from './job-schemas.ts'
import type { Jobs, Submitter } from './jobs.ts'

/** Jobs that are being taken at a time. */
const SIDE_BY_SIDE = 20

export class Batches {
  readonly #definitions: Definitions
  readonly #jobs: Jobs

  constructor(definitions: Definitions, jobs: Jobs) {
    this.#definitions = definitions
    this.#jobs = jobs
  }

  /**
   * Resolves once all of its jobs are durable. The same Idempotency-Key makes the same batch, and none of its jobs twice: what was
   * broken off is finished so. Throws a 400 on an input that does not fit, before any job was created, and as Jobs.create does.
   */
  async create({ inputs, ...sent }: BatchInput, submitter: Submitter): Promise<object> {
    await this.#jobs.requireInputs(sent.job_type_id, inputs)
    const id = stableId('batch', submitter.idempotencyKey ?? randomUUID())
    const { title, description = null, job_type_id: jobTypeId } = sent
    const document: BatchDocument = { title, description, jobTypeId, jobs: inputs.length }
    const registered = await this.#definitions.register({ id: String(id), document, service: null })
    const body = { job_type_id: jobTypeId, ...(sent.configuration === undefined ? {} : { configuration: sent.configuration }) }
    for (let from = 0; from < inputs.length; from += SIDE_BY_SIDE) {
      const created = inputs.slice(from, from + SIDE_BY_SIDE).map((input, at) => {
        return this.#jobs.create({ ...body, input }, id, { ...submitter, idempotencyKey: `scale batch ${id} ${from + at}` })
      })
      await Promise.all(created)
    }
    return detailsOf(registered)
  }

  /** The newest first. */
  all(): readonly object[] {
    return this.#definitions.list({ offset: 0, limit: Number.MAX_SAFE_INTEGER }).map(detailsOf)
  }

  /** Throws a 404. */
  async require(id: number): Promise<object> {
    const found = await this.#definitions.find(String(id))
    if (found === undefined) throw new Refusal(404, `There is no batch ${id}`)
    return detailsOf(found)
  }
}

function detailsOf(registered: DefinitionRegistered): object {
  const { jobTypeId, jobs } = JSON.parse(registered.document) as BatchDocument
  return { ...batchOf(registered), job_type_id: jobTypeId, jobs_total: jobs }
}
