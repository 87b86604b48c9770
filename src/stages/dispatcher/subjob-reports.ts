/** What a subjob's owner tells its job's. */
import type { ProducerProgress } from '../../domain/subjob.ts'
import type { SubjobEntry } from './subjob-entry.ts'
import type { Leavings } from './subjob-replies.ts'
import type { Turn } from '../stage.ts'

/** Its producer has taken it on. */
export function reportStart({ dispatch, subjob }: SubjobEntry, turn: Turn<never>): void {
  if (subjob.state !== 'polling') return
  const { jobId, index, run } = dispatch
  const { attempt, dataProducerJobId } = subjob
  const started = { attempt: attempt.number, worker: attempt.worker, at: attempt.startedAt, dataProducerJobId }
  turn.publish('subjobEvents', jobId, { type: 'SubjobStarted', jobId, index, run, ...started })
}

/** However often its producer is asked. What comes sooner is told with what follows, or is past by then. */
const PROGRESS_INTERVAL_MS = 1_000

/** Its producer says how far it is. The same again, or no more than every producer begins with, is no news. */
export function reportProgress(entry: SubjobEntry, progress: ProducerProgress, turn: Turn<never>): void {
  const { dispatch, subjob } = entry
  if (subjob.state !== 'polling') return
  const attempt = subjob.attempt.number
  const told = entry.reported?.attempt === attempt ? entry.reported : { percent: 0, message: null, at: -Infinity }
  if (progress.percent === told.percent && progress.message === told.message) return
  // A clock that was set back delays nothing for longer.
  if (turn.now >= told.at && turn.now < told.at + PROGRESS_INTERVAL_MS) return
  entry.reported = { ...progress, attempt, at: turn.now }
  const { jobId, index, run } = dispatch
  const { percent, message } = progress
  turn.publish('subjobEvents', jobId, { type: 'SubjobReported', jobId, index, run, attempt, progress: percent, message, at: turn.now })
}

/** Its latest attempt failed. */
export function reportFailure({ dispatch, subjob }: SubjobEntry, retryAt: number | null, turn: Turn<never>): void {
  const { jobId, index, run } = dispatch
  const attempt = subjob.attempts.at(-1)
  if (attempt === undefined) return
  turn.publish('subjobEvents', jobId, { type: 'SubjobAttemptFailed', jobId, index, run, attempt, retryAt })
}

/** It is given back, as it was handed out. */
export function reportRecall({ dispatch, operations }: SubjobEntry, turn: Turn<never>): void {
  const order = { ...dispatch, called: false, operations: operations.load() }
  turn.publish('subjobEvents', dispatch.jobId, { type: 'SubjobRecalled', order })
}

export function reportEnd({ dispatch, subjob }: SubjobEntry, leavings: Leavings, turn: Turn<never>): void {
  if (subjob.state !== 'ended') throw new Error('broken invariant: an ended subjob is not ended')
  const { jobId, index, run } = dispatch
  const { end, attempts } = subjob
  turn.publish('subjobEvents', jobId, { type: 'SubjobEnded', jobId, index, run, ...end, attempts, ...leavings })
}
