import type { FastifyBaseLogger } from 'fastify'
import type { Registry } from 'prom-client'
import type { Codec } from '../codec/codec.ts'
import type { DestinationRules } from '../domain/destination.ts'
import type { ServiceRegistered } from '../domain/inventory-messages.ts'
import type { SplitLimits } from '../domain/split.ts'
import type { SubmissionLimits } from '../domain/submission.ts'
import type { DefinitionIndex } from '../inventory/definition-index.ts'
import type { ProcessIndex } from '../inventory/process-index.ts'
import type { KafkaAdmin, KafkaClient, PartitionReader, Position, RecordProducer } from '../kafka/port.ts'
import type { ReadModel } from '../read-model/port.ts'
import type { Clock, Timers } from '../runtime/clock.ts'
import type { AuthOptions } from './auth.ts'
import type { RegisteredInventory } from './dialects/inventory/registered.ts'
import type { ReadinessCheck } from './health.ts'
import type { Handles } from './jobs/job-upload.ts'
import type { OpenLargeProducer } from './jobs/large-jobs.ts'
import type { RestLimits } from './limits.ts'

/** How far the read model of this process has come; src/stages/projector/projector.ts is it. */
export interface ReadProgress {
  /** The partition of the command topic that decides the job. */
  homePartition(jobId: string): number
  /** Whether the record at that place came to be in the read model within that time. */
  waitFor(record: Position, timeoutMs: number): Promise<boolean>
  /** Whether all that was acknowledged about the job before the call came to be there. Rejects with KafkaFailure. */
  waitForJob(jobId: string, timeoutMs: number): Promise<boolean>
  /** The same for what was told of the job's subjobs. */
  waitForSubjobs(jobId: string, timeoutMs: number): Promise<boolean>
  /** Whether every command and change of a job that was acknowledged before the call came to be there. Rejects with KafkaFailure. */
  waitForAll(timeoutMs: number): Promise<boolean>
  /** Calls the listener with each job that may have changed, after it can be read. Returns how to stop that. */
  onChange(listener: (jobId: string) => void): () => void
  /** Records that were written and are not there yet. Rejects with KafkaFailure. */
  lag(): Promise<number>
}

/** The topics that results went to, as they are read back: a part of the Kafka port. */
export interface ResultTopics {
  /** Throws KafkaFailure, as the next one does. */
  offsetsAt: KafkaAdmin['offsetsAt']
  read: PartitionReader['read']
  partitionOf: KafkaClient['partitionOf']
}

/** An object that a part of a job's results is stored as. */
export interface ResultObject {
  readonly key: string
  readonly bytes: number
  readonly etag: string
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number
}

/** The buckets that results went to; src/sinks/s3/result-objects.ts is it. */
export interface ResultStore {
  /** A job's objects behind the key `after`, by key; null where there is no such bucket. Rejects when the store can't be asked. */
  list(
    place: { readonly bucket: string; readonly jobId: string },
    page: { readonly after: string; readonly limit: number },
  ): Promise<{ readonly items: readonly ResultObject[]; readonly isLast: boolean } | null>
  /** By which anyone can read the object until `expiresAt`, in milliseconds since the epoch. */
  link(bucket: string, key: string): Promise<{ readonly url: string; readonly expiresAt: number }>
}

export type FetchedDocument =
  | { readonly ok: true; readonly contentType: string; readonly text: string }
  /** In words that may be shown to the client. */
  | { readonly ok: false; readonly reason: string }

export type UnitCheck =
  | { readonly type: 'runs' }
  /** It could not, and why; or it did not say. */
  | { readonly type: 'refused' | 'unknown'; readonly reason: string }

export interface RestTopics {
  readonly commands: string
  readonly inventory: string
  readonly bulk: string
  /** Where results of jobs without a destination are kept. */
  readonly results: string
}

/** What jobs are taken in and looked up with, whatever the dialect. */
export interface JobDependencies {
  readonly codec: Pick<Codec, 'encode' | 'encodePart' | 'decode'>
  readonly producer: Pick<RecordProducer, 'send'>
  readonly openLargeProducer: OpenLargeProducer
  /** Where parts of large jobs are kept until all of a job has come; nothing else is in it. */
  readonly spoolFolder: string
  readonly handles: Handles
  readonly splits: SplitLimits
  /** How long what failed of a job is kept after its end. */
  readonly retryRetentionMs: number
  readonly admin: Pick<KafkaAdmin, 'topicExists'>
  /** Rejects when the object store can't be asked. */
  readonly bucketExists: (name: string) => Promise<boolean>
  readonly objects: ResultStore
  readonly resultTopics: ResultTopics
  readonly readModel: Pick<
    ReadModel,
    'job' | 'versionedJob' | 'jobByNumber' | 'jobs' | 'countJobs' | 'facetedJobs' | 'reports' | 'subjobs' | 'endedSubjobs'
  >
  readonly progress: ReadProgress
  readonly clock: Clock
  readonly timers: Timers
  readonly topics: RestTopics
  readonly destinations: DestinationRules
  readonly submissions: SubmissionLimits
  /** Why callbacks can't go to a URL, as far as that shows before its host is resolved; null where they can. */
  readonly callbackRefusal: (url: string) => string | null
  readonly limits: RestLimits
}

export interface ServerDependencies extends JobDependencies {
  readonly inventory: RegisteredInventory
  readonly processes: Pick<ProcessIndex, 'find' | 'list' | 'count'>
  readonly definitions: Pick<DefinitionIndex, 'find' | 'list' | 'bytes'>
  /** Those that there are; none means that each is there from its first use on. */
  readonly workspaces: readonly string[]
  /** The DMI service that runs commands and CWL: an exec producer. */
  readonly execService: string
  /** Fetches a text that a client names by its address; never rejects. */
  readonly fetchDocument: (url: string) => Promise<FetchedDocument>
  /** Asks a DMI service whether it could do what an operation of that value asks for; never rejects. */
  readonly checkUnit: (service: ServiceRegistered, value: string, timeoutMs: number) => Promise<UnitCheck>
  readonly logger: FastifyBaseLogger
  readonly metrics: Registry
  readonly readiness: readonly ReadinessCheck[]
  /** Where clients reach this server, such as `https://jobs.example.org/api`; null takes it from each request. */
  readonly apiRoot: string | null
  readonly auth: AuthOptions
  /** The product's version, as the OpenAPI document shows it. */
  readonly version: string
}
