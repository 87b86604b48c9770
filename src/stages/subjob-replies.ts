/** What comes back from outside, in the words of the subjob's state machine. */
import type { RoutedOperation } from '../domain/operation.ts'
import type { SubjobCommand } from '../domain/subjob.ts'
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

/** Operations that the end of a subjob leaves for another run: of a destination that refuses, all. */
export function undoneOf(completion: Settling, { operations }: SubjobEntry): readonly RoutedOperation[] {
  return completion.type === 'Published' ? completion.failedOperations : operations.load()
}
