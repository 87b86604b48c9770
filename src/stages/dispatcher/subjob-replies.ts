/** What comes back from outside, in the words of the subjob's state machine. */
import type { SubjobEnded } from '../../domain/messages.ts'
import type { SubjobCommand } from '../../domain/subjob.ts'
import type { DispatcherCompletion } from './subjob-calls.ts'
import type { SubjobEntry } from './subjob-entry.ts'

type Settling = Exclude<DispatcherCompletion, { readonly type: 'CancelAnswered' }>

/** @param facts `at` is now, in milliseconds since the epoch; `retryDelayMs` says how long a failed call is not made again */
export function commandOf(
  completion: Settling,
  facts: { readonly entry: SubjobEntry; readonly at: number; readonly retryDelayMs: (retryAfterMs: number) => number },
): SubjobCommand {
  const { entry, at } = facts
  switch (completion.type) {
    case 'Submitted':
      return { type: 'RecordSubmission', dataProducerJobId: completion.dataProducerJobId }
    case 'Polled':
      return { type: 'RecordStatus', status: completion.status }
    case 'CallFailed':
      return { type: 'RecordCallFailure', failure: completion.failure, at, retryAt: at + facts.retryDelayMs(completion.retryAfterMs) }
    case 'Published':
      return { type: 'RecordPublication', publication: completion.publication, at }
    case 'SinkFailed':
      return { type: 'RecordSinkFailure', failure: completion.failure, operations: entry.operations.count, at }
  }
}

/** What the end of a subjob leaves to be done. */
export type Leavings = Pick<SubjobEnded, 'failedOperations' | 'generated'>

export function nothingLeft(): Leavings {
  return { failedOperations: [], generated: null }
}

/** Of a destination that refuses, all operations are left for another run. */
export function leavingsOf(completion: Settling, { operations }: SubjobEntry): Leavings {
  if (completion.type !== 'Published') return { failedOperations: operations.load(), generated: null }
  const { failedOperations, generated } = completion
  return { failedOperations, generated }
}
