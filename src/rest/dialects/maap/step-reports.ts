/** What came of the steps of entries: why they failed, and what they have published, as far as their results are still there. */
import type { Job } from '../../../domain/job.ts'
import type { SubjobRow } from '../../../read-model/subjob-row.ts'
import type { OperationReport } from '../../../results/result-event.ts'
import { Refusal } from '../../errors.ts'
import type { JobResults } from '../../jobs/job-results.ts'
import { lastWords } from '../../jobs/last-words.ts'
import type { StepResults } from './schemas.ts'

type Files = StepResults['files']

export interface StepReport {
  readonly files: Files
  /** What the producer said of one that failed; null of others. */
  readonly failure: string | null
}

/** By the step's index; there is none of a step that has not ended, or whose result is kept no longer. */
export type StepReportsByIndex = ReadonlyMap<number, StepReport>

/** Steps of entries that have ended and whose reports are kept in memory: they stay as they are. */
const KEPT_STEPS_MAX = 20_000

export class StepReports {
  readonly #results: JobResults
  readonly #kept = new Map<string, StepReportsByIndex>()
  #keptSteps = 0

  constructor(results: JobResults) {
    this.#results = results
  }

  /** Throws a 503 where they can't be read now. */
  async of(job: Job, rows: readonly SubjobRow[]): Promise<StepReportsByIndex> {
    const ends = rows.filter((row) => row.state === 'ended')
    if (ends.length === 0) return new Map()
    const key = `${job.jobId}/${job.run}`
    const known = this.#kept.get(key)
    if (known !== undefined) return known
    const reports = await this.#read(job, ends)
    if (job.state === 'ended' && ends.length === job.subjobs.total) this.#keep(key, reports)
    return reports
  }

  async #read(job: Job, ends: readonly Extract<SubjobRow, { readonly state: 'ended' }>[]): Promise<StepReportsByIndex> {
    try {
      const reports = await this.#results.ofEnded(job, new Map(ends.map(({ index, finishedAt }) => [String(index), finishedAt])))
      return new Map([...reports].map(([operationId, report]) => [Number(operationId), reportOf(report)]))
    } catch (error) {
      // The topic is gone, or holds too much: what became of the steps is known all the same.
      if (error instanceof Refusal && error.status !== 503) return new Map()
      throw error
    }
  }

  #keep(key: string, reports: StepReportsByIndex): void {
    this.#kept.set(key, reports)
    this.#keptSteps += reports.size
    for (const [oldest, { size }] of this.#kept) {
      if (this.#keptSteps <= KEPT_STEPS_MAX) return
      this.#kept.delete(oldest)
      this.#keptSteps -= size
    }
  }
}

function reportOf({ statusCode, statusMessage, result }: OperationReport): StepReport {
  const failure = [statusMessage, lastWords(result)].filter((text) => text !== '').join('. ')
  return { files: filesIn(result), failure: statusCode === 0 ? null : failure }
}

/** Those that an exec producer names, its logs among them, or references in a result. */
function filesIn(result: unknown): Files {
  const { files, ...others } = membersOf(result)
  const named = (Array.isArray(files) ? (files as readonly unknown[]) : []).flatMap((file) => {
    const { uri, href, name } = membersOf(file)
    return fileOf(uri ?? href, typeof name === 'string' ? name : '')
  })
  const referred = Object.entries(others).flatMap(([name, value]) => {
    const { uri, href } = membersOf(value)
    return fileOf(uri ?? href, name)
  })
  return [...named, ...referred]
}

function fileOf(uri: unknown, description: string): Files {
  return typeof uri === 'string' ? [{ file_uri: uri, description }] : []
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
