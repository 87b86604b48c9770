/** What the client of an entry is told of its steps: each change, in order, with the step as it is then. */
import type { CallbackBody } from '../../../callbacks/callback-calls.ts'
import type { Job } from '../../../domain/job.ts'
import type { JobNotice, SubjobReport } from '../../../domain/messages.ts'
import type { DefinitionIndex } from '../../../inventory/definition-index.ts'
import { foldSubjobEvent } from '../../../read-model/subjob-row.ts'
import type { CallbackRule } from '../../../stages/notifier/callback-delivery.ts'
import { CALLBACK, entryDataOf, stepOf } from './entry-mapping.ts'
import { stepDescriptions } from './jobs.ts'
import type { StepReports } from './step-reports.ts'

const ENTRY_HEADER = 'maap-entry-id'

export const maapCallbackRule: CallbackRule = ({ job, report }) => {
  const url = job.callbacks[CALLBACK]
  const change = report === null ? null : changeOf(report)
  if (report === null || change === null || url === undefined) return []
  const line = `${job.jobId}/${report.index}`
  return [{ id: `${line}/${report.run}/${change}`, line, url, kind: report.type }]
}

/** Null where the step is as it was: once more in the hands of its producer, or given up, which its end tells. */
function changeOf(report: SubjobReport): string | null {
  switch (report.type) {
    case 'SubjobStarted':
      return report.attempt === 1 ? 'started' : null
    case 'SubjobAttemptFailed':
      return report.retryAt === null ? null : `attempt-${report.attempt.number}`
    case 'SubjobEnded':
      return 'ended'
  }
}

export class MaapCallbackBodies {
  readonly #reports: StepReports
  readonly #definitions: Pick<DefinitionIndex, 'find'>

  constructor(reports: StepReports, definitions: Pick<DefinitionIndex, 'find'>) {
    this.#reports = reports
    this.#definitions = definitions
  }

  /** The step after the report. Rejects where its result can't be read now. */
  async of({ job, report }: JobNotice): Promise<CallbackBody> {
    if (report === null) throw new Error('broken invariant: a callback about no step')
    const step = await this.#stepAfter(job, report)
    return {
      contentType: 'application/json',
      headers: { [ENTRY_HEADER]: job.jobId },
      body: Buffer.from(JSON.stringify(step)),
    }
  }

  async #stepAfter(job: Job, report: SubjobReport): Promise<object> {
    const { index } = report
    const row = foldSubjobEvent(undefined, report)
    const reports = await this.#reports.of(job, row === undefined ? [] : [row])
    const description = stepDescriptions(this.#definitions, entryDataOf(job).job_id)[index]
    return stepOf(job, index, { row, report: reports.get(index), description })
  }
}
