/** Tells the notifier what happened to jobs whose clients want to be told; of all others nothing is written. */
import type { Job } from '../../domain/job.ts'
import type { SubjobReport } from '../../domain/messages.ts'
import type { Turn } from '../stage.ts'

type Telling = Pick<Turn<never>, 'now' | 'publish'>

/** Of changes of the state: counts alone are not worth a word. `before` is null for a job that was accepted just now. */
export function tellChange(before: Job | null, job: Job, turn: Telling): void {
  if (before?.state === job.state || !hasCallbacks(job)) return
  const previous = before?.state ?? null
  turn.publish('callbacks', job.jobId, { type: 'JobNotice', job, previous, report: null, at: turn.now })
}

export function tellReport(job: Job, report: SubjobReport, turn: Telling): void {
  if (!hasCallbacks(job)) return
  // As many as a subjob may have would not fit beside the job, and nobody needs them.
  const told = report.type === 'SubjobEnded' ? { ...report, failedOperations: [], generated: null } : report
  turn.publish('callbacks', job.jobId, { type: 'JobNotice', job, previous: job.state, report: told, at: turn.now })
}

function hasCallbacks({ callbacks }: Job): boolean {
  return Object.keys(callbacks).length > 0
}
