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

export interface SubjobResult {
  readonly outcome: Outcome
  readonly succeeded: number
  readonly failed: number
  readonly message: string | null
}

interface Counts {
  readonly operations: OperationCounts
  readonly subjobs: SubjobCounts
  /** Of the first that said something. */
  readonly message: string | null
}

export function countedAfter({ operations, subjobs, message }: Counts, result: SubjobResult): Counts {
  const { total, succeeded, failed } = operations
  return {
    operations: { total, succeeded: succeeded + result.succeeded, failed: failed + result.failed },
    subjobs: { ...subjobs, [result.outcome]: subjobs[result.outcome] + 1 },
    message: message ?? result.message,
  }
}

export function endedSubjobs(counts: SubjobCounts): number {
  return counts.succeeded + counts.partiallyFailed + counts.failed + counts.cancelled
}
