/** What commands have written, as far as the results of their executions are still kept. */
import { Refusal } from '../../errors.ts'
import type { JobResults } from '../../jobs/job-results.ts'
import { member } from '../../../results/result-event.ts'
import type { Execution } from './executions.ts'
import type { ReadJob } from './job-mapping.ts'
import type { LogLine } from './job-schemas.ts'

export type LogId = 'stdout' | 'stderr' | 'combined'

const OPERATION_ID = '0'
/** Between the producer's clock and ours. */
const MARGIN_MS = 60_000

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
  async #of({ job }: ReadJob, { startedAt, endedAt }: Execution): Promise<unknown> {
    if (endedAt === null) return undefined
    try {
      const result = (await this.#results.ofEnded(job, new Map([[OPERATION_ID, endedAt]]))).get(OPERATION_ID)?.result
      // Results of several runs have the same operation.
      const endedThere = Date.parse(String(member(result, 'endedAt')))
      return endedThere >= startedAt - MARGIN_MS && endedThere <= endedAt + MARGIN_MS ? result : undefined
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
