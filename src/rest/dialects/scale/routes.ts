/** Scale v6 (contract page "Scale v6 dialect"): job types, jobs, their executions and logs. */
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { apiRootOf } from '../../api-root.ts'
import { requireClient } from '../../auth.ts'
import { Definitions } from '../../definitions.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { addDialectDocument } from '../../dialect-document.ts'
import { addDialectPage } from '../../dialect-page.ts'
import { InventoryWriter } from '../../inventory-writer.ts'
import type { JobIntake } from '../../jobs/job-intake.ts'
import type { JobLookup } from '../../jobs/job-lookup.ts'
import { JobResults } from '../../jobs/job-results.ts'
import type { ResultEvents } from '../../jobs/result-events.ts'
import { takeEmptyBodies, takeJsonWithoutType } from '../../json-bodies.ts'
import { noQuerySchema } from '../../schemas.ts'
import { BASE, BATCHES, JOB_TYPES, placeOf, REVISIONS } from './base.ts'
import { Batches } from './batches.ts'
import { addBatches, addBulk } from './bulk-routes.ts'
import { Bulk } from './bulk.ts'
import { addExecutions } from './execution-routes.ts'
import { ExecutionResults } from './execution-results.ts'
import { addJobs } from './job-routes.ts'
import { addJobTypes } from './job-type-routes.ts'
import { JobTypes } from './job-types.ts'
import { Jobs } from './jobs.ts'

export interface ScaleOptions {
  readonly deps: ServerDependencies
  readonly intake: JobIntake
  readonly lookup: JobLookup
  readonly results: ResultEvents
}

const TITLE = 'Scale v6'
const DESCRIPTION = `
A **job type** is a Seed manifest whose command the exec producer runs. A **job** is that command with an input, an **execution** an
attempt at it. Ids are integers, the same on every instance. Every path ends in a slash; without it, a request is sent there by a 301.
Every error has the body \`{detail}\`.
`
const TAGS = [
  { name: 'Job types', description: 'What can be run.' },
  { name: 'Jobs', description: 'Running it.' },
  { name: 'Batches', description: 'Jobs that are created together.' },
  { name: 'Executions', description: 'Attempts at jobs, and what they wrote.' },
]

export async function addScaleRoutes(app: FastifyInstance, { deps, intake, lookup, results: events }: ScaleOptions): Promise<void> {
  const writer = new InventoryWriter(deps)
  const definitionsOf = (kind: string): Definitions => new Definitions({ deps, writer, place: placeOf(kind) })
  const types = new JobTypes({ deps, types: definitionsOf(JOB_TYPES), revisions: definitionsOf(REVISIONS) })
  const results = new ExecutionResults(new JobResults(deps, events))
  const batches = definitionsOf(BATCHES)
  const jobs = new Jobs({ deps, intake, lookup, types, batches, results })
  const bulk = new Bulk(deps)
  const options = { deps, types, jobs, results, bulk, batches: new Batches(batches, jobs) }
  // Pages for people have no slash at their end.
  await app.register((scope, _options, done) => {
    scope.addHook('onRequest', requireClient(deps.auth))
    addDialectPage(scope, { title: TITLE, below: 1 })
    done()
  }, { prefix: BASE })
  await app.register(async (scope) => {
    // What is said here is data, and goes out as it was made.
    scope.setSerializerCompiler(() => JSON.stringify)
    scope.addHook('onRequest', requireClient(deps.auth))
    redirectToSlash(scope, deps)
    readBodiesStrictly(scope)
    takeJsonWithoutType(scope)
    takeEmptyBodies(scope)
    await addDialectDocument(scope, { title: TITLE, description: DESCRIPTION, tags: TAGS, prefix: BASE }, deps)
    addDocument(scope, deps)
    addJobTypes(scope, options)
    addJobs(scope, options)
    addExecutions(scope, options)
    addBulk(scope, options)
    addBatches(scope, options)
  }, { prefix: BASE })
}

// The router takes both, for other dialects' sake.
function redirectToSlash(app: FastifyInstance, { apiRoot }: ServerDependencies): void {
  app.addHook('onRequest', (request, reply, done) => {
    const [path = '', ...query] = request.url.split('?')
    if (path.endsWith('/')) done()
    else reply.redirect(`${apiRootOf(request, apiRoot)}${[`${path}/`, ...query].join('?')}`, 301)
  })
}

// Taken for what it might have meant, a null would be the id 0, false, or an empty text.
function readBodiesStrictly(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (route.schema?.body !== undefined) route.validatorCompiler = TypeBoxValidatorCompiler
  })
}

function addDocument(app: FastifyInstance, { apiRoot }: ServerDependencies): void {
  app.get('/api/', {
    schema: { hide: true, querystring: noQuerySchema, response: { 200: Type.Object({}, { additionalProperties: true }) } },
    handler: (request) => ({ ...app.dialectDocument(), servers: [{ url: `${apiRootOf(request, apiRoot)}${BASE}` }] }),
  })
}
