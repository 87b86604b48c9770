/** What commands have written, as far as the results of their executions are still kept. */
import { Refusal } from '../../errors.ts'
import type { JobResults } from '../../jobs/job-results.ts'
import { reportedRuns, reportOfRun } from '../../jobs/run-reports.ts'
import { member } from '../../../results/result-event.ts'
import type { Execution } from './executions.ts'
import type { ReadJob } from './job-mapping.ts'
import type { LogLine } from './job-schemas.ts'

export type LogId = 'stdout' | 'stderr' | 'combined'

const OPERATION_ID = '0'

export class ExecutionResults {
  readonly #results: JobResults

  constructor(results: JobResults) {
    this.#results = results
  }

  /** Empty where nothing is known of them. Throws a 503 where they can't be read now. */
  async outputsOf(read: ReadJob, execution: Execution): Promise<object> {
    const outputs = member(await this.#of(read, execution), 'outputs')
    return typeof outputs === 'object' && outputs !== null ? outputs : {}
  }

  /** Line by line: of both streams, what went to stderr comes last, for in which order they came is not known. Throws as the other does. */
  async logOf(read: ReadJob, execution: Execution, log: LogId): Promise<readonly LogLine[]> {
    const result = await this.#of(read, execution)
    const streams = (['stdout', 'stderr'] as const).filter((stream) => log === 'combined' || log === stream)
    const lines = streams.flatMap((stream) => linesIn(member(member(result, stream), 'text')).map((message) => ({ stream, message })))
    return lines.map(({ stream, message }, at) => ({
      ...{ message, '@timestamp': null, scale_order_num: at + 1, scale_task: null, scale_job_exe: null },
      ...{ scale_node: execution.worker, stream },
    }))
  }

  /** Undefined where there is none: of an attempt that had no result, or one whose result is kept no longer. */
  async #of({ job, first, executions }: ReadJob, { exeNum, run, endedAt }: Execution): Promise<unknown> {
    if (first === null || endedAt === null) return undefined
    // A run reports what its last attempt has come to.
    if (executions.some((each) => each.run === run && each.exeNum > exeNum)) return undefined
    const ends = executions.flatMap((each) => each.endedAt ?? [])
    try {
      const reports = (await this.#results.historyOf(job, { ends, reports: reportedRuns(first) })).get(OPERATION_ID) ?? []
      return reportOfRun(reports, first, run)?.result
    } catch (error) {
      if (error instanceof Refusal && error.status !== 503) return undefined
      throw error
    }
  }
}

function linesIn(text: unknown): readonly string[] {
  if (typeof text !== 'string' || text === '') return []
  return (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n')
}
