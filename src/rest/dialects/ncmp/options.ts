import type { ServerDependencies } from '../../dependencies.ts'
import type { BucketListing } from '../../jobs/bucket-listing.ts'
import type { JobControl } from '../../jobs/job-control.ts'
import type { JobIntake } from '../../jobs/job-intake.ts'
import type { JobLookup } from '../../jobs/job-lookup.ts'
import type { JobStreams } from '../../jobs/job-streams.ts'
import type { ResultEvents } from '../../jobs/result-events.ts'

/** What the dialect's routes work with. */
export interface NcmpOptions {
  readonly deps: ServerDependencies
  readonly intake: JobIntake
  readonly lookup: JobLookup
  readonly control: JobControl
  readonly streams: JobStreams
  readonly listing: BucketListing
  readonly results: ResultEvents
}
