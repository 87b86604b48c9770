/**
 * The subjob's life at its producer, as the dispatcher sees it: queued, submitting, polling, publishing, ended. Waiting
 * for a turn or a poll is the dispatcher's timer; this machine says what a reply or a failure means.
 */
import { type Attempt, endAttempt, type StartedAttempt } from './attempt.ts'
import type { PublishedObject } from './assignment.ts'
import type { Outcome } from './job-counts.ts'
import { ResponseCode } from './response-code.ts'

/** Where what is published comes from: the producer's result, or the one reason why there is none. */
export type PublicationSource =
  | { readonly type: 'result'; readonly dataProducerJobId: string }
  | { readonly type: 'failure'; readonly code: ResponseCode; readonly message: string }

interface History {
  /** Attempts that ended. */
  readonly attempts: readonly Attempt[]
  /** Why it is to end before its time; null as long as it may go on. */
  readonly stop: SubjobStop | null
}

export interface SubjobStop {
  readonly reason: 'cancelled' | 'deadline'
  /** What is reported of operations that are not done by then. */
  readonly code: ResponseCode
  readonly message: string
  /** How long its producer is still waited for. */
  readonly giveUpAt: number
}

export type Subjob = History &
  (
    | { readonly state: 'queued'; readonly notBefore: number }
    | { readonly state: 'submitting'; readonly attempt: StartedAttempt }
    | { readonly state: 'polling'; readonly attempt: StartedAttempt; readonly dataProducerJobId: string; readonly failures: number }
    | {
        readonly state: 'publishing'
        /** Null when no producer was asked, or the last attempt has ended. */
        readonly attempt: StartedAttempt | null
        readonly source: PublicationSource
        /** Failed result calls in a row, and failed writes to the sink: only the former are the attempt's fault. */
        readonly failures: number
        readonly sinkFailures: number
      }
    | { readonly state: 'ended'; readonly end: SubjobEnd }
  )

export type SubjobState = Subjob['state']

export interface SubjobEnd {
  readonly outcome: Outcome
  readonly succeeded: number
  readonly failed: number
  readonly object: PublishedObject | null
  readonly message: string | null
  readonly at: number
}

/** A failed call, already sorted: `retry` may help later, `reject` never will. */
export interface CallFailure {
  readonly disposition: 'retry' | 'reject'
  readonly code: ResponseCode
  readonly message: string
}

export interface SubjobLimits {
  readonly attemptsMax: number
  /** Failed status or result calls in a row until the attempt counts as failed. */
  readonly callFailuresMax: number
}

/** What a producer says about a subjob of ours. */
export type ProducerStatus = 'pending' | 'finished'

/** How far it says that it is with a subjob. */
export interface ProducerProgress {
  /** Percent, a whole number from 0 to 100. */
  readonly percent: number
  readonly message: string | null
}

export type SubjobCommand =
  | { readonly type: 'StartAttempt'; readonly worker: string; readonly at: number }
  | { readonly type: 'StopSubjob'; readonly stop: SubjobStop }
  /** The producer was waited for long enough after the subjob was stopped, or need not be. */
  | { readonly type: 'GiveUpSubjob'; readonly at: number }
  | { readonly type: 'RefuseSubjob'; readonly code: ResponseCode; readonly message: string }
  | { readonly type: 'RecordSubmission'; readonly dataProducerJobId: string }
  | { readonly type: 'RecordStatus'; readonly status: ProducerStatus }
  | { readonly type: 'RecordCallFailure'; readonly failure: CallFailure; readonly at: number; readonly retryAt: number }
  | { readonly type: 'RecordPublication'; readonly publication: Publication; readonly at: number }
  | { readonly type: 'RecordSinkFailure'; readonly failure: CallFailure; readonly operations: number; readonly at: number }

export interface Publication {
  readonly succeeded: number
  readonly failed: number
  readonly object: PublishedObject | null
  readonly message: string | null
}

export type SubjobEvent =
  | { readonly type: 'AttemptStarted'; readonly attempt: StartedAttempt }
  | { readonly type: 'SubjobSubmitted'; readonly dataProducerJobId: string }
  | { readonly type: 'CallFailed' }
  | { readonly type: 'PollAnswered' }
  | { readonly type: 'ProducerFinished' }
  | { readonly type: 'PublicationFailed' }
  | { readonly type: 'SubjobStopped'; readonly stop: SubjobStop }
  | { readonly type: 'AttemptFailed'; readonly attempt: Attempt }
  | { readonly type: 'SubjobRequeued'; readonly notBefore: number }
  | { readonly type: 'SubjobFailed'; readonly code: ResponseCode; readonly message: string }
  | { readonly type: 'AttemptEnded'; readonly attempt: Attempt }
  | { readonly type: 'SubjobEnded'; readonly end: SubjobEnd }

/**
 * Which event leads from where to where. An attempt that failed puts it back into the queue, from where it is started again
 * or given up.
 */
export const subjobTransitions = {
  queued: { AttemptStarted: 'submitting', SubjobRequeued: 'queued', SubjobStopped: 'queued', SubjobFailed: 'publishing' },
  submitting: { SubjobSubmitted: 'polling', SubjobStopped: 'submitting', AttemptFailed: 'queued' },
  polling: {
    PollAnswered: 'polling',
    CallFailed: 'polling',
    SubjobStopped: 'polling',
    ProducerFinished: 'publishing',
    AttemptFailed: 'queued',
  },
  publishing: {
    CallFailed: 'publishing',
    PublicationFailed: 'publishing',
    AttemptFailed: 'queued',
    AttemptEnded: 'publishing',
    SubjobEnded: 'ended',
  },
  ended: {},
} as const satisfies Record<SubjobState, Partial<Record<SubjobEvent['type'], SubjobState>>>

/** Events that a restored subjob must know of; all others are found out again by asking the producer. */
export const durableSubjobEvents: ReadonlySet<SubjobEvent['type']> = new Set([
  'SubjobSubmitted',
  'SubjobStopped',
  'AttemptFailed',
  'SubjobRequeued',
  'SubjobFailed',
  'SubjobEnded',
])

export function newSubjob(): Subjob {
  return { state: 'queued', notBefore: 0, attempts: [], stop: null }
}

/** What follows from a command. No events: the reply came too late or twice, or changes nothing. */
export function decideSubjob(subjob: Subjob, command: SubjobCommand, limits: SubjobLimits): readonly SubjobEvent[] {
  switch (command.type) {
    case 'StartAttempt': {
      if (subjob.state !== 'queued') return []
      const attempt = { number: subjob.attempts.length + 1, worker: command.worker, startedAt: command.at }
      return [{ type: 'AttemptStarted', attempt }]
    }
    case 'StopSubjob':
      return decideStop(subjob, command.stop)
    case 'GiveUpSubjob':
      return decideGivingUp(subjob, command.at)
    case 'RefuseSubjob':
      return subjob.state === 'queued' ? [{ type: 'SubjobFailed', code: command.code, message: command.message }] : []
    case 'RecordSubmission':
      return subjob.state === 'submitting' ? [{ type: 'SubjobSubmitted', dataProducerJobId: command.dataProducerJobId }] : []
    case 'RecordStatus':
      return decideStatus(subjob, command.status)
    case 'RecordCallFailure':
      return decideCallFailure(subjob, command, limits)
    case 'RecordPublication':
      return decidePublication(subjob, command.publication, command.at)
    case 'RecordSinkFailure':
      return decideSinkFailure(subjob, command)
  }
}

// What is in the producer's hands is asked back, and what it has done by then is published. What has no attempt under way
// is over at once.
function decideStop(subjob: Subjob, stop: SubjobStop): readonly SubjobEvent[] {
  if (subjob.stop !== null) return []
  switch (subjob.state) {
    case 'queued':
      return [{ type: 'SubjobStopped', stop }, failed(stop)]
    case 'submitting':
    case 'polling':
      return [{ type: 'SubjobStopped', stop }]
    case 'publishing':
    case 'ended':
      return []
  }
}

function decideGivingUp(subjob: Subjob, at: number): readonly SubjobEvent[] {
  const { stop } = subjob
  if (stop !== null && subjob.state === 'queued') return [failed(stop)]
  if (stop === null || (subjob.state !== 'submitting' && subjob.state !== 'polling')) return []
  const { code, message } = stop
  return [{ type: 'AttemptFailed', attempt: endAttempt(subjob.attempt, { at, outcome: 'failed', code, message }) }, failed(stop)]
}

function failed({ code, message }: Pick<SubjobStop, 'code' | 'message'>): SubjobEvent {
  return { type: 'SubjobFailed', code, message }
}

function decideStatus(subjob: Subjob, status: ProducerStatus): readonly SubjobEvent[] {
  if (subjob.state !== 'polling') return []
  if (status === 'finished') return [{ type: 'ProducerFinished' }]
  return subjob.failures > 0 ? [{ type: 'PollAnswered' }] : []
}

function decideCallFailure(
  subjob: Subjob,
  command: Extract<SubjobCommand, { type: 'RecordCallFailure' }>,
  limits: SubjobLimits,
): readonly SubjobEvent[] {
  if (subjob.state !== 'submitting' && subjob.state !== 'polling' && subjob.state !== 'publishing') return []
  // No producer is asked any more: there is no attempt that could fail, but what is to be told is still to be told.
  if (subjob.attempt === null) return [{ type: 'CallFailed' }]
  const { disposition, code, message } = command.failure
  const failures = subjob.state === 'submitting' ? limits.callFailuresMax : subjob.failures + 1
  if (disposition === 'retry' && failures < limits.callFailuresMax) return [{ type: 'CallFailed' }]
  const attempt = endAttempt(subjob.attempt, { at: command.at, outcome: 'failed', code, message })
  const isLast = disposition === 'reject' || attempt.number >= limits.attemptsMax || subjob.stop !== null
  const next: SubjobEvent = isLast ? failed(subjob.stop ?? { code, message }) : { type: 'SubjobRequeued', notBefore: command.retryAt }
  return [{ type: 'AttemptFailed', attempt }, next]
}

function decidePublication(subjob: Subjob, publication: Publication, at: number): readonly SubjobEvent[] {
  if (subjob.state !== 'publishing') return []
  const outcome = outcomeOf(publication, subjob.stop)
  const message = publication.message ?? (subjob.source.type === 'failure' ? subjob.source.message : null)
  const ended: SubjobEvent = { type: 'SubjobEnded', end: { ...publication, outcome, message, at } }
  if (subjob.attempt === null) return [ended]
  return [{ type: 'AttemptEnded', attempt: endAttempt(subjob.attempt, { at, outcome, message }) }, ended]
}

// A sink that is away is waited for: giving up would lose results. One that refuses ends the subjob, unreported.
function decideSinkFailure(
  subjob: Subjob,
  command: Extract<SubjobCommand, { type: 'RecordSinkFailure' }>,
): readonly SubjobEvent[] {
  if (subjob.state !== 'publishing') return []
  const { failure, operations, at } = command
  if (failure.disposition === 'retry') return [{ type: 'PublicationFailed' }]
  const end = { outcome: 'failed' as const, succeeded: 0, failed: operations, object: null, message: failure.message, at }
  const ended: SubjobEvent = { type: 'SubjobEnded', end }
  if (subjob.attempt === null) return [ended]
  const attempt = endAttempt(subjob.attempt, { at, outcome: 'failed', code: failure.code, message: failure.message })
  return [{ type: 'AttemptEnded', attempt }, ended]
}

function outcomeOf(publication: Publication, stop: SubjobStop | null): Outcome {
  if (publication.failed === 0) return 'succeeded'
  if (publication.succeeded > 0) return 'partiallyFailed'
  return stop?.reason === 'cancelled' ? 'cancelled' : 'failed'
}

/** The subjob after an event. Throws on an event that the table does not allow: a broken invariant, not bad input. */
export function evolveSubjob(subjob: Subjob, event: SubjobEvent): Subjob {
  const history = { attempts: subjob.attempts, stop: subjob.stop }
  switch (event.type) {
    case 'AttemptStarted':
      if (subjob.state !== 'queued') throw illegal(subjob, event)
      return { state: 'submitting', attempt: event.attempt, ...history }
    case 'SubjobSubmitted':
      if (subjob.state !== 'submitting') throw illegal(subjob, event)
      return { state: 'polling', attempt: subjob.attempt, dataProducerJobId: event.dataProducerJobId, failures: 0, ...history }
    case 'CallFailed':
      if (subjob.state !== 'polling' && subjob.state !== 'publishing') throw illegal(subjob, event)
      return { ...subjob, failures: subjob.failures + 1 }
    case 'PublicationFailed':
      if (subjob.state !== 'publishing') throw illegal(subjob, event)
      return { ...subjob, failures: 0, sinkFailures: subjob.sinkFailures + 1 }
    case 'PollAnswered':
      if (subjob.state !== 'polling') throw illegal(subjob, event)
      return { ...subjob, failures: 0 }
    case 'ProducerFinished':
      if (subjob.state !== 'polling') throw illegal(subjob, event)
      return publishing(subjob.attempt, { type: 'result', dataProducerJobId: subjob.dataProducerJobId }, history)
    case 'SubjobStopped':
      if (subjob.state === 'publishing' || subjob.state === 'ended') throw illegal(subjob, event)
      return { ...subjob, stop: event.stop }
    case 'AttemptFailed':
      if (subjob.state === 'queued' || subjob.state === 'ended') throw illegal(subjob, event)
      return { state: 'queued', notBefore: 0, ...history, attempts: [...history.attempts, event.attempt] }
    case 'SubjobRequeued':
      if (subjob.state !== 'queued') throw illegal(subjob, event)
      return { state: 'queued', notBefore: event.notBefore, ...history }
    case 'SubjobFailed':
      if (subjob.state !== 'queued') throw illegal(subjob, event)
      return publishing(null, { type: 'failure', code: event.code, message: event.message }, history)
    case 'AttemptEnded':
      if (subjob.state !== 'publishing') throw illegal(subjob, event)
      return { ...subjob, attempt: null, attempts: [...history.attempts, event.attempt] }
    case 'SubjobEnded':
      if (subjob.state !== 'publishing') throw illegal(subjob, event)
      return { state: 'ended', end: event.end, ...history }
    default:
      return event satisfies never
  }
}

function publishing(attempt: StartedAttempt | null, source: PublicationSource, history: History): Subjob {
  return { state: 'publishing', attempt, source, failures: 0, sinkFailures: 0, ...history }
}

function illegal(subjob: Subjob, event: SubjobEvent): Error {
  return new Error(`broken invariant: ${event.type} while the subjob is ${subjob.state}`)
}

/** The code that a failed call to a producer is reported with. */
export function codeOfCallFailure(
  cause: Pick<CallFailure, 'disposition'> & { readonly httpStatus?: number | undefined },
): ResponseCode {
  if (cause.httpStatus === 429) return ResponseCode.SouthboundBusy
  if (cause.disposition === 'retry') return ResponseCode.ServiceNotResponding
  return cause.httpStatus === undefined ? ResponseCode.UnknownError : ResponseCode.Rejected
}
