/** Attempts at a job in the dialect's words: an execution each, numbered over all of the job's runs. */
import type { Job } from '../../../domain/job.ts'
import { statusOf } from '../../../read-model/port.ts'
import type { SubjobRow } from '../../../read-model/subjob-row.ts'
import { errorOf, type ScaleError } from './error-catalog.ts'
import type { JobData } from './job-data.ts'

export type JobStatus = 'PENDING' | 'BLOCKED' | 'QUEUED' | 'RUNNING' | 'FAILED' | 'COMPLETED' | 'CANCELED'
export type ExecutionStatus = 'RUNNING' | 'FAILED' | 'COMPLETED' | 'CANCELED'

/** Times are milliseconds since the epoch. */
export interface Execution {
  readonly exeNum: number
  /** Of the job, in which it was. */
  readonly run: number
  readonly status: ExecutionStatus
  /** Null where it is not kept: of the first of an earlier run. */
  readonly queuedAt: number | null
  readonly startedAt: number
  readonly endedAt: number | null
  readonly worker: string
  readonly error: ScaleError | null
}

/** The job's only subjob; undefined as long as nothing is known of it. */
type Row = SubjobRow | undefined

/** What is being cancelled is CANCELED once it has ended, and so is what has failed and is given up. */
export function jobStatusOf(job: Job, row: Row): JobStatus {
  switch (statusOf(job)) {
    case 'accepted':
      return job.held ? 'PENDING' : 'QUEUED'
    case 'running':
    case 'concluding':
    case 'cancelling':
      return isUnderWay(job, row) ? 'RUNNING' : 'QUEUED'
    case 'succeeded':
      return 'COMPLETED'
    case 'partiallyFailed':
    case 'failed':
      return job.abandonedAt === null ? 'FAILED' : 'CANCELED'
    case 'cancelled':
      return 'CANCELED'
  }
}

// What waits for another attempt, or for the first one of another run, is in the queue.
function isUnderWay(job: Job, row: Row): boolean {
  if (row === undefined || row.run !== job.run) return false
  return row.state === 'started' || row.state === 'ended'
}

/** The oldest first. */
export function executionsOf(job: Job, row: Row, data: JobData): readonly Execution[] {
  const executions: Execution[] = []
  const isCancelled = statusOf(job) === 'cancelled'
  const attempts = row?.attempts ?? []
  for (const [at, attempt] of attempts.entries()) {
    const before = attempts[at - 1]
    const isStopped = isCancelled && at === attempts.length - 1 && attempt.outcome !== 'succeeded'
    const status = isStopped || attempt.outcome === 'cancelled' ? 'CANCELED' : attempt.outcome === 'succeeded' ? 'COMPLETED' : 'FAILED'
    const isFirstOfRun = before?.run !== attempt.run
    executions.push({
      ...{ exeNum: Math.max((executions.at(-1)?.exeNum ?? 0) + 1, attempt.run), run: attempt.run, status },
      queuedAt: isFirstOfRun ? (attempt.run === row?.run ? (row.plan?.at ?? null) : null) : before.endedAt,
      ...{ startedAt: attempt.startedAt, endedAt: attempt.endedAt, worker: attempt.worker },
      error: status === 'FAILED' ? errorOf(attempt, data) : null,
    })
  }
  if (row?.state !== 'started') return executions
  const last = attempts.at(-1)
  const { startedAt, worker } = row.attempt
  return [
    ...executions,
    {
      ...{ exeNum: Math.max((executions.at(-1)?.exeNum ?? 0) + 1, row.run), run: row.run, status: 'RUNNING' },
      ...{ startedAt, endedAt: null, worker, error: null },
      queuedAt: last?.run === row.run ? last.endedAt : (row.plan?.at ?? null),
    },
  ]
}

/** How many there have been, with the one that the job waits for. */
export function executionCount(job: Job, row: Row, executions: readonly Execution[]): number {
  const last = executions.at(-1)?.exeNum ?? 0
  const status = jobStatusOf(job, row)
  const waits = status === 'QUEUED' || status === 'PENDING' || status === 'BLOCKED'
  return Math.max(last + (waits ? 1 : 0), job.run)
}

/** Why a job has failed; null of others. */
export function jobErrorOf(job: Job, row: Row, data: JobData): ScaleError | null {
  if (jobStatusOf(job, row) !== 'FAILED') return null
  const last = row?.attempts.findLast(({ run, outcome }) => run === job.run && outcome !== 'succeeded')
  return errorOf(last ?? { code: null, message: job.message }, data)
}
