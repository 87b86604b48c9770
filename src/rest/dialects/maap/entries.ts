/** Entries: jobs that are held until they are run, step by step or as a whole. */
import type { Job } from '../../../domain/job.ts'
import { PRIORITY_DEFAULT } from '../../../domain/share.ts'
import type { DefinitionIndex } from '../../../inventory/definition-index.ts'
import type { SubjobPage } from '../../../read-model/port.ts'
import type { SubjobRow } from '../../../read-model/subjob-row.ts'
import { clip, Refusal } from '../../errors.ts'
import type { JobControl } from '../../jobs/job-control.ts'
import { takeAtHand } from '../../jobs/job-at-hand.ts'
import type { JobIntake, JobRequest } from '../../jobs/job-intake.ts'
import type { JobLookup } from '../../jobs/job-lookup.ts'
import { TENANT } from './base.ts'
import { CALLBACK, DIALECT, type EntryData, entryDataOf, entryOf, isPending, statusOfEntry, stepOf } from './entry-mapping.ts'
import { type PlannedEntry, stepDescriptions } from './jobs.ts'
import type { JobEntry, PageQuery, RunInput, StepResults } from './schemas.ts'
import type { StepReports } from './step-reports.ts'

export interface EntriesOptions {
  readonly intake: JobIntake
  readonly lookup: JobLookup
  readonly control: JobControl
  readonly reports: StepReports
  readonly definitions: Pick<DefinitionIndex, 'find'>
}

export interface Submitter {
  readonly submittedBy: string | null
  readonly idempotencyKey: string | null
  readonly traceparent: string | null
  /** The client's bearer token, for producers. */
  readonly authorization: string | null
}

const JSON_TYPE = 'application/json'
const ROWS_MAX = 1_000

export class Entries {
  readonly #options: EntriesOptions

  constructor(options: EntriesOptions) {
    this.#options = options
  }

  /** Resolves to the entry's id once it is durable. Throws as JobIntake.take does. */
  async submit({ job, operations }: PlannedEntry, submitter: Submitter): Promise<string> {
    const data: EntryData = { job_id: job.job_id, job_name: job.job_name, steps: operations.length }
    const request: JobRequest = {
      ...{ ...submitter, tenant: TENANT, dialect: DIALECT, dialectData: JSON.stringify(data), kind: 'WRITE', strict: false },
      ...{ jobId: null, destination: null, dataAcceptType: JSON_TYPE, dataContentType: JSON_TYPE, priority: PRIORITY_DEFAULT },
      ...{ labels: {}, deadlineAt: null, attemptsMax: null, operationsField: 'data_collection', held: true },
      // Each is a subjob of its own, whoever carries it out.
      dependencies: operations.map(({ operationId }) => ({ operationId, parents: [] })),
    }
    return (await takeAtHand(this.#options.intake, request, operations)).jobId
  }

  /** Throws a 404. */
  async get(entryId: string): Promise<JobEntry> {
    return this.#shown(await this.#require(entryId))
  }

  /** The newest first. */
  async list({ offset, limit }: PageQuery): Promise<JobEntry[]> {
    const { lookup } = this.#options
    await lookup.settle()
    const { items } = await lookup.list({ tenant: TENANT, dialect: DIALECT }, { offset, limit })
    const entries: JobEntry[] = []
    for (const job of items) entries.push(await this.#shown(job))
    return entries
  }

  /** Throws a 404 on an unknown entry or step. */
  async step(entryId: string, index: number): Promise<StepResults> {
    const { lookup, reports } = this.#options
    const job = await this.#require(entryId)
    requireStep(job, index)
    const { items } = await lookup.subjobs(job.jobId, { limit: 1, after: index === 0 ? null : index - 1 })
    const rows = items.filter((row) => row.index === index)
    const report = (await reports.of(job, rows)).get(index)
    return stepOf(job, index, { row: rows[0], report, description: this.#descriptionsOf(job)[index] })
  }

  /** Resolves once it runs. Throws a 404, a 409 on one that is not pending, a 400 on a callback that can't be. */
  async run(entryId: string, { callback_uri: uri = '' }: RunInput, requestedBy: string | null): Promise<void> {
    const job = await this.#require(entryId)
    const status = statusOfEntry(job)
    if (status !== 'PENDING') throw notPending(`entry "${clip(entryId)}"`, status)
    await this.#options.control.release(entryId, { requestedBy, callbacks: callbacksOf(uri), callbacksField: 'body' })
  }

  /** The same of a single step. */
  async runStep(entryId: string, index: number, { callback_uri: uri = '' }: RunInput, requestedBy: string | null): Promise<void> {
    const job = await this.#require(entryId)
    requireStep(job, index)
    if (!isPending(job, index)) throw notPending(`step ${index} of the entry "${clip(entryId)}"`, (await this.step(entryId, index)).status)
    const released = { requestedBy, callbacks: callbacksOf(uri), callbacksField: 'body', subjobs: [index] }
    await this.#options.control.release(entryId, released)
  }

  /** Resolves once it is being cancelled, or was. Throws a 404, a 409 on one that has ended otherwise. */
  async cancel(entryId: string, requestedBy: string | null): Promise<void> {
    await this.#require(entryId)
    await this.#options.control.cancel(entryId, { requestedBy })
  }

  async #require(entryId: string): Promise<Job> {
    const job = await this.#options.lookup.require(entryId).catch((error: unknown) => {
      throw error instanceof Refusal && error.status === 404 ? noSuchEntry(entryId) : error
    })
    if (job.tenant !== TENANT || job.dialect !== DIALECT) throw noSuchEntry(entryId)
    return job
  }

  async #shown(job: Job): Promise<JobEntry> {
    const rows: SubjobRow[] = []
    let after: number | null = null
    do {
      const page: SubjobPage = await this.#options.lookup.subjobs(job.jobId, { limit: ROWS_MAX, after })
      rows.push(...page.items)
      after = page.next
    } while (after !== null)
    const reports = await this.#options.reports.of(job, rows)
    return entryOf(job, { rows, reports, descriptions: this.#descriptionsOf(job) })
  }

  #descriptionsOf(job: Job): readonly string[] {
    return stepDescriptions(this.#options.definitions, entryDataOf(job).job_id)
  }
}

function requireStep(job: Job, index: number): void {
  if (index >= entryDataOf(job).steps) throw new Refusal(404, `The entry "${clip(job.jobId)}" has no step ${index}`)
}

function callbacksOf(uri: string): Record<string, string> {
  return uri === '' ? {} : { [CALLBACK]: uri }
}

function noSuchEntry(entryId: string): Refusal {
  return new Refusal(404, `There is no entry "${clip(entryId)}"`)
}

function notPending(what: string, status: string): Refusal {
  return new Refusal(409, `The ${what} is not PENDING`, { details: `It is ${status}, and is run once.` })
}
