/** What a subjob's owner tells its job's. */
import type { RoutedOperation } from '../domain/operation.ts'
import type { SubjobEntry } from './subjob-entry.ts'
import type { Turn } from './stage.ts'

/** Its producer has taken it on. */
export function reportStart({ dispatch, subjob }: SubjobEntry, turn: Turn<never>): void {
  if (subjob.state !== 'polling') return
  const { jobId, index, run } = dispatch
  const { attempt, dataProducerJobId } = subjob
  const started = { attempt: attempt.number, worker: attempt.worker, at: attempt.startedAt, dataProducerJobId }
  turn.publish('subjobEvents', jobId, { type: 'SubjobStarted', jobId, index, run, ...started })
}

/** Its latest attempt failed. */
export function reportFailure({ dispatch, subjob }: SubjobEntry, retryAt: number | null, turn: Turn<never>): void {
  const { jobId, index, run } = dispatch
  const attempt = subjob.attempts.at(-1)
  if (attempt === undefined) return
  turn.publish('subjobEvents', jobId, { type: 'SubjobAttemptFailed', jobId, index, run, attempt, retryAt })
}

export function reportEnd({ dispatch, subjob }: SubjobEntry, failedOperations: readonly RoutedOperation[], turn: Turn<never>): void {
  if (subjob.state !== 'ended') throw new Error('broken invariant: an ended subjob is not ended')
  const { jobId, index, run } = dispatch
  const { end, attempts } = subjob
  turn.publish('subjobEvents', jobId, { type: 'SubjobEnded', jobId, index, run, ...end, attempts, failedOperations })
}
