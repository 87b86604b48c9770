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

/** What of a job is tried again: operations, and the subjobs that they were in. */
export interface Undone {
  readonly operations: number
  readonly subjobs: Pick<SubjobCounts, 'partiallyFailed' | 'failed' | 'cancelled'>
}

export function countedWithout({ operations, subjobs }: Omit<Counts, 'message'>, undone: Undone): Omit<Counts, 'message'> {
  const { partiallyFailed, failed, cancelled } = undone.subjobs
  return {
    operations: { ...operations, failed: operations.failed - undone.operations },
    subjobs: {
      ...subjobs,
      partiallyFailed: subjobs.partiallyFailed - partiallyFailed,
      failed: subjobs.failed - failed,
      cancelled: subjobs.cancelled - cancelled,
    },
  }
}

export function endedSubjobs(counts: SubjobCounts): number {
  return counts.succeeded + counts.partiallyFailed + counts.failed + counts.cancelled
}
