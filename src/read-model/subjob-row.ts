import type { PublishedObject } from '../domain/assignment.ts'
import type { Attempt, StartedAttempt } from '../domain/attempt.ts'
import type { Outcome } from '../domain/job.ts'
import type { SubjobEventMessage } from '../domain/messages.ts'

interface Row {
  readonly jobId: string
  readonly index: number
  /** Attempts that ended, by number. */
  readonly attempts: readonly Attempt[]
}

/** A subjob as far as its dispatcher has reported it. Times are milliseconds since the epoch. */
export type SubjobRow = Row &
  (
    | { readonly state: 'started'; readonly attempt: StartedAttempt; readonly dataProducerJobId: string }
    /** Its latest attempt failed; what comes next was not reported yet. */
    | { readonly state: 'waiting' }
    | {
        readonly state: 'ended'
        readonly outcome: Outcome
        readonly succeeded: number
        readonly failed: number
        readonly object: PublishedObject | null
        readonly message: string | null
        readonly finishedAt: number
      }
  )

/** The process that works on the subjob, or did last; null when none has taken it. */
export function workerOf(row: SubjobRow): string | null {
  return row.state === 'started' ? row.attempt.worker : (row.attempts.at(-1)?.worker ?? null)
}

/** When the first attempt began; null when none has. */
export function startedAtOf(row: SubjobRow): number | null {
  return row.attempts[0]?.startedAt ?? (row.state === 'started' ? row.attempt.startedAt : null)
}

/** The row after an event. An event that was seen before, or comes late, changes nothing. */
export function foldSubjobEvent(row: SubjobRow | undefined, event: SubjobEventMessage): SubjobRow {
  if (row?.state === 'ended') return row
  const { jobId, index } = event
  const attempts = row?.attempts ?? []
  switch (event.type) {
    case 'SubjobStarted': {
      const { attempt: number, worker, at, dataProducerJobId } = event
      if (row !== undefined && latestAttempt(row) >= number) return row
      return { jobId, index, attempts, state: 'started', attempt: { number, worker, startedAt: at }, dataProducerJobId }
    }
    case 'SubjobAttemptFailed': {
      if (row?.attempts.some((each) => each.number === event.attempt.number) === true) return row
      const ended = [...attempts, event.attempt].sort((one, other) => one.number - other.number)
      if (row?.state === 'started' && row.attempt.number > event.attempt.number) return { ...row, attempts: ended }
      return waiting(event, ended)
    }
    case 'SubjobEnded': {
      const { outcome, succeeded, failed, object, message, at: finishedAt } = event
      return { jobId, index, attempts: event.attempts, state: 'ended', outcome, succeeded, failed, object, message, finishedAt }
    }
    default:
      return event satisfies never
  }
}

function waiting({ jobId, index }: SubjobEventMessage, attempts: readonly Attempt[]): SubjobRow {
  return { jobId, index, attempts, state: 'waiting' }
}

function latestAttempt(row: SubjobRow): number {
  return row.state === 'started' ? row.attempt.number : (row.attempts.at(-1)?.number ?? 0)
}
