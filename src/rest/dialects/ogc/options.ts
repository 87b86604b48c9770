import type { FastifyRequest } from 'fastify'
import type { ServerDependencies } from '../../dependencies.ts'
import type { JobControl } from '../../jobs/job-control.ts'
import type { JobEnds } from '../../jobs/job-ends.ts'
import type { JobIntake } from '../../jobs/job-intake.ts'
import type { JobLookup } from '../../jobs/job-lookup.ts'
import type { JobWatch } from '../../jobs/job-watch.ts'
import type { ResultEvents } from '../../jobs/result-events.ts'
import type { Base } from './bases.ts'
import type { Deployments } from './deployments.ts'
import type { Executions } from './executions.ts'
import type { ProcessLookup } from './process-lookup.ts'

/** What the dialect's routes are made with. */
export interface OgcOptions {
  readonly deps: ServerDependencies
  readonly intake: JobIntake
  readonly lookup: JobLookup
  readonly control: JobControl
  readonly watch: JobWatch
  readonly results: ResultEvents
}

/** The same for the routes of one base. */
export interface BaseOptions extends Pick<OgcOptions, 'deps' | 'lookup' | 'control'> {
  readonly processes: ProcessLookup
  readonly executions: Executions
  readonly deployments: Deployments
  readonly ends: JobEnds
  readonly base: Base
  /** What the links of a workspace begin with. Throws a 400 where the request's host is none. */
  readonly rootOf: (request: FastifyRequest, workspace: string) => string
  /** Where the workspace's base is, for headers. Throws as {@link rootOf} does. */
  readonly addressOf: (request: FastifyRequest, workspace: string) => string
}
