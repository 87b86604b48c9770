/** How subjobs and their operations end, and how many of a job have ended how. */

export const OUTCOMES = ['succeeded', 'partiallyFailed', 'failed', 'cancelled'] as const
export type Outcome = (typeof OUTCOMES)[number]

export interface OperationCounts {
  readonly total: number
  readonly succeeded: number
  readonly failed: number
}

export interface SubjobCounts extends OperationCounts {
  readonly partiallyFailed: number
  /** None of their operations was done, for the job was cancelled. */
  readonly cancelled: number
}

export function countedSubjob(counts: SubjobCounts, outcome: Outcome): SubjobCounts {
  return { ...counts, [outcome]: counts[outcome] + 1 }
}

export function endedSubjobs(counts: SubjobCounts): number {
  return counts.succeeded + counts.partiallyFailed + counts.failed + counts.cancelled
}
