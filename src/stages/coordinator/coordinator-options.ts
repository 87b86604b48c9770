import type { DestinationRules } from '../../domain/destination.ts'
import type { FindHandle, SplitLimits } from '../../domain/split.ts'
import type { SubmissionLimits } from '../../domain/submission.ts'
import type { OperationStore } from '../operation-store.ts'
import type { DecodePart, PortionLimits } from './part-intake.ts'

export interface CoordinatorOptions {
  readonly partition: number
  readonly homePartition: (jobId: string) => number
  /** Bytes of a command that is sent to its home at most: what that adds has to fit into a record as well. */
  readonly forwardedBytesMax: number
  readonly findHandle: FindHandle
  readonly destinations: DestinationRules
  readonly submissions: SubmissionLimits
  readonly splits: SplitLimits
  readonly store: OperationStore
  readonly decodePart: DecodePart
  readonly attemptsMax: number
  /** How long the parts of a job are waited for. */
  readonly partsTimeoutMs: number
  readonly portions: PortionLimits
  /** How long an ended job is remembered: its id stays taken, its status readable. */
  readonly jobRetentionMs: number
  /** How long what failed of an ended job is kept, so that it can be tried again. */
  readonly retryRetentionMs: number
}
