import type { FastifyRequest } from 'fastify'
import type { ServerDependencies } from '../../dependencies.ts'
import type { JobControl } from '../../jobs/job-control.ts'
import type { JobLookup } from '../../jobs/job-lookup.ts'
import type { Base } from './bases.ts'

/** What the dialect's routes are made with. */
export interface OgcOptions {
  readonly deps: ServerDependencies
  readonly lookup: JobLookup
  readonly control: JobControl
}

/** The same for the routes of one base. */
export interface BaseOptions extends OgcOptions {
  readonly base: Base
  /** What the links of a workspace begin with. Throws a 400 where the request's host is none. */
  readonly rootOf: (request: FastifyRequest, workspace: string) => string
}
