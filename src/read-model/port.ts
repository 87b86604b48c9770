/**
 * What REST reads: jobs and their subjobs, folded from the topics. A cache, never a source (docs/adr/0004): rows and the
 * positions up to which topics were read are written together, so it always is the state of the topics at its positions.
 * Held to test/contract/read-model.ts, read-model-lists.ts and read-model-facets.ts.
 */
import type { Outcome } from '../domain/job-counts.ts'
import type { Job, JobState } from '../domain/job.ts'
import type { SubjobNews, SubjobsPlanned } from '../domain/messages.ts'
import type { JobKind } from '../domain/operation.ts'
import type { Position } from '../kafka/port.ts'
import type { JobCursor } from './job-cursor.ts'
import type { FacetCondition, FacetedJobKey, FacetPage, FacetPageRequest } from './job-facets.ts'
import type { SubjobRow } from './subjob-row.ts'

/** Where a job is in its life, and once it has ended, how. */
export type JobStatus = Exclude<JobState, 'ended'> | Outcome

export function statusOf(job: Job): JobStatus {
  // Only its last word is missing still: nobody is to see it running again.
  if (job.state === 'concluding' && job.outcome === 'cancelled') return 'cancelling'
  return job.state === 'ended' ? job.outcome : job.state
}

/** Jobs that satisfy all that is given. */
export interface JobFilter {
  /** Any of these; empty or absent means every status. */
  readonly statuses?: readonly JobStatus[] | undefined
  /** As `Job.destination`: with its scheme. */
  readonly destination?: string | undefined
  readonly kind?: JobKind | undefined
  readonly tenant?: string | undefined
  readonly dialect?: string | undefined
  /** Any of these; empty or absent means every subject. */
  readonly subjects?: readonly string[] | undefined
  readonly duration?: DurationFilter | undefined
  /** Milliseconds since the epoch; jobs created at that moment are in. */
  readonly createdAfter?: number | undefined
  /** Milliseconds since the epoch; jobs created at that moment are out. */
  readonly createdBefore?: number | undefined
}

/**
 * Jobs that took so long from their start to their end, or to `now` while they run; both bounds are in. A job that has not started, or
 * is being cancelled, has no duration.
 */
export interface DurationFilter {
  readonly atLeastMs?: number | undefined
  readonly atMostMs?: number | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** One change to the rows. `at` is the time of the record that says so. */
export type RowChange =
  /** The job's command was read: it is there unless it was before. */
  | { readonly type: 'AcceptJob'; readonly job: Job; readonly at: number }
  /** The coordinator's word, which stands. `version` grows with each, and is the same wherever it is read. */
  | { readonly type: 'PutJob'; readonly job: Job; readonly version: number }
  /** The job and its subjobs go; commands and events older than `at` don't bring them back. */
  | { readonly type: 'ForgetJob'; readonly jobId: string; readonly at: number }
  /** A client wants the job stopped: true at once, though nothing may have been done about it yet. */
  | { readonly type: 'CancelJob'; readonly jobId: string; readonly at: number }
  | { readonly type: 'PlanSubjobs'; readonly event: SubjobsPlanned; readonly at: number }
  | { readonly type: 'FoldSubjobEvent'; readonly event: SubjobNews; readonly at: number }
  /** Nothing older than `before` will come any more: what is kept of forgotten jobs until then may go. */
  | { readonly type: 'SealForgotten'; readonly before: number }

/** What producers say of the subjobs of a job that they work on. */
export interface JobReport {
  /** Operations times percent, of all those subjobs together. */
  readonly points: number
  /** That of the latest; null where it has none. */
  readonly message: string | null
}

export interface RowBatch {
  /** Applied in this order. */
  readonly changes: readonly RowChange[]
  readonly positions: readonly Position[]
}

/** A page behind one job, before another, behind as many as are passed over, or the first. */
export type JobPageRequest = { readonly limit: number } & (
  | { readonly after: JobCursor | null }
  /** Those right before it, in the same order. */
  | { readonly before: JobCursor }
  /** Jobs that come in meanwhile shift such pages; and the further away one is, the longer it takes. */
  | { readonly offset: number }
)

export interface JobPage {
  readonly items: readonly Job[]
  /** Its last job, where others follow: what the next page is after. Null on the last one. */
  readonly next: JobCursor | null
  /** Its first job, where others come first: what the page before is before. Null on the first one. */
  readonly previous: JobCursor | null
}

/** A job as one change has made it. */
export interface VersionedJob {
  readonly job: Job
  /** That of the latest change by the coordinator, which is above 0; 0 for a job of which only the command was read. */
  readonly version: number
}

/** Where a subjob is in its life, and once it has ended, how. */
export type SubjobStatus = Exclude<SubjobRow['state'], 'ended'> | Outcome

export interface SubjobPageRequest {
  readonly limit: number
  /** The index that the page before ended with. */
  readonly after: number | null
  /** Any of these; empty or absent means every status. */
  readonly statuses?: readonly SubjobStatus[] | undefined
}

export interface SubjobPage {
  readonly items: readonly SubjobRow[]
  /** The index after which the next page begins; null on the last one. */
  readonly next: number | null
}

/** Every method rejects with ReadModelFailure when the store fails. */
export interface ReadModel {
  /** All of the batch becomes visible at once, or nothing. */
  apply(batch: RowBatch): Promise<void>
  job(jobId: string): Promise<Job | undefined>
  versionedJob(jobId: string): Promise<VersionedJob | undefined>
  /** By `Job.number`, for dialects whose ids are integers; null where there is none. */
  jobByNumber(number: number): Promise<Job | null>
  /** The newest first: by creation time, then by number. Jobs that come in meanwhile never shift a page. */
  jobs(filter: JobFilter, page: JobPageRequest): Promise<JobPage>
  /** How many jobs there are that satisfy the filter. */
  countJobs(filter: JobFilter): Promise<number>
  /** Of the jobs that have facets (job-facets.ts), those that satisfy all conditions. */
  facetedJobs(conditions: readonly FacetCondition[], page: FacetPageRequest): Promise<FacetPage>
  /** All of them, by number. */
  facetedKeys(conditions: readonly FacetCondition[]): Promise<readonly FacetedJobKey[]>
  /** Of those jobs whose producers have said how far they are with what they work on. */
  reports(jobIds: readonly string[]): Promise<ReadonlyMap<string, JobReport>>
  /** Those that something is known of, by index. */
  subjobs(jobId: string, page: SubjobPageRequest): Promise<SubjobPage>
  /** Which of these subjobs have ended. */
  endedSubjobs(jobId: string, indexes: readonly number[]): Promise<ReadonlySet<number>>
  positions(): Promise<readonly Position[]>
  /** Drops every row and position. */
  clear(): Promise<void>
  close(): Promise<void>
}

export class ReadModelFailure extends Error {
  override readonly name = 'ReadModelFailure'
  /**
   * `retry`: there is no room, or the disk fails; nothing was changed, and the same may succeed later. `restart`: what was damaged is
   * put aside, and a new process rebuilds it; or the disk has failed for too long. `fatal`: a person must act first.
   */
  readonly disposition: 'retry' | 'restart' | 'fatal'

  constructor(message: string, details: { disposition: ReadModelFailure['disposition']; cause?: unknown }) {
    super(message, { cause: details.cause })
    this.disposition = details.disposition
  }
}
