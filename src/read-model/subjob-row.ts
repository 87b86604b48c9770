import type { PublishedObject } from '../domain/assignment.ts'
import type { Attempt, StartedAttempt } from '../domain/attempt.ts'
import type { Outcome } from '../domain/job-counts.ts'
import type { PlannedSubjob, SubjobNews } from '../domain/messages.ts'

interface Row {
  readonly jobId: string
  readonly index: number
  /** 1, and one more each time that what failed of it was tried again. */
  readonly run: number
  /** What it was planned as; null as long as only its producer's owner has spoken of it. */
  readonly plan: SubjobPlanRow | null
  /** Attempts that ended, in the order of runs and numbers. */
  readonly attempts: readonly RunAttempt[]
}

export interface SubjobPlanRow {
  /** Empty when no producer is asked. */
  readonly service: string
  readonly dataProducerId: string
  readonly operations: number
  /** Subjobs that it waits for. */
  readonly parents: readonly number[]
  readonly at: number
}

export interface ProgressRow {
  /** Percent, from 0 to 100. */
  readonly progress: number
  readonly message: string | null
  readonly at: number
}

export interface RunAttempt extends Attempt {
  readonly run: number
}

/** A subjob as far as it was reported. Times are milliseconds since the epoch. */
export type SubjobRow = Row &
  (
    | { readonly state: 'planned' }
    | {
        readonly state: 'started'
        readonly attempt: StartedAttempt
        readonly dataProducerJobId: string
        /** The latest; null as long as its producer has said nothing of how far it is. */
        readonly report: ProgressRow | null
      }
    /** Its latest attempt failed; it is tried again then, perhaps in another run, or its end is being told. */
    | { readonly state: 'waiting'; readonly retryAt: number | null }
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

/** Why it failed, or its latest attempt did; null when nothing has gone wrong. */
export function lastErrorOf(row: SubjobRow): string | null {
  return row.state === 'ended' ? row.message : (row.attempts.at(-1)?.message ?? null)
}

/** The row after it was planned, once more or for the first time. */
export function foldPlannedSubjob(row: SubjobRow | undefined, jobId: string, planned: PlannedSubjob, at: number): SubjobRow {
  const { index, run, service, dataProducerId, operations, parents, retryAt } = planned
  const plan = { service, dataProducerId, operations, parents, at }
  if (row === undefined || run > row.run) {
    const base = { jobId, index, run, plan, attempts: row?.attempts ?? [] }
    return retryAt === null ? { ...base, state: 'planned' } : { ...base, state: 'waiting', retryAt }
  }
  return run === row.run && row.plan === null ? { ...row, plan } : row
}

/** The row after a report. One that was seen before, comes late, or is of an attempt that nothing is known of changes nothing. */
export function foldSubjobEvent(row: SubjobRow | undefined, event: SubjobNews): SubjobRow | undefined {
  const { jobId, index, run } = event
  if (row !== undefined && (run < row.run || (run === row.run && row.state === 'ended'))) return row
  const isSameRun = row?.run === run
  const base = { jobId, index, run, plan: row?.plan ?? null, attempts: row?.attempts ?? [] }
  switch (event.type) {
    case 'SubjobStarted': {
      const { attempt: number, worker, at, dataProducerJobId } = event
      if (row !== undefined && isSameRun && latestAttempt(row) >= number) return row
      return { ...base, state: 'started', attempt: { number, worker, startedAt: at }, dataProducerJobId, report: null }
    }
    case 'SubjobReported': {
      const { attempt, progress, message, at } = event
      if (row?.state !== 'started' || !isSameRun || row.attempt.number !== attempt) return row
      return row.report !== null && row.report.at >= at ? row : { ...row, report: { progress, message, at } }
    }
    case 'SubjobAttemptFailed': {
      const { attempt, retryAt } = event
      if (row?.attempts.some((each) => each.run === run && each.number === attempt.number) === true) return row
      const attempts = inOrder([...base.attempts, { ...attempt, run }])
      if (row?.state === 'started' && isSameRun && row.attempt.number > attempt.number) return { ...row, attempts }
      return { ...base, attempts, state: 'waiting', retryAt }
    }
    case 'SubjobEnded': {
      const { outcome, succeeded, failed, object, message, at: finishedAt } = event
      const earlier = base.attempts.filter((each) => each.run < run)
      const attempts = [...earlier, ...event.attempts.map((attempt) => ({ ...attempt, run }))]
      return { ...base, attempts, state: 'ended', outcome, succeeded, failed, object, message, finishedAt }
    }
    default:
      return event satisfies never
  }
}

function inOrder(attempts: readonly RunAttempt[]): readonly RunAttempt[] {
  return [...attempts].sort((one, other) => one.run - other.run || one.number - other.number)
}

function latestAttempt(row: SubjobRow): number {
  if (row.state === 'started') return row.attempt.number
  const last = row.attempts.at(-1)
  return last?.run === row.run ? last.number : 0
}
