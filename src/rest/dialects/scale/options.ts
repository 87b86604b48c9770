import type { ServerDependencies } from '../../dependencies.ts'
import type { Batches } from './batches.ts'
import type { Bulk } from './bulk.ts'
import type { ExecutionResults } from './execution-results.ts'
import type { JobTypes } from './job-types.ts'
import type { Jobs } from './jobs.ts'

/** What the dialect's routes are made with. */
export interface RouteOptions {
  readonly deps: ServerDependencies
  readonly types: JobTypes
  readonly jobs: Jobs
  readonly results: ExecutionResults
  readonly bulk: Bulk
  readonly batches: Batches
}
