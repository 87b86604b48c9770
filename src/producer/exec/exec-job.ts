/**
 * The life of a job at the exec producer: its operations run one after the other. Waiting for cores, running and publishing
 * are the producer's affairs; this machine says what follows.
 */
import type { CommandEnd } from './exec-result.ts'

/** A try at the job's next operation. */
export interface ExecAttempt {
  /** From 1 on, of this operation. */
  readonly number: number
  /** In the environment of all its processes, by which they are found wherever they went. */
  readonly marker: string
}

interface Progress {
  readonly operations: number
  /** Operations that ended. */
  readonly ended: number
  readonly failed: number
  /** Tries at the operation that is next, and those of them that went with the producer. */
  readonly tries: number
  readonly lost: number
  readonly cancelAsked: boolean
}

export type ExecJob = Progress &
  (
    | { readonly state: 'queued' }
    | { readonly state: 'running'; readonly attempt: ExecAttempt }
    /** The command has ended, which is never done again; what it left is being put where it belongs. */
    | { readonly state: 'publishing'; readonly attempt: ExecAttempt; readonly end: CommandEnd }
    | { readonly state: 'finished' }
    | { readonly state: 'cancelled' }
  )

export type ExecJobState = ExecJob['state']

export type ExecJobCommand =
  | { readonly type: 'StartAttempt'; readonly marker: string }
  | { readonly type: 'EndCommand'; readonly end: CommandEnd }
  /** Its processes are gone with the producer, whose fault it was unless it was asked to stop. */
  | { readonly type: 'LoseAttempt'; readonly stopped: boolean; readonly attemptsMax: number; readonly at: number }
  | { readonly type: 'EndOperation'; readonly wentWell: boolean }
  | { readonly type: 'CancelJob' }

export type ExecJobEvent =
  | { readonly type: 'AttemptStarted'; readonly attempt: ExecAttempt }
  | { readonly type: 'CommandEnded'; readonly end: CommandEnd }
  | { readonly type: 'AttemptLost'; readonly counts: boolean }
  | { readonly type: 'OperationEnded'; readonly wentWell: boolean }
  | { readonly type: 'CancelAsked' }
  | { readonly type: 'JobFinished' }
  | { readonly type: 'JobCancelled' }

/** Which event leads from where to where; between two operations a job is back in the queue. */
export const execJobTransitions = {
  queued: {
    AttemptStarted: 'running',
    CancelAsked: 'queued',
    JobFinished: 'finished',
    JobCancelled: 'cancelled',
  },
  running: { CommandEnded: 'publishing', AttemptLost: 'queued', CancelAsked: 'running' },
  publishing: { OperationEnded: 'queued', CancelAsked: 'publishing' },
  finished: {},
  cancelled: {},
} as const satisfies Record<ExecJobState, Partial<Record<ExecJobEvent['type'], ExecJobState>>>

export function newExecJob(operations: number): ExecJob {
  return { state: 'queued', operations, ended: 0, failed: 0, tries: 0, lost: 0, cancelAsked: false }
}

export function isOver(job: ExecJob): boolean {
  return job.state === 'finished' || job.state === 'cancelled'
}

/** What follows from a command. No events: it came too late or twice. */
export function decideExecJob(job: ExecJob, command: ExecJobCommand): readonly ExecJobEvent[] {
  switch (command.type) {
    case 'StartAttempt': {
      if (job.state !== 'queued') return []
      return [{ type: 'AttemptStarted', attempt: { number: job.tries + 1, marker: command.marker } }]
    }
    case 'EndCommand':
      return job.state === 'running' ? [{ type: 'CommandEnded', end: command.end }] : []
    case 'LoseAttempt':
      return job.state === 'running' ? eventsOfLoss(job, command) : []
    case 'EndOperation': {
      if (job.state !== 'publishing') return []
      const ended: ExecJobEvent = { type: 'OperationEnded', wentWell: command.wentWell }
      if (job.ended + 1 === job.operations) return [ended, { type: job.cancelAsked ? 'JobCancelled' : 'JobFinished' }]
      return job.cancelAsked ? [ended, { type: 'JobCancelled' }] : [ended]
    }
    case 'CancelJob': {
      if (isOver(job) || job.cancelAsked) return []
      return job.state === 'queued' ? [{ type: 'CancelAsked' }, { type: 'JobCancelled' }] : [{ type: 'CancelAsked' }]
    }
    default:
      return command satisfies never
  }
}

type Loss = Extract<ExecJobCommand, { readonly type: 'LoseAttempt' }>

function eventsOfLoss(job: ExecJob, { stopped, attemptsMax, at }: Loss): readonly ExecJobEvent[] {
  const counts = !stopped
  if (job.cancelAsked) return [{ type: 'AttemptLost', counts }, { type: 'JobCancelled' }]
  const lost = job.lost + (counts ? 1 : 0)
  if (lost < attemptsMax) return [{ type: 'AttemptLost', counts }]
  const message = `the producer was ended ${lost} times while it ran, and attemptsMax is ${attemptsMax}`
  const ended = { exitCode: null, signal: null, startedAt: null, endedAt: at, peakMemoryMB: null }
  return [{ type: 'CommandEnded', end: { ...ended, reason: 'lost', message } }]
}

/** The job after an event; throws where the table knows no such transition. */
export function evolveExecJob(job: ExecJob, event: ExecJobEvent): ExecJob {
  const next: Partial<Record<ExecJobEvent['type'], ExecJobState>> = execJobTransitions[job.state]
  if (next[event.type] === undefined) throw new Error(`broken invariant: ${event.type} of a job that is ${job.state}`)
  switch (event.type) {
    case 'AttemptStarted':
      return { ...progressOf(job), tries: event.attempt.number, state: 'running', attempt: event.attempt }
    case 'CommandEnded': {
      if (job.state !== 'running') throw new Error(`broken invariant: a command of a job that is ${job.state} ended`)
      return { ...job, state: 'publishing', end: event.end }
    }
    case 'AttemptLost':
      return { ...progressOf(job), lost: job.lost + (event.counts ? 1 : 0), state: 'queued' }
    case 'OperationEnded': {
      const failed = job.failed + (event.wentWell ? 0 : 1)
      return { ...progressOf(job), ended: job.ended + 1, failed, tries: 0, lost: 0, state: 'queued' }
    }
    case 'CancelAsked':
      return { ...job, cancelAsked: true }
    case 'JobFinished':
      return { ...progressOf(job), state: 'finished' }
    case 'JobCancelled':
      return { ...progressOf(job), state: 'cancelled' }
    default:
      return event satisfies never
  }
}

function progressOf({ operations, ended, failed, tries, lost, cancelAsked }: ExecJob): Progress {
  return { operations, ended, failed, tries, lost, cancelAsked }
}

/** How far the job is, in the contract's words. */
export function contractStatusOf(
  job: ExecJob,
): 'NOT_STARTED' | 'RUNNING' | 'CANCELLING' | 'FINISHED' | 'PARTIALLY_FAILED' | 'FAILED' | 'CANCELLED' {
  if (job.state === 'cancelled') return 'CANCELLED'
  if (job.state === 'finished') return job.failed === 0 ? 'FINISHED' : job.failed === job.operations ? 'FAILED' : 'PARTIALLY_FAILED'
  if (job.cancelAsked) return 'CANCELLING'
  return job.state === 'queued' && job.ended === 0 ? 'NOT_STARTED' : 'RUNNING'
}
