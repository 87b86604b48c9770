import type { ServerDependencies } from '../../dependencies.ts'
import type { Algorithms } from './algorithms.ts'
import type { Entries } from './entries.ts'
import type { Jobs } from './jobs.ts'

/** What the dialect's routes are made with. */
export interface RouteOptions {
  readonly deps: ServerDependencies
  readonly algorithms: Algorithms
  readonly jobs: Jobs
  readonly entries: Entries
}
