/**
 * What travels on our topics. Each interface has its Avro twin in schemas/ under the same name; the codec turns one into
 * the other. Absent is always null, never undefined, as in the schemas. Times are milliseconds since the epoch.
 */
import type { Assignment, PublishedObject } from './assignment.ts'
import type { Attempt } from './attempt.ts'
import type { JobKind, Operation, RoutedOperation } from './operation.ts'
import type { Job, Outcome } from './job.ts'
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
}

export interface Dependency {
  readonly operationId: string | number
  /** The operations that must have succeeded before. */
  readonly parents: readonly (string | number)[]
}

export type JobCommandMessage = SubmitJob

/** On `subjobs`, keyed by the producer: a subjob for the producer's owner to carry out. */
export interface DispatchSubjob {
  readonly type: 'DispatchSubjob'
  readonly jobId: string
  readonly index: number
  readonly producerKey: string
  readonly service: string
  readonly dataProducerId: string
  readonly kind: JobKind
  readonly destination: string
  readonly dataAcceptType: string
  readonly dataContentType: string
  readonly refusal: ResponseCode | null
  readonly priority: number
  readonly attemptsMax: number
  readonly deadlineAt: number | null
  readonly traceparent: string | null
  readonly operations: readonly RoutedOperation[]
}

/** On `subjob-events`, keyed by the job. */
export interface SubjobStarted {
  readonly type: 'SubjobStarted'
  readonly jobId: string
  readonly index: number
  readonly attempt: number
  readonly worker: string
  readonly dataProducerJobId: string
  readonly at: number
}

export interface SubjobAttemptFailed {
  readonly type: 'SubjobAttemptFailed'
  readonly jobId: string
  readonly index: number
  readonly attempt: Attempt
}

export interface SubjobEnded {
  readonly type: 'SubjobEnded'
  readonly jobId: string
  readonly index: number
  readonly outcome: Outcome
  readonly succeeded: number
  readonly failed: number
  readonly object: PublishedObject | null
  readonly message: string | null
  readonly attempts: readonly Attempt[]
  readonly at: number
}

export type SubjobEventMessage = SubjobStarted | SubjobAttemptFailed | SubjobEnded

/** On `jobs` and in the coordinator's changelog, keyed by the job: its state after the latest change. */
export interface JobChanged {
  readonly type: 'JobChanged'
  readonly job: Job
}

/** In the coordinator's changelog, keyed by the subjob. */
export interface AssignmentChanged {
  readonly type: 'AssignmentChanged'
  readonly jobId: string
  readonly assignment: Assignment
  /** What is dispatched once the parents have ended; null when it was. */
  readonly held: DispatchSubjob | null
}

/** In the dispatcher's changelog, beside the DispatchSubjob itself: how far the producer has come. */
export interface SubjobProgressed {
  readonly type: 'SubjobProgressed'
  readonly jobId: string
  readonly index: number
  readonly subjob: Subjob
}

/** On `inventory`, keyed by the alternate id. */
export interface HandleRegistered {
  readonly type: 'HandleRegistered'
  readonly alternateId: string
  readonly cmHandle: string
  readonly moduleSetTag: string
  readonly dataProducerId: string
  readonly service: string
  readonly writeService: string | null
  readonly state: string
  readonly properties: Readonly<Record<string, string>>
}

/** On `inventory`, keyed by the service: how to reach a DMI plugin. The password never leaves the topic. */
export interface ServiceRegistered {
  readonly type: 'ServiceRegistered'
  readonly name: string
  readonly baseUrl: string
  readonly contract: 'dataJob' | 'cmJob'
  readonly username: string | null
  readonly password: string | null
  /** Subjobs that one producer behind the service works on at a time; null means the configured default. */
  readonly subjobsInFlightMax: number | null
}

export type InventoryMessage = HandleRegistered | ServiceRegistered

export type Message =
  | JobCommandMessage
  | DispatchSubjob
  | SubjobEventMessage
  | JobChanged
  | AssignmentChanged
  | SubjobProgressed
  | InventoryMessage

export type MessageType = Message['type']
