/** The OGC API – Processes dialect: `/{workspace}/ogc-api` and `/{workspace}/wps3` (contract page). */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import type { OfferedProcess, ProcessIndex } from '../../../inventory/process-index.ts'
import { requireClient } from '../../auth.ts'
import { clientSecurity } from '../../docs.ts'
import { clip } from '../../errors.ts'
import { answer, noQuerySchema } from '../../schemas.ts'
import { addBaseDocument } from './api-document.ts'
import { BASES, hrefOf, prefixOf } from './bases.ts'
import { exceptionOf, OgcRefusal } from './exceptions.ts'
import { addJobs } from './job-routes.ts'
import { CONFORMS_TO, descriptionOf, landingLinks, OPENAPI_TYPE, processListOf } from './mapping.ts'
import type { BaseOptions, OgcOptions } from './options.ts'
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

/** Adds the dialect's routes under both bases. */
export async function addOgcRoutes(app: FastifyInstance, options: OgcOptions): Promise<void> {
  const { deps } = options
  for (const base of BASES) {
    const rootOf: BaseOptions['rootOf'] = (request, workspace) => hrefOf(base, workspace, { request, apiRoot: deps.apiRoot })
    const ofBase = { ...options, base, rootOf }
    await app.register(async (scope) => {
      // What is said of a process is data: it goes out as it was registered.
      scope.setSerializerCompiler(() => JSON.stringify)
      scope.addHook('onRequest', requireClient(deps.auth))
      await addBaseDocument(scope, base, deps)
      addLanding(scope, ofBase)
      addApi(scope, ofBase)
      addProcesses(scope, ofBase)
      addJobs(scope, ofBase)
    }, { prefix: prefixOf(base) })
  }
}

const NO_SUCH_PROCESS = exceptionOf(unknownProcess('ndvi', 'east'), '/east/ogc-api/processes/ndvi')

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
      const document = { ...app.baseDocument(), servers: [{ url: rootOf(request, request.params.workspace) }] }
      // As bytes, for to a text Fastify would add a charset, which is no parameter of this type.
      return reply.type(OPENAPI_TYPE).send(Buffer.from(JSON.stringify(document)))
    },
  })
}

function addProcesses(app: FastifyInstance, { deps, rootOf }: BaseOptions): void {
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
    handler: (request) => {
      const { workspace, processId } = request.params
      return descriptionOf(requireProcess(deps.processes, workspace, processId), rootOf(request, workspace))
    },
  })
}

function requireProcess(processes: Pick<ProcessIndex, 'find'>, workspace: string, id: string): OfferedProcess {
  const process = processes.find(workspace, id)
  if (process === undefined) throw unknownProcess(id, workspace)
  return process
}

function unknownProcess(id: string, workspace: string): OgcRefusal {
  const details = 'Those there are: GET …/processes.'
  return new OgcRefusal(404, 'no-such-process', `There is no process "${clip(id)}" in the workspace ${workspace}`, { details })
}
