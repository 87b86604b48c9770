/**
 * The job as its coordinator sees it: accepted, running, perhaps cancelling, concluding (all subjobs ended, the last word to
 * the client is being written), ended; and running once more when what failed is tried again. Which subjob ended twice is
 * the assignment's business (assignment.ts); a job only counts.
 */
import type { JobId } from './ids.ts'
import { countedAfter, countedWithout, endedSubjobs } from './job-counts.ts'
import type { OperationCounts, Outcome, SubjobCounts, SubjobResult, Undone } from './job-counts.ts'
import { type Milestone, withMilestones } from './milestones.ts'
import type { JobKind } from './operation.ts'

/** What a job keeps from its submission to its end. Times are milliseconds since the epoch. */
export interface JobFacts {
  readonly jobId: JobId
  /**
   * Unique over all jobs, below 2^53; grows with time within a partition of the command topic. It is made of the command's place
   * (job-number.ts), so that every instance finds the same without asking another.
   */
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
  /** Jobs that wait for the same share it in parts of 1 / priority (share.ts). */
  readonly priority: number
  readonly labels: Readonly<Record<string, string>>
  readonly deadlineAt: number | null
  readonly attemptsMax: number
  readonly submittedBy: string | null
  readonly traceparent: string | null
  /** SHA-256 of what was asked for, in hex: tells a repeated submission from another job under the same id. */
  readonly digest: string
  readonly createdAt: number
  /** Nothing is done unless every operation has a ready handle. */
  readonly strict: boolean
  /** Marks the records with the job's operations, and how many there are; null and 0 where the command held all of them. */
  readonly submission: string | null
  readonly parts: number
  /** Where its client wants to be told of what, by name. */
  readonly callbacks: Readonly<Record<string, string>>
  /** What of it was not released since it is held is not begun. */
  readonly held: boolean
}

interface Progress {
  readonly operations: OperationCounts
  readonly subjobs: SubjobCounts
  /** Why the job failed, as far as one sentence can say it. */
  readonly message: string | null
  /** 1, and one more each time that what failed is tried again. */
  readonly run: number
  /** Records with operations of the job that were not taken in yet. */
  readonly partsLeft: number
  /** Subjobs that were released while others are held, by their indexes; empty once none is. */
  readonly released: readonly number[]
  /** Steps that others have yielded, in the order of their indexes: those are behind all that the job was submitted with. */
  readonly generated: readonly Generation[]
  /** When its client gave up what had failed of it; null where it has not, or has asked for it again. */
  readonly abandonedAt: number | null
  /** In the order in which they came, the latest of them. */
  readonly milestones: readonly Milestone[]
}

/** Steps that a step of the job has yielded. */
export interface Generation {
  readonly step: number
  /** The index of the first of them; the others follow. */
  readonly first: number
  readonly steps: number
  /** The dialect's own word for what they were made of. */
  readonly source: string
}

export type Phase =
  | { readonly state: 'accepted' }
  | { readonly state: 'running'; readonly startedAt: number }
  | { readonly state: 'cancelling'; readonly startedAt: number | null }
  | { readonly state: 'concluding'; readonly startedAt: number; readonly outcome: Outcome }
  | { readonly state: 'ended'; readonly startedAt: number; readonly outcome: Outcome; readonly finishedAt: number }

export type JobState = Phase['state']
export type Job = JobFacts & Progress & Phase

export type JobCommand =
  | { readonly type: 'AcceptJob'; readonly facts: JobFacts; readonly operations: number; readonly subjobs: number }
  /** A part was split, or a subjob in several: `parts` is 1 or 0. */
  | { readonly type: 'AddSubjobs'; readonly subjobs: number; readonly parts: number }
  | { readonly type: 'AddGeneratedSteps'; readonly generation: Generation }
  /** The other parts will never come; `operations` were in them. */
  | { readonly type: 'GiveUpParts'; readonly at: number; readonly operations: number; readonly message: string }
  | { readonly type: 'RecordSubjobStarted'; readonly at: number }
  | { readonly type: 'RecordSubjobEnded'; readonly at: number; readonly result: SubjobResult }
  | { readonly type: 'CancelJob'; readonly at: number }
  | { readonly type: 'AbandonJob'; readonly at: number }
  | { readonly type: 'HoldJob'; readonly at: number }
  /** `subjobs` are indexes below their number; null for all. */
  | ({ readonly type: 'ReleaseJob'; readonly subjobs: readonly number[] | null } & Release)
  | { readonly type: 'RecordConclusion'; readonly at: number; readonly message: string | null }
  | ({ readonly type: 'RetryJob'; readonly run: number | null; readonly priority: number | null } & Repetition)

interface Release {
  readonly at: number
  readonly callbacks: JobFacts['callbacks']
}

interface Repetition {
  readonly at: number
  readonly undone: Undone
}

export type JobEvent =
  | { readonly type: 'JobAccepted'; readonly facts: JobFacts; readonly operations: number; readonly subjobs: number }
  | { readonly type: 'SubjobsAdded'; readonly subjobs: number; readonly parts: number }
  | { readonly type: 'StepsGenerated'; readonly generation: Generation }
  | { readonly type: 'PartsGivenUp'; readonly operations: number; readonly message: string }
  | { readonly type: 'JobStarted'; readonly at: number }
  | { readonly type: 'SubjobCounted'; readonly result: SubjobResult }
  | { readonly type: 'JobCancelled'; readonly at: number }
  | { readonly type: 'JobAbandoned'; readonly at: number }
  | { readonly type: 'JobHeld'; readonly at: number }
  | ({ readonly type: 'JobReleased' } & Release)
  | ({ readonly type: 'SubjobsReleased'; readonly subjobs: readonly number[] } & Release)
  | { readonly type: 'JobConcluded'; readonly outcome: Outcome; readonly at: number }
  | { readonly type: 'JobEnded'; readonly at: number; readonly message: string | null }
  | ({ readonly type: 'JobRetried'; readonly priority: number } & Repetition)

/** Which event leads from where to where; an event that is missing under a state is illegal there. */
export const jobTransitions = {
  none: { JobAccepted: 'accepted' },
  accepted: {
    SubjobsAdded: 'accepted',
    StepsGenerated: 'accepted',
    PartsGivenUp: 'accepted',
    JobHeld: 'accepted',
    JobReleased: 'accepted',
    SubjobsReleased: 'accepted',
    JobStarted: 'running',
    JobCancelled: 'cancelling',
  },
  running: {
    SubjobsAdded: 'running',
    StepsGenerated: 'running',
    PartsGivenUp: 'running',
    JobHeld: 'running',
    JobReleased: 'running',
    SubjobsReleased: 'running',
    SubjobCounted: 'running',
    JobCancelled: 'cancelling',
    JobConcluded: 'concluding',
  },
  cancelling: {
    SubjobsAdded: 'cancelling',
    StepsGenerated: 'cancelling',
    PartsGivenUp: 'cancelling',
    SubjobCounted: 'cancelling',
    JobConcluded: 'concluding',
  },
  concluding: { JobReleased: 'concluding', SubjobsReleased: 'concluding', JobAbandoned: 'concluding', JobEnded: 'ended' },
  ended: { JobReleased: 'ended', SubjobsReleased: 'ended', JobAbandoned: 'ended', JobRetried: 'running' },
} as const satisfies Record<JobState | 'none', Partial<Record<JobEvent['type'], JobState>>>

/** What follows from a command. No events: it was said before, comes too late, or changes nothing. */
export function decideJob(job: Job | undefined, command: JobCommand): readonly JobEvent[] {
  if (command.type === 'AcceptJob') return job === undefined ? [{ ...command, type: 'JobAccepted' }] : []
  if (job === undefined) return []
  switch (command.type) {
    case 'AddSubjobs':
      return isOpen(job) ? [{ ...command, type: 'SubjobsAdded' }] : []
    case 'AddGeneratedSteps':
      return isOpen(job) ? [{ ...command, type: 'StepsGenerated' }] : []
    case 'GiveUpParts':
      return isOpen(job) && job.partsLeft > 0 ? decidePartsGivenUp(job, command) : []
    case 'RecordSubjobStarted':
      return job.state === 'accepted' ? [{ type: 'JobStarted', at: command.at }] : []
    case 'RecordSubjobEnded':
      return isOpen(job) ? decideSubjobEnded(job, command.at, command.result) : []
    case 'CancelJob':
      if (job.state === 'accepted' || job.state === 'running') return [{ type: 'JobCancelled', at: command.at }]
      // Tried again, it begins like one that was cancelled before its end.
      return job.held ? [{ type: 'JobReleased', at: command.at, callbacks: {} }] : []
    case 'AbandonJob':
      return hasFailed(job) && job.abandonedAt === null ? [{ type: 'JobAbandoned', at: command.at }] : []
    case 'HoldJob': {
      const mayBeHeld = job.state === 'accepted' || job.state === 'running'
      return mayBeHeld && (!job.held || job.released.length > 0) ? [{ type: 'JobHeld', at: command.at }] : []
    }
    case 'ReleaseJob':
      return job.held ? decideReleased(job, command) : []
    case 'RecordConclusion':
      return job.state === 'concluding' ? [{ type: 'JobEnded', at: command.at, message: command.message }] : []
    case 'RetryJob': {
      const isNext = command.run === null || command.run === job.run + 1
      if (job.state !== 'ended' || !isNext || command.undone.operations === 0) return []
      return [{ type: 'JobRetried', at: command.at, undone: command.undone, priority: command.priority ?? job.priority }]
    }
  }
}

type OpenJob = Extract<Job, { readonly state: 'accepted' | 'running' | 'cancelling' }>

/** Whether there is still something to be done, or to be told of. */
function isOpen(job: Job): job is OpenJob {
  return job.state === 'accepted' || job.state === 'running' || job.state === 'cancelling'
}

function hasFailed(job: Job): boolean {
  return (job.state === 'concluding' || job.state === 'ended') && (job.outcome === 'failed' || job.outcome === 'partiallyFailed')
}

function decideReleased(job: Job, { at, callbacks, subjobs }: Extract<JobCommand, { type: 'ReleaseJob' }>): readonly JobEvent[] {
  if (subjobs === null) return [{ type: 'JobReleased', at, callbacks }]
  const before = new Set(job.released)
  const added = [...new Set(subjobs)].filter((index) => !before.has(index))
  if (added.length === 0) return []
  const isWhole = before.size + added.length === job.subjobs.total
  return [isWhole ? { type: 'JobReleased', at, callbacks } : { type: 'SubjobsReleased', at, callbacks, subjobs: added }]
}

function decideSubjobEnded(job: OpenJob, at: number, result: SubjobResult): readonly JobEvent[] {
  const counted: JobEvent = { type: 'SubjobCounted', result }
  return concluded(job, at, job.state === 'accepted' ? [{ type: 'JobStarted', at }, counted] : [counted])
}

function decidePartsGivenUp(job: OpenJob, command: Extract<JobCommand, { type: 'GiveUpParts' }>): readonly JobEvent[] {
  const { at, operations, message } = command
  const givenUp: JobEvent = { type: 'PartsGivenUp', operations, message }
  const isLast = endedSubjobs(job.subjobs) === job.subjobs.total
  return concluded(job, at, job.state === 'accepted' && isLast ? [{ type: 'JobStarted', at }, givenUp] : [givenUp])
}

/** The events, and the conclusion if they leave nothing to wait for. */
function concluded(job: Job, at: number, events: readonly JobEvent[]): readonly JobEvent[] {
  const after = events.reduce<Job>(evolveJob, job)
  if (after.state === 'accepted' || after.partsLeft > 0 || endedSubjobs(after.subjobs) < after.subjobs.total) return events
  return [...events, { type: 'JobConcluded', outcome: outcomeOf(after), at }]
}

/** The job after an event. Throws on an event that the table does not allow: a broken invariant, not bad input. */
export function evolveJob(job: Job | undefined, event: JobEvent): Job {
  if (event.type === 'JobAccepted') return acceptedJob(job, event)
  if (job === undefined) throw illegal('none', event)
  switch (event.type) {
    case 'SubjobsAdded':
      if (!isOpen(job)) throw illegal(job.state, event)
      return {
        ...job,
        subjobs: { ...job.subjobs, total: job.subjobs.total + event.subjobs },
        partsLeft: job.partsLeft - event.parts,
      }
    case 'StepsGenerated':
      if (!isOpen(job)) throw illegal(job.state, event)
      return withGenerated(job, event.generation)
    case 'PartsGivenUp': {
      if (!isOpen(job)) throw illegal(job.state, event)
      const operations = { ...job.operations, failed: job.operations.failed + event.operations }
      return { ...job, operations, partsLeft: 0, message: job.message ?? event.message }
    }
    case 'JobStarted':
      if (job.state !== 'accepted') throw illegal(job.state, event)
      return { ...job, state: 'running', startedAt: event.at }
    case 'SubjobCounted':
      if (job.state !== 'running' && job.state !== 'cancelling') throw illegal(job.state, event)
      return { ...job, ...countedAfter(job, event.result) }
    case 'JobCancelled': {
      if (job.state !== 'accepted' && job.state !== 'running') throw illegal(job.state, event)
      const startedAt = job.state === 'running' ? job.startedAt : null
      return { ...passed(job, 'cancelled', event.at), ...NONE_HELD, state: 'cancelling', startedAt }
    }
    case 'JobAbandoned':
      if (job.state !== 'concluding' && job.state !== 'ended') throw illegal(job.state, event)
      return { ...passed(job, 'abandoned', event.at), abandonedAt: event.at }
    case 'JobHeld':
      if (job.state !== 'accepted' && job.state !== 'running') throw illegal(job.state, event)
      return { ...passed(job, 'held', event.at), held: true, released: [] }
    case 'JobReleased':
      if (job.state === 'cancelling') throw illegal(job.state, event)
      return { ...releasedJob(job, event.at), callbacks: { ...job.callbacks, ...event.callbacks } }
    case 'SubjobsReleased':
      if (job.state === 'cancelling') throw illegal(job.state, event)
      return { ...job, released: [...job.released, ...event.subjobs], callbacks: { ...job.callbacks, ...event.callbacks } }
    case 'JobConcluded':
      if (job.state !== 'running' && job.state !== 'cancelling') throw illegal(job.state, event)
      return { ...job, state: 'concluding', startedAt: job.startedAt ?? event.at, outcome: event.outcome }
    case 'JobEnded':
      if (job.state !== 'concluding') throw illegal(job.state, event)
      return { ...job, state: 'ended', finishedAt: event.at, message: job.message ?? event.message }
    case 'JobRetried':
      if (job.state !== 'ended') throw illegal(job.state, event)
      return { ...retriedJob(job, event), priority: event.priority }
    default:
      return event satisfies never
  }
}

const NONE_HELD = { held: false, released: [] } as const

function passed<Passing extends Job>(job: Passing, what: Milestone['what'], at: number): Passing {
  return { ...job, milestones: withMilestones(job.milestones, { what, at, outcome: null }) }
}

/** Of one that has come to its end nothing begins. */
function releasedJob(job: Job, at: number): Job {
  const isBegun = job.state === 'accepted' || job.state === 'running'
  return { ...(isBegun ? passed(job, 'released', at) : job), ...NONE_HELD }
}

/** Whether the subjob is not begun as long as its client does not ask for it. */
export function isHeld({ held, released }: Pick<Job, 'held' | 'released'>, index: number): boolean {
  return held && !released.includes(index)
}

function acceptedJob(job: Job | undefined, event: Extract<JobEvent, { type: 'JobAccepted' }>): Job {
  if (job !== undefined) throw illegal(job.state, event)
  return {
    ...event.facts,
    state: 'accepted',
    operations: { total: event.operations, succeeded: 0, failed: 0 },
    subjobs: { total: event.subjobs, succeeded: 0, partiallyFailed: 0, failed: 0, cancelled: 0 },
    message: null,
    run: 1,
    partsLeft: event.facts.parts,
    released: [],
    generated: [],
    abandonedAt: null,
    milestones: [],
  }
}

function withGenerated(job: OpenJob, generation: Generation): Job {
  const { operations, subjobs } = job
  return {
    ...job,
    operations: { ...operations, total: operations.total + generation.steps },
    subjobs: { ...subjobs, total: subjobs.total + generation.steps },
    generated: [...job.generated, generation],
  }
}

function retriedJob(job: Extract<Job, { readonly state: 'ended' }>, { at, undone }: Repetition): Job {
  const { outcome, finishedAt, ...rest } = job
  return {
    ...rest,
    ...countedWithout(job, undone),
    state: 'running',
    run: job.run + 1,
    message: null,
    abandonedAt: null,
    milestones: withMilestones(job.milestones, { what: 'ended', at: finishedAt, outcome }, { what: 'retried', at, outcome: null }),
  }
}

function outcomeOf({ state, operations, subjobs }: Job): Outcome {
  if (state === 'cancelling') return 'cancelled'
  if (subjobs.succeeded === subjobs.total && operations.failed === 0) return 'succeeded'
  return subjobs.failed === subjobs.total ? 'failed' : 'partiallyFailed'
}

function illegal(state: JobState | 'none', event: JobEvent): Error {
  return new Error(`broken invariant: ${event.type} while the job is ${state}`)
}
