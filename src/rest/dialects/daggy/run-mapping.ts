/** Jobs and subjobs in daggy's words: a run is a job, a task is a subjob. Times are nanoseconds since the epoch, as texts. */
import { constants } from 'node:os'
import type { Job } from '../../../domain/job.ts'
import type { Outcome } from '../../../domain/job-counts.ts'
import type { Milestone } from '../../../domain/milestones.ts'
import { isSuccess } from '../../../domain/response-code.ts'
import { statusOf } from '../../../read-model/port.ts'
import type { RunAttempt, SubjobRow } from '../../../read-model/subjob-row.ts'
import { member, type OperationReport } from '../../../results/result-event.ts'
import { reportOfRun } from '../../jobs/run-reports.ts'
import type { DagRun, RunSummary, State, TaskAttempt } from './schemas.ts'

/** What a job keeps of the run that it is: little, for each of its changes is written with it. */
export interface RunData {
  readonly tag: string
  /** The definition that holds the specification. */
  readonly spec: string
}

/** As far as it reads like it: jobs may come by the command topic with any data. */
export function runDataOf({ dialectData }: Pick<Job, 'dialectData'>): RunData {
  const { tag, spec } = parsedObject(dialectData)
  return { tag: typeof tag === 'string' ? tag : '', spec: typeof spec === 'string' ? spec : '' }
}

function parsedObject(text: string | null): Readonly<Record<string, unknown>> {
  try {
    return { ...(JSON.parse(text ?? 'null') as object | null) }
  } catch {
    return {}
  }
}

export function runStateOf(job: Job): State {
  const isOpen = job.state === 'accepted' || job.state === 'running'
  if (isOpen && job.held) return 'PAUSED'
  switch (statusOf(job)) {
    case 'accepted':
      return 'QUEUED'
    case 'running':
    case 'concluding':
      return 'RUNNING'
    case 'cancelling':
    case 'cancelled':
      return 'KILLED'
    case 'succeeded':
      return 'COMPLETED'
    case 'partiallyFailed':
    case 'failed':
      return 'ERRORED'
  }
}

/** Of a task whose subjob nothing is known of, there is no row. */
export function taskStateOf(job: Job, row: SubjobRow | undefined): State {
  const isKilled = runStateOf(job) === 'KILLED'
  switch (row?.state) {
    case undefined:
    case 'planned':
      return isKilled ? 'KILLED' : 'QUEUED'
    case 'started':
      return 'RUNNING'
    case 'waiting':
      return 'RETRY'
    case 'ended': {
      if (row.outcome === 'succeeded') return 'COMPLETED'
      if (row.outcome === 'cancelled') return 'KILLED'
      // What was refused because something before it failed has not run, and does when the run is resumed.
      const hasRun = row.attempts.some(({ run }) => run === row.run)
      if (hasRun) return 'ERRORED'
      return isKilled ? 'KILLED' : 'QUEUED'
    }
  }
}

function nanoseconds(milliseconds: number): string {
  return String(BigInt(milliseconds) * 1_000_000n)
}

/** From its submission on, as far as the job keeps its milestones. */
export function stateChangesOf(job: Job): DagRun['dagStateChanges'] {
  const changes: { time: string; state: State }[] = []
  const pass = (at: number, state: State): void => {
    if (changes.at(-1)?.state !== state) changes.push({ time: nanoseconds(at), state })
  }
  let [isBegun, isHeld, isKilled] = [false, false, false]
  for (const { what, at, outcome } of occurrencesOf(job)) {
    if (what === 'begun') isBegun = true
    if (what === 'held' || what === 'released') isHeld = what === 'held'
    if (what === 'cancelled' || what === 'retried') isKilled = what === 'cancelled'
    if (what === 'accepted' || what === 'retried') pass(at, 'QUEUED')
    if (outcome !== null) pass(at, stateBehind[outcome])
    else pass(at, isKilled ? 'KILLED' : isHeld ? 'PAUSED' : isBegun ? 'RUNNING' : 'QUEUED')
  }
  return changes
}

interface Occurrence extends Omit<Milestone, 'what'> {
  readonly what: Milestone['what'] | 'accepted' | 'begun'
}

/** In the order of their times. One that was killed before it began is told of as begun when it ends. */
function occurrencesOf(job: Job): readonly Occurrence[] {
  const startedAt = startedAtOf(job)
  const begun: readonly Occurrence[] = startedAt === null ? [] : [{ what: 'begun', at: startedAt, outcome: null }]
  const ended: readonly Occurrence[] = job.state === 'ended' ? [{ what: 'ended', at: job.finishedAt, outcome: job.outcome }] : []
  const between = [...job.milestones, ...begun].sort((one, other) => one.at - other.at)
  return [{ what: 'accepted', at: job.createdAt, outcome: null }, ...between, ...ended]
}

function startedAtOf(job: Job): number | null {
  return job.state === 'accepted' ? null : job.startedAt
}

const stateBehind: Readonly<Record<Outcome, State>> = {
  succeeded: 'COMPLETED',
  partiallyFailed: 'ERRORED',
  failed: 'ERRORED',
  cancelled: 'KILLED',
}

/** `rows` are its tasks, those that are completed excepted, as far as something is known of them. */
export function summaryOf(job: Job, rows: readonly SubjobRow[]): RunSummary {
  const counts = new Map<State, number>()
  const add = (state: State, tasks: number): void => {
    if (tasks > 0) counts.set(state, (counts.get(state) ?? 0) + tasks)
  }
  for (const row of rows) add(taskStateOf(job, row), 1)
  const { succeeded } = job.subjobs
  add('COMPLETED', succeeded)
  add(taskStateOf(job, undefined), job.operations.total - succeeded - rows.length)
  return {
    ...{ runID: job.number, tag: runDataOf(job).tag, state: runStateOf(job), startTime: nanoseconds(job.createdAt) },
    ...{ lastUpdate: nanoseconds(lastUpdateOf(job, rows)), taskCounts: Object.fromEntries(counts) },
  }
}

/** When something was last heard of what is not completed, or of the run itself. */
function lastUpdateOf(job: Job, rows: readonly SubjobRow[]): number {
  if (job.state === 'ended') return job.finishedAt
  const begun = Math.max(startedAtOf(job) ?? job.createdAt, job.milestones.at(-1)?.at ?? 0)
  return rows.reduce((latest, { attempts, ...row }) => {
    const startedAt = row.state === 'started' ? row.attempt.startedAt : 0
    return Math.max(latest, startedAt, attempts.at(-1)?.endedAt ?? 0)
  }, begun)
}

/** Those that have ended. `reports` are what was published of each run of it, the latest last, as far as it is kept. */
export function attemptsOf(row: SubjobRow, reports: readonly OperationReport[]): TaskAttempt[] {
  return row.attempts.map((attempt, position) => {
    const isLastOfRun = row.attempts[position + 1]?.run !== attempt.run
    return attemptOf(attempt, isLastOfRun ? reportOfRun(reports, row, attempt.run) : undefined)
  })
}

function attemptOf({ startedAt, endedAt, outcome, message }: RunAttempt, report: OperationReport | undefined): TaskAttempt {
  const result = report?.result
  // That a command went well is not why its task has failed.
  const isDone = report?.statusCode !== undefined && isSuccess(report.statusCode)
  const said = [isDone ? null : report?.statusMessage, message].find((text) => text !== undefined && text !== null && text !== '') ?? ''
  return {
    startTime: nanoseconds(startedAt),
    stopTime: nanoseconds(endedAt),
    rc: exitCodeOf(result) ?? (outcome === 'succeeded' ? 0 : -1),
    outputLog: textOf(member(result, 'stdout')),
    errorLog: textOf(member(result, 'stderr')),
    executorLog: outcome === 'succeeded' ? '' : said,
  }
}

function exitCodeOf(result: unknown): number | null {
  const [code, signal] = [member(result, 'exitCode'), member(result, 'signal')]
  if (member(result, 'reason') === 'cancelled') return constants.signals.SIGKILL
  if (typeof code === 'number') return code
  const known: Readonly<Record<string, number>> = constants.signals
  return typeof signal === 'string' ? (known[signal] ?? null) : null
}

function textOf(captured: unknown): string {
  const text = member(captured, 'text')
  return typeof text === 'string' ? text : ''
}
