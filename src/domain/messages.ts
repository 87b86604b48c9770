/**
 * What travels on our topics. Each interface has its Avro twin in schemas/ under the same name; the codec turns one into
 * the other. Absent is always null, never undefined, as in the schemas. Times are milliseconds since the epoch.
 */
import type { Assignment, PublishedObject } from './assignment.ts'
import type { Attempt } from './attempt.ts'
import type { CommandJobs, JobsCommanded } from './bulk.ts'
import type { InventoryMessage } from './inventory-messages.ts'
import type { JobKind, Operation, RoutedOperation } from './operation.ts'
import type { Outcome } from './job-counts.ts'
import type { Job, JobFacts, JobState } from './job.ts'
import type { ResponseCode } from './response-code.ts'
import type { Subjob } from './subjob.ts'

/** On `commands`. A client that leaves the id out gets one made of the record's place; see the public command topic. */
export interface SubmitJob {
  readonly type: 'SubmitJob'
  readonly jobId: string | null
  readonly tenant: string
  readonly dialect: string
  readonly dialectData: string | null
  readonly kind: JobKind
  readonly destination: string | null
  readonly dataAcceptType: string
  readonly dataContentType: string
  readonly priority: number
  readonly labels: Readonly<Record<string, string>>
  readonly deadlineAt: number | null
  readonly attemptsMax: number | null
  readonly submittedBy: string | null
  readonly traceparent: string | null
  /** SHA-256 in hex over what is asked for; the codec computes it where a client leaves it out. */
  readonly digest: string
  /** When the job was accepted; null means the record's own time. */
  readonly createdAt: number | null
  readonly operations: readonly Operation[]
  /** Operations that wait for others of the same job: each then is a subjob of its own. Empty for most jobs. */
  readonly dependencies: readonly Dependency[]
  /** A job in steps: each of its operations is a subjob, and their groups say which come after which. Empty for most jobs. */
  readonly groups: readonly StepGroup[]
  /** Nothing is done unless every operation has a ready handle. */
  readonly strict: boolean
  /** The client's bearer token, for producers whose service has no credentials of its own. Never shown or logged. */
  readonly authorization: string | null
  /** Marks the {@link AddOperations} that follow; null when all operations are in here. */
  readonly submission: string | null
  /** How many of them follow, and how many operations they hold; 0 when all operations are in here. */
  readonly parts: number
  readonly operationCount: number
  /** Where the client wants to be told of what, by name: the dialect says which names there are, and what is sent. */
  readonly callbacks: Readonly<Record<string, string>>
  /** Nothing of it is begun before a ReleaseJob. */
  readonly held: boolean
}

/**
 * On `commands`, behind a SubmitJob whose operations are too many for one record; its key is the job's id. All of them are
 * on one partition, in order, and written in one transaction: whoever sees the first can read the others.
 */
export interface AddOperations {
  readonly type: 'AddOperations'
  readonly submission: string
  /** From 0. */
  readonly part: number
  readonly authorization: string | null
  readonly operations: readonly Operation[]
}

/** On `commands`. What was not begun never is; what was begun is cancelled where its producer can. */
export interface CancelJob {
  readonly type: 'CancelJob'
  readonly jobId: string
  readonly requestedBy: string | null
  /** The indexes of those that end, while the job goes on; null for the job as a whole. */
  readonly subjobs: readonly number[] | null
}

/** On `commands`. Tries again what failed of a job that has ended. */
export interface RetryJob {
  readonly type: 'RetryJob'
  readonly jobId: string
  readonly requestedBy: string | null
  /** The run that is asked for, so that one asked for twice is made once; null for whichever is next. */
  readonly run: number | null
  readonly authorization: string | null
  /** The job's from then on; null leaves it as it is. */
  readonly priority: number | null
}

/** On `commands`. Begins a job that is held, or some of its subjobs; each once, and changes nothing on any other. */
export interface ReleaseJob {
  readonly type: 'ReleaseJob'
  readonly jobId: string
  readonly requestedBy: string | null
  /** Beside those that the job has. */
  readonly callbacks: Readonly<Record<string, string>>
  /** Their indexes; null for all. */
  readonly subjobs: readonly number[] | null
}

/** On `commands`. Nothing more of the job is begun before a ReleaseJob; what was begun goes on. */
export interface HoldJob {
  readonly type: 'HoldJob'
  readonly jobId: string
  readonly requestedBy: string | null
}

/** On `commands`. Cancels a job; one that has failed by then is given up, until it is tried again: some dialects show it as cancelled. */
export interface AbandonJob {
  readonly type: 'AbandonJob'
  readonly jobId: string
  readonly requestedBy: string | null
}

/** On `commands`. Forgets a job that has ended, as its retention would; what was published of it stays. Its id may be used again. */
export interface ForgetJob {
  readonly type: 'ForgetJob'
  readonly jobId: string
  readonly requestedBy: string | null
}

export interface Dependency {
  readonly operationId: string | number
  /** The operations that must have succeeded before. */
  readonly parents: readonly (string | number)[]
}

/** So many operations of a job, behind those of the group before it in the list. */
export interface StepGroup {
  readonly operations: number
  /** The groups that must have succeeded before, all of them, by their positions in the list. */
  readonly after: readonly number[]
  /** How often each of its steps is tried again by itself when it fails, and how many milliseconds after that. */
  readonly retries: number
  readonly retryIntervalMs: number
  /** Whether what each of its operations yields may be further operations of the job, as its dialect reads it. */
  readonly generates: boolean
}

/** Operations that a step has yielded. What comes after the step's group comes after all of them as well. */
export interface GeneratedSteps {
  /** The dialect's own word for what they were made of. */
  readonly source: string
  readonly operations: readonly RoutedOperation[]
  /** Of these operations: positions are those in this list. */
  readonly groups: readonly StepGroup[]
  /** The client's bearer token that the step had. Never shown or logged. */
  readonly authorization: string | null
  /** The operation that has yielded them, for another run, should its job have no room for them. */
  readonly generator: RoutedOperation
}

export type JobCommandMessage = SubmitJob | AddOperations | CancelJob | AbandonJob | RetryJob | HoldJob | ReleaseJob | ForgetJob

/** On `subjobs`, keyed by the producer: a subjob for the producer's owner to carry out. */
export interface DispatchSubjob {
  readonly type: 'DispatchSubjob'
  readonly jobId: string
  readonly tenant: string
  readonly index: number
  readonly producerKey: string
  readonly service: string
  readonly dataProducerId: string
  readonly kind: JobKind
  readonly destination: string
  readonly dataAcceptType: string
  readonly dataContentType: string
  readonly refusal: ResponseCode | null
  /** What is said beside the refusal; null where the code says it all. */
  readonly refusalMessage: string | null
  /** Whether it is refused because it was cancelled before it was handed out. */
  readonly cancelled: boolean
  /** 1, and one more each time that the job's failed operations are tried again. */
  readonly run: number
  readonly authorization: string | null
  readonly priority: number
  readonly attemptsMax: number
  readonly deadlineAt: number | null
  readonly traceparent: string | null
  /** In the dispatcher's changelog: whether its producer was called as soon as it was taken in. False on the topic. */
  readonly called: boolean
  /** Whether those of a writing job at one data producer follow each other; where false, they may run side by side. */
  readonly ordered: boolean
  /** Of a step that may yield further ones: who reads them from its result; null of all others. */
  readonly generator: Generator | null
  readonly operations: readonly RoutedOperation[]
}

/** The dialect that the job came through, and its data there. */
export type Generator = Pick<JobFacts, 'dialect' | 'dialectData'>

/** On `subjobs`, keyed as the subjob was: it is to end before its time. */
export interface CancelSubjob {
  readonly type: 'CancelSubjob'
  readonly jobId: string
  readonly index: number
  readonly run: number
  /** What is said of operations that are not done by then. */
  readonly message: string
}

/** On `subjobs`, keyed as the subjob was: it is given back where its producer was not called yet. */
export interface RecallSubjob {
  readonly type: 'RecallSubjob'
  readonly jobId: string
  readonly index: number
  readonly run: number
}

/** On `subjob-events`, keyed by the job: what was recalled, as it was handed out. Its owner knows nothing of it any more. */
export interface SubjobRecalled {
  readonly type: 'SubjobRecalled'
  readonly order: DispatchSubjob
}

/** On `subjob-events`, keyed by the job; from the coordinator, as soon as it has split a job or a part of one. */
export interface SubjobsPlanned {
  readonly type: 'SubjobsPlanned'
  readonly jobId: string
  readonly subjobs: readonly PlannedSubjob[]
  readonly at: number
}

export interface PlannedSubjob {
  readonly index: number
  readonly run: number
  /** Empty when no producer is asked. */
  readonly service: string
  readonly dataProducerId: string
  readonly operations: number
  /** Subjobs that it waits for. */
  readonly parents: readonly number[]
  /** When it is tried again by itself; null of any other. */
  readonly retryAt: number | null
}

/** On `subjob-events`, keyed by the job. */
export interface SubjobStarted {
  readonly type: 'SubjobStarted'
  readonly jobId: string
  readonly index: number
  readonly run: number
  readonly attempt: number
  readonly worker: string
  readonly dataProducerJobId: string
  readonly at: number
}

/** On `subjob-events`, keyed by the job: how far its producer says that it is; of producers that say nothing there is none. */
export interface SubjobReported {
  readonly type: 'SubjobReported'
  readonly jobId: string
  readonly index: number
  readonly run: number
  readonly attempt: number
  /** Percent of the subjob, a whole number from 0 to 100. */
  readonly progress: number
  readonly message: string | null
  readonly at: number
}

export interface SubjobAttemptFailed {
  readonly type: 'SubjobAttemptFailed'
  readonly jobId: string
  readonly index: number
  readonly run: number
  readonly attempt: Attempt
  /** When it may be tried again; null when it is given up. */
  readonly retryAt: number | null
}

export interface SubjobEnded {
  readonly type: 'SubjobEnded'
  readonly jobId: string
  readonly index: number
  readonly run: number
  readonly outcome: Outcome
  readonly succeeded: number
  readonly failed: number
  readonly object: PublishedObject | null
  readonly message: string | null
  readonly attempts: readonly Attempt[]
  readonly at: number
  /** Those that were not done, for another run. */
  readonly failedOperations: readonly RoutedOperation[]
  /** What a step has yielded that succeeded: its coordinator then tells its end again, without it, once that is taken on, or can't be. */
  readonly generated: GeneratedSteps | null
}

/** What its dispatcher says of a subjob. */
export type SubjobReport = SubjobStarted | SubjobAttemptFailed | SubjobEnded
/** The same, and how far it is in between. */
export type SubjobNews = SubjobReport | SubjobReported
export type SubjobEventMessage = SubjobsPlanned | SubjobNews

/** On `jobs` and in the coordinator's changelog, keyed by the job: its state after the latest change. */
export interface JobChanged {
  readonly type: 'JobChanged'
  readonly job: Job
}

/** On `callbacks`, keyed by the job, of jobs with callbacks: something that its client may want to be told. */
export interface JobNotice {
  readonly type: 'JobNotice'
  /** As it was after that. */
  readonly job: Job
  /** Its state before; null for a job that was accepted just now. */
  readonly previous: JobState | null
  /** What was said of a subjob; null where the job itself changed. Operations that failed are left out. */
  readonly report: SubjobReport | null
  readonly at: number
}

/** In the notifier's changelog, keyed by its id: a delivery that was neither made nor given up. */
export interface CallbackQueued {
  readonly type: 'CallbackQueued'
  /** The same however often it is tried. */
  readonly id: string
  /** Deliveries of one line are made one after the other. */
  readonly line: string
  readonly url: string
  /** The dialect's own word for what is sent. */
  readonly kind: string
  readonly dialect: string
  readonly jobId: string
  readonly queuedAt: number
  /** The record with its JobNotice, and where that is. */
  readonly notice: Uint8Array
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
}

/** In the coordinator's changelog, keyed by the subjob. */
export interface AssignmentChanged {
  readonly type: 'AssignmentChanged'
  readonly jobId: string
  readonly assignment: Assignment
  /** What is dispatched once the parents have ended, or what is left for another run; null when there is none. */
  readonly held: DispatchSubjob | null
}

/** In the coordinator's changelog, keyed by the job, of a job in steps: it hardly changes, and so is not a part of the job itself. */
export interface JobGrouped {
  readonly type: 'JobGrouped'
  readonly jobId: string
  readonly groups: readonly StepGroup[]
  /** The client's bearer token, for steps that are tried again by themselves. Never shown or logged. */
  readonly authorization: string | null
}

/** In the dispatcher's changelog, beside the DispatchSubjob itself: how far the producer has come. */
export interface SubjobProgressed {
  readonly type: 'SubjobProgressed'
  readonly jobId: string
  readonly index: number
  readonly subjob: Subjob
}

export type Message =
  | JobCommandMessage
  | DispatchSubjob
  | CancelSubjob
  | RecallSubjob
  | SubjobRecalled
  | SubjobEventMessage
  | JobChanged
  | AssignmentChanged
  | JobGrouped
  | SubjobProgressed
  | JobNotice
  | CallbackQueued
  | CommandJobs
  | JobsCommanded
  | InventoryMessage

export type MessageType = Message['type']
