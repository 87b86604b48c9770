/** What a step has yielded becomes steps of its job. */
import type { GeneratedSteps, SubjobEnded } from '../../domain/messages.ts'
import type { JobEntry } from './job-book.ts'

/** Steps of a job that may have yielded others: each is named in the job, which is written with each of its changes. */
export const GENERATIONS_MAX = 100

/** The end of a step that may have yielded others, as it counts. */
export interface SettledEnd {
  readonly report: SubjobEnded & { readonly generated: null }
  /** What its job takes on; null where that is nothing. */
  readonly generated: GeneratedSteps | null
}

/** Where its job has no room for what the step has yielded, the step has failed. */
export function settledEnd({ generated, ...rest }: SubjobEnded, entry: JobEntry): SettledEnd {
  const report = { ...rest, generated: null }
  if (generated === null || report.outcome !== 'succeeded') return { report, generated: null }
  const wrong = faultOf(generated, report.index, entry)
  if (wrong === null) return { report, generated }
  const message = `What it has generated can’t be added: ${wrong}`
  const last = report.attempts.length - 1
  const attempts = report.attempts.map((attempt, at) => (at === last ? { ...attempt, outcome: 'failed' as const, message } : attempt))
  const failed = { outcome: 'failed', succeeded: 0, failed: 1, message, attempts, failedOperations: [generated.generator] } as const
  return { report: { ...report, ...failed }, generated: null }
}

function faultOf({ groups, operations }: GeneratedSteps, step: number, { steps, job }: JobEntry): string | null {
  if (steps?.groupOf(step).generates !== true) return 'nothing was expected of it'
  if (job.generated.length >= GENERATIONS_MAX) return `${GENERATIONS_MAX} steps of the job have generated some, and no more may`
  return steps.checkAdded(step, groups, operations.length)
}
