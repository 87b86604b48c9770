/** The OGC API – Processes dialect: `/{workspace}/ogc-api` and `/{workspace}/wps3` (contract page). */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { requireClient } from '../../auth.ts'
import { addDialectDocument } from '../../dialect-document.ts'
import { addDialectPage } from '../../dialect-page.ts'
import { clientSecurity } from '../../docs.ts'
import { clip, Refusal } from '../../errors.ts'
import { InventoryWriter } from '../../inventory-writer.ts'
import { JobEnds } from '../../jobs/job-ends.ts'
import { JobResults } from '../../jobs/job-results.ts'
import { takeJsonWithoutType } from '../../json-bodies.ts'
import { ProcessSchemas } from '../../processes/process-schemas.ts'
import { answer, noQuerySchema } from '../../schemas.ts'
import { addressOf, BASES, hrefOf, prefixOf } from './bases.ts'
import { addDeployment } from './deploy-routes.ts'
import { Deployments } from './deployments.ts'
import { exceptionOf } from './exceptions.ts'
import { addExecution } from './execution-routes.ts'
import { Executions } from './executions.ts'
import { addJobList } from './job-list-routes.ts'
import { addJobs } from './job-routes.ts'
import { CONFORMS_TO, descriptionOf, landingLinks, OPENAPI_TYPE, processListOf } from './mapping.ts'
import type { BaseOptions, OgcOptions } from './options.ts'
import { noSuchProcess, ProcessLookup } from './process-lookup.ts'
import { addJobResults } from './result-routes.ts'
import {
  badRequestAnswer,
  conformanceSchema,
  exceptionAnswer,
  landingPageSchema,
  processListQuerySchema,
  processListSchema,
  processParamsSchema,
  processSchema,
  workspaceParamsSchema,
} from './schemas.ts'

const DESCRIPTION = `
A workspace’s processes, and its jobs. Links say where to go on, and errors have the standard’s body, as
\`application/problem+json\` where the client asks for it.
`

const TAGS = [
  { name: 'API', description: 'What is served here.' },
  { name: 'Processes', description: 'What can be executed, and how more comes to be there.' },
  { name: 'Jobs', description: 'How far executions are.' },
]

/** Adds the dialect's routes under both bases. */
export async function addOgcRoutes(app: FastifyInstance, options: OgcOptions): Promise<void> {
  const { deps, intake, lookup, control, watch } = options
  const processes = new ProcessLookup(deps.processes, deps)
  const schemas = new ProcessSchemas()
  const executions = new Executions({ intake, processes, schemas, results: new JobResults(deps, options.results) })
  const deployments = new Deployments({ processes, deps, clock: deps.clock, writer: new InventoryWriter(deps) })
  const ends = new JobEnds({ watch, timers: deps.timers, waitingMax: deps.limits.syncWaitsMax })
  // Else the server would wait for those who wait for the ends of executions.
  app.addHook('preClose', (done) => {
    ends.close()
    done()
  })
  for (const base of BASES) {
    const rootOf: BaseOptions['rootOf'] = (request, workspace) => hrefOf(base, workspace, { request, apiRoot: deps.apiRoot })
    const address: BaseOptions['addressOf'] = (request, workspace) => addressOf(base, workspace, { request, apiRoot: deps.apiRoot })
    const ofBase: BaseOptions = {
      ...{ deps, lookup, control, processes, executions, deployments, ends, base, rootOf, addressOf: address },
    }
    await app.register(async (scope) => {
      // What is said of a process is data: it goes out as it was registered.
      scope.setSerializerCompiler(() => JSON.stringify)
      scope.addHook('onRequest', requireClient(deps.auth))
      refuseUnknownWorkspaces(scope, deps.workspaces)
      takeJsonWithoutType(scope)
      await addDialectDocument(scope, { title: base.title, description: DESCRIPTION, tags: TAGS, prefix: prefixOf(base) }, deps)
      addLanding(scope, ofBase)
      addApi(scope, ofBase)
      addDialectPage(scope, base)
      addProcesses(scope, ofBase)
      await addDeployment(scope, ofBase)
      addExecution(scope, ofBase)
      addJobList(scope, ofBase)
      addJobs(scope, ofBase)
      addJobResults(scope, ofBase)
    }, { prefix: prefixOf(base) })
  }
}

/** Where none are configured, a workspace is there from its first use on. */
function refuseUnknownWorkspaces(app: FastifyInstance, workspaces: readonly string[]): void {
  if (workspaces.length === 0) return
  app.addHook('onRequest', (request, _reply, done) => {
    const { workspace = '' } = request.params as { readonly workspace?: string }
    const details = 'The operator says which there are.'
    done(workspaces.includes(workspace) ? undefined : new Refusal(404, `There is no workspace "${clip(workspace)}"`, { details }))
  })
}

const NO_SUCH_PROCESS = exceptionOf(noSuchProcess('ndvi', 'east'), '/east/ogc-api/processes/ndvi')

function addLanding(app: FastifyInstance, { base, deps, rootOf }: BaseOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const tags = ['API']
  const security = clientSecurity(deps.auth)
  scope.get('/', {
    prefixTrailingSlash: 'both',
    schema: {
      tags,
      operationId: 'getLandingPage',
      summary: 'Where to begin',
      security,
      params: workspaceParamsSchema,
      querystring: noQuerySchema,
      response: { 200: answer(landingPageSchema, 'Links to all that is here'), 400: badRequestAnswer },
    },
    handler: (request) => {
      const { workspace } = request.params
      const description = `The processes of the workspace ${workspace}`
      return { title: base.title, description, links: landingLinks(rootOf(request, workspace)) }
    },
  })
  scope.get('/conformance', {
    schema: {
      tags,
      operationId: 'getConformanceClasses',
      summary: 'What of the standard is served',
      security,
      params: workspaceParamsSchema,
      querystring: noQuerySchema,
      response: { 200: answer(conformanceSchema, 'The conformance classes'), 400: badRequestAnswer },
    },
    handler: () => ({ conformsTo: CONFORMS_TO }),
  })
}

function addApi(app: FastifyInstance, { deps, rootOf }: BaseOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  scope.get('/api', {
    schema: {
      tags: ['API'],
      operationId: 'getApi',
      summary: 'This description',
      security: clientSecurity(deps.auth),
      params: workspaceParamsSchema,
      querystring: noQuerySchema,
      response: {
        200: {
          description: 'An OpenAPI 3.0 document',
          content: { [OPENAPI_TYPE]: { schema: Type.Object({}, { additionalProperties: true }) } },
        },
        400: badRequestAnswer,
      },
    },
    handler: (request, reply) => {
      const document = { ...app.dialectDocument(), servers: [{ url: rootOf(request, request.params.workspace) }] }
      // As bytes, for to a text Fastify would add a charset, which is no parameter of this type.
      return reply.type(OPENAPI_TYPE).send(Buffer.from(JSON.stringify(document)))
    },
  })
}

function addProcesses(app: FastifyInstance, { deps, processes, rootOf }: BaseOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const tags = ['Processes']
  const security = clientSecurity(deps.auth)
  scope.get('/processes', {
    schema: {
      tags,
      operationId: 'getProcesses',
      summary: 'List the processes of the workspace, by id',
      description: 'Its own, and those that every workspace has.',
      security,
      params: workspaceParamsSchema,
      querystring: processListQuerySchema,
      response: { 200: answer(processListSchema, 'One page of processes'), 400: badRequestAnswer },
    },
    handler: (request) => {
      const { limit, after = null, before = null } = request.query
      const page = deps.processes.list(request.params.workspace, { limit, after, before })
      return processListOf(page, request.query, rootOf(request, request.params.workspace))
    },
  })
  scope.get('/processes/:processId', {
    schema: {
      tags,
      operationId: 'getProcessDescription',
      summary: 'Show what a process takes and what it yields',
      security,
      params: processParamsSchema,
      querystring: noQuerySchema,
      response: {
        200: answer(processSchema, 'The description of the process'),
        400: badRequestAnswer,
        404: exceptionAnswer('The workspace has no such process', NO_SUCH_PROCESS),
      },
    },
    handler: async (request) => {
      const { workspace, processId } = request.params
      return descriptionOf(await processes.require(workspace, processId), rootOf(request, workspace))
    },
  })
}
