/** MAAP's DPS (contract page "MAAP DPS dialect"): algorithms, jobs, and entries that are run step by step or as a whole. */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { apiRootOf } from '../../api-root.ts'
import { requireClient } from '../../auth.ts'
import { Definitions } from '../../definitions.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { addDialectDocument } from '../../dialect-document.ts'
import { addDialectPage } from '../../dialect-page.ts'
import { InventoryWriter } from '../../inventory-writer.ts'
import type { JobControl } from '../../jobs/job-control.ts'
import type { JobIntake } from '../../jobs/job-intake.ts'
import type { JobLookup } from '../../jobs/job-lookup.ts'
import { JobResults } from '../../jobs/job-results.ts'
import type { ResultEvents } from '../../jobs/result-events.ts'
import { takeEmptyBodies, takeJsonWithoutType } from '../../json-bodies.ts'
import { ProcessSchemas } from '../../processes/process-schemas.ts'
import { noQuerySchema } from '../../schemas.ts'
import { addAlgorithms } from './algorithm-routes.ts'
import { ALGORITHMS, Algorithms } from './algorithms.ts'
import { BASE, TENANT } from './base.ts'
import { Entries } from './entries.ts'
import { DIALECT } from './entry-mapping.ts'
import { addEntries } from './entry-routes.ts'
import { addJobs } from './job-routes.ts'
import { Jobs, JOBS } from './jobs.ts'
import { StepReports } from './step-reports.ts'

export interface MaapOptions {
  readonly deps: ServerDependencies
  readonly intake: JobIntake
  readonly lookup: JobLookup
  readonly control: JobControl
  readonly results: ResultEvents
}

const TITLE = 'MAAP’s DPS'
const DESCRIPTION = `
A **job** says what is to be run on which granules. Submitting it makes an **entry**, which waits until it is run; each granule is a
**step** of it. An **algorithm** is a command for the exec producer, a process, or a managed object whose producer carries it out.
Lists begin with what is newest. Every error has the body \`{message}\`.
`
const TAGS = [
  { name: 'Algorithm', description: 'What can be run.' },
  { name: 'Job', description: 'What is to be run on what.' },
  { name: 'JobEntry', description: 'Running it, and how far that is.' },
]

export async function addMaapRoutes(app: FastifyInstance, { deps, intake, lookup, control, results }: MaapOptions): Promise<void> {
  const writer = new InventoryWriter(deps)
  const definitionsOf = (kind: string): Definitions => new Definitions({ deps, writer, place: { tenant: TENANT, dialect: DIALECT, kind } })
  const algorithms = new Algorithms({ deps, definitions: definitionsOf(ALGORITHMS) })
  const jobs = new Jobs({ deps, algorithms, definitions: definitionsOf(JOBS), schemas: new ProcessSchemas() })
  const { definitions } = deps
  const entries = new Entries({ intake, lookup, control, reports: new StepReports(new JobResults(deps, results)), definitions })
  const options = { deps, algorithms, jobs, entries }
  await app.register(async (scope) => {
    // What is said here is data, and goes out as it was made.
    scope.setSerializerCompiler(() => JSON.stringify)
    scope.addHook('onRequest', requireClient(deps.auth))
    takeJsonWithoutType(scope)
    takeEmptyBodies(scope)
    await addDialectDocument(scope, { title: TITLE, description: DESCRIPTION, tags: TAGS, prefix: BASE }, deps)
    addDocument(scope, deps)
    addDialectPage(scope, { title: TITLE })
    addAlgorithms(scope, options)
    addJobs(scope, options)
    addEntries(scope, options)
  }, { prefix: BASE })
}

function addDocument(app: FastifyInstance, { apiRoot }: ServerDependencies): void {
  app.get('/api', {
    schema: { hide: true, querystring: noQuerySchema, response: { 200: Type.Object({}, { additionalProperties: true }) } },
    handler: (request) => ({ ...app.dialectDocument(), servers: [{ url: `${apiRootOf(request, apiRoot)}${BASE}` }] }),
  })
}
