/** The last word on a job, the same in a topic's completion event and in a bucket's manifest. */
import type { Outcome } from '../domain/job-counts.ts'
import type { JobConclusion } from './sink.ts'

// Contract page, "Client → us", status.
const statuses: Record<Outcome, string> = {
  succeeded: 'FINISHED',
  partiallyFailed: 'PARTIALLY_FAILED',
  failed: 'FAILED',
  cancelled: 'CANCELLED',
}

export interface JobSummary {
  readonly jobId: string
  readonly status: string
  readonly counts: {
    readonly operations: JobConclusion['job']['operations']
    readonly subjobs: JobConclusion['job']['subjobs']
  }
  readonly message?: string
  /** ISO 8601, as the next one. */
  readonly startedAt: string
  readonly finishedAt: string
}

/** @param finishedAt milliseconds since the epoch */
export function summaryOf(job: JobConclusion['job'], finishedAt: number): JobSummary {
  const { jobId, outcome, operations, subjobs, message, startedAt } = job
  return {
    jobId,
    status: statuses[outcome],
    counts: { operations, subjobs },
    ...(message === null ? {} : { message }),
    startedAt: isoTime(startedAt),
    finishedAt: isoTime(finishedAt),
  }
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString()
}
