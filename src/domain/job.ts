/**
 * The job as its coordinator sees it: accepted, running, concluding (all subjobs ended, the last word to the client is
 * being written), ended. Which subjob ended twice is the assignment's business (assignment.ts); a job only counts.
 */
import type { JobId } from './ids.ts'
import type { JobKind } from './operation.ts'

export const OUTCOMES = ['succeeded', 'partiallyFailed', 'failed'] as const
export type Outcome = (typeof OUTCOMES)[number]

export interface OperationCounts {
  readonly total: number
  readonly succeeded: number
  readonly failed: number
}

export interface SubjobCounts extends OperationCounts {
  readonly partiallyFailed: number
}

/** What a job keeps from its submission to its end. Times are milliseconds since the epoch. */
export interface JobFacts {
  readonly jobId: JobId
  /** Unique over all jobs, below 2^53; grows with time within a partition of the command topic. */
  readonly number: number
  readonly tenant: string
  /** Which REST dialect (or `kafka`) the job came through, and that dialect's own data as JSON text. */
  readonly dialect: string
  readonly dialectData: string | null
  readonly kind: JobKind
  /** `kafka:NAME`, `s3:NAME` or empty. */
  readonly destination: string
  readonly dataAcceptType: string
  readonly dataContentType: string
  /** Lower goes first. */
  readonly priority: number
  readonly labels: Readonly<Record<string, string>>
  readonly deadlineAt: number | null
  readonly attemptsMax: number
  readonly submittedBy: string | null
  readonly traceparent: string | null
  /** SHA-256 of what was asked for, in hex: tells a repeated submission from another job under the same id. */
  readonly digest: string
  readonly createdAt: number
}

interface Progress {
  readonly operations: OperationCounts
  readonly subjobs: SubjobCounts
  /** Why the job failed, as far as one sentence can say it. */
  readonly message: string | null
}

export type Phase =
  | { readonly state: 'accepted' }
  | { readonly state: 'running'; readonly startedAt: number }
  | { readonly state: 'concluding'; readonly startedAt: number; readonly outcome: Outcome }
  | { readonly state: 'ended'; readonly startedAt: number; readonly outcome: Outcome; readonly finishedAt: number }

export type JobState = Phase['state']
export type Job = JobFacts & Progress & Phase

export type JobCommand =
  | { readonly type: 'AcceptJob'; readonly facts: JobFacts; readonly operations: number; readonly subjobs: number }
  | { readonly type: 'RecordSubjobStarted'; readonly at: number }
  | { readonly type: 'RecordSubjobEnded'; readonly at: number; readonly result: SubjobResult }
  | { readonly type: 'RecordConclusion'; readonly at: number; readonly message: string | null }

export interface SubjobResult {
  readonly outcome: Outcome
  readonly succeeded: number
  readonly failed: number
  readonly message: string | null
}

export type JobEvent =
  | { readonly type: 'JobAccepted'; readonly facts: JobFacts; readonly operations: number; readonly subjobs: number }
  | { readonly type: 'JobStarted'; readonly at: number }
  | { readonly type: 'SubjobCounted'; readonly result: SubjobResult }
  | { readonly type: 'JobConcluded'; readonly outcome: Outcome }
  | { readonly type: 'JobEnded'; readonly at: number; readonly message: string | null }

/** Which event leads from where to where; an event that is missing under a state is illegal there. */
export const jobTransitions = {
  none: { JobAccepted: 'accepted' },
  accepted: { JobStarted: 'running' },
  running: { SubjobCounted: 'running', JobConcluded: 'concluding' },
  concluding: { JobEnded: 'ended' },
  ended: {},
} as const satisfies Record<JobState | 'none', Partial<Record<JobEvent['type'], JobState>>>

/** What follows from a command. No events: it was said before, and is true already. */
export function decideJob(job: Job | undefined, command: JobCommand): readonly JobEvent[] {
  switch (command.type) {
    case 'AcceptJob':
      return job === undefined ? [{ ...command, type: 'JobAccepted' }] : []
    case 'RecordSubjobStarted':
      return job?.state === 'accepted' ? [{ type: 'JobStarted', at: command.at }] : []
    case 'RecordSubjobEnded':
      return job === undefined ? [] : decideSubjobEnded(job, command.at, command.result)
    case 'RecordConclusion':
      return job?.state === 'concluding' ? [{ type: 'JobEnded', at: command.at, message: command.message }] : []
  }
}

function decideSubjobEnded(job: Job, at: number, result: SubjobResult): readonly JobEvent[] {
  if (job.state !== 'accepted' && job.state !== 'running') return []
  const events: JobEvent[] = []
  if (job.state === 'accepted') events.push({ type: 'JobStarted', at })
  events.push({ type: 'SubjobCounted', result })
  const after = countSubjob(job.subjobs, result.outcome)
  if (endedSubjobs(after) === after.total) events.push({ type: 'JobConcluded', outcome: outcomeOf(after) })
  return events
}

/** The job after an event. Throws on an event that the table does not allow: a broken invariant, not bad input. */
export function evolveJob(job: Job | undefined, event: JobEvent): Job {
  if (event.type === 'JobAccepted') return acceptedJob(job, event)
  if (job === undefined) throw illegal('none', event)
  switch (event.type) {
    case 'JobStarted':
      if (job.state !== 'accepted') throw illegal(job.state, event)
      return { ...job, state: 'running', startedAt: event.at }
    case 'SubjobCounted':
      if (job.state !== 'running') throw illegal(job.state, event)
      return { ...job, ...counted(job, event.result) }
    case 'JobConcluded':
      if (job.state !== 'running') throw illegal(job.state, event)
      return { ...job, state: 'concluding', outcome: event.outcome }
    case 'JobEnded':
      if (job.state !== 'concluding') throw illegal(job.state, event)
      return { ...job, state: 'ended', finishedAt: event.at, message: job.message ?? event.message }
    default:
      return event satisfies never
  }
}

function acceptedJob(job: Job | undefined, event: Extract<JobEvent, { type: 'JobAccepted' }>): Job {
  if (job !== undefined) throw illegal(job.state, event)
  return {
    ...event.facts,
    state: 'accepted',
    operations: { total: event.operations, succeeded: 0, failed: 0 },
    subjobs: { total: event.subjobs, succeeded: 0, partiallyFailed: 0, failed: 0 },
    message: null,
  }
}

function counted(job: Job, result: SubjobResult): Progress {
  const { total, succeeded, failed } = job.operations
  return {
    operations: { total, succeeded: succeeded + result.succeeded, failed: failed + result.failed },
    subjobs: countSubjob(job.subjobs, result.outcome),
    message: job.message ?? result.message,
  }
}

function countSubjob(counts: SubjobCounts, outcome: Outcome): SubjobCounts {
  return { ...counts, [outcome]: counts[outcome] + 1 }
}

export function endedSubjobs(counts: SubjobCounts): number {
  return counts.succeeded + counts.partiallyFailed + counts.failed
}

function outcomeOf(counts: SubjobCounts): Outcome {
  if (counts.succeeded === counts.total) return 'succeeded'
  return counts.failed === counts.total ? 'failed' : 'partiallyFailed'
}

function illegal(state: JobState | 'none', event: JobEvent): Error {
  return new Error(`broken invariant: ${event.type} while the job is ${state}`)
}
