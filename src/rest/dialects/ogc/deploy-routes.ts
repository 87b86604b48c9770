/** Deploying, replacing and undeploying processes (OGC 20-044, Part 2). */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { type Static, Type } from 'typebox'
import { clientSecurity } from '../../docs.ts'
import { Refusal } from '../../errors.ts'
import { CWL_TYPE, mediaTypeOf } from '../../processes/execution-unit.ts'
import { answer, noQuerySchema } from '../../schemas.ts'
import { exceptionOf, OgcRefusal } from './exceptions.ts'
import { summaryOf } from './mapping.ts'
import type { BaseOptions } from './options.ts'
import { noSuchProcess } from './process-lookup.ts'
import { packageOf, PACKAGE_TYPE, readPackage, type SentPackage, TAKEN_TYPES } from './process-package.ts'
import { exceptionAnswer, processParamsSchema, processSummarySchema, workspaceParamsSchema } from './schemas.ts'

const tags = ['Processes']
const PATH = '/east/ogc-api/processes'

const examples = {
  noId: exceptionOf(new Refusal(400, 'The process’s id is missing'), PATH),
  noSuchProcess: exceptionOf(noSuchProcess('ndvi', 'east'), `${PATH}/ndvi`),
  immutable: exceptionOf(new OgcRefusal(403, 'immutable-process', 'The process "echo" can’t be replaced or removed'), `${PATH}/echo`),
  duplicated: exceptionOf(
    new OgcRefusal(409, 'duplicated-process', 'There is a process "ndvi" in the workspace east already', {
      details: 'PUT …/processes/{id} replaces it.',
    }),
    PATH,
  ),
  type: exceptionOf(new OgcRefusal(415, 'unsupported-media-type', 'Content type "text/plain" is not taken'), PATH),
  cannotRun: exceptionOf(
    new Refusal(422, 'The process "ndvi" can’t run here', { details: 'the DMI service "exec" is not registered.' }),
    PATH,
  ),
  away: exceptionOf(new Refusal(503, 'Kafka cannot be reached, or did not answer in time'), PATH),
}

const failures = {
  400: exceptionAnswer('The package can’t be read, or has no such process', examples.noId),
  415: exceptionAnswer('The body is of another type', examples.type),
  422: exceptionAnswer('What it consists of can’t run here', examples.cannotRun),
  503: exceptionAnswer('It can’t be done now; Retry-After says when to ask again', examples.away),
}

const DESCRIPTION = `
An OGC application package, \`{"processDescription", "executionUnit": {"mediaType", "value"}}\` or with \`{"href", "type"}\`, or a CWL
document by itself, of which the description is made then. The unit is a CWL document (\`application/cwl\`) or a command
(\`application/vnd.datajob.exec+json\`), which the exec producer runs, or a DMI service that knows the process by its id
(\`application/vnd.datajob.dmi+json\`, \`{"service": …}\`). What
can't run is refused with the reason. By default a process is executed asynchronously.
`

const deployQuerySchema = Type.Object(
  { w: Type.Optional(Type.String({ maxLength: 256, description: 'Which process of a CWL document is meant' })) },
  { additionalProperties: false },
)

const packageSchema = Type.Object(
  {
    processDescription: Type.Optional(Type.Object({}, { additionalProperties: true })),
    executionUnit: Type.Object({ mediaType: Type.String(), value: Type.Unknown() }),
  },
  {
    additionalProperties: true,
    examples: [
      {
        processDescription: { id: 'ndvi', version: '1.0.0', inputs: { scene: { schema: { type: 'string', format: 'uri' } } } },
        executionUnit: { mediaType: 'application/vnd.datajob.exec+json', value: { command: ['ndvi'], outputs: ['*.tif'] } },
      },
    ],
  },
)

interface DeployRoute {
  Params: Static<typeof workspaceParamsSchema>
  Querystring: Static<typeof deployQuerySchema>
  /** Undefined where there is none. */
  Body: Buffer | undefined
}

interface ReplaceRoute extends DeployRoute {
  Params: Static<typeof processParamsSchema>
}

export async function addDeployment(app: FastifyInstance, options: BaseOptions): Promise<void> {
  await app.register((scope, _options, done) => {
    // Packages are read as they came; which types are taken is said with the standard's word.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => {
      parsed(null, body)
    })
    addDeploy(scope, options)
    addReplace(scope, options)
    done()
  })
  addUndeploy(app, options)
  addPackage(app, options)
}

function addDeploy(app: FastifyInstance, { deps, deployments, rootOf, addressOf }: BaseOptions): void {
  app.post<DeployRoute>('/processes', {
    config: { documentedBody: packageSchema },
    schema: {
      tags,
      consumes: TAKEN_TYPES,
      operationId: 'deploy',
      summary: 'Deploy a process to the workspace',
      description: DESCRIPTION,
      security: clientSecurity(deps.auth),
      params: workspaceParamsSchema,
      querystring: deployQuerySchema,
      response: {
        201: answer(processSummarySchema, 'The process, which can be executed from now on'),
        ...failures,
        409: exceptionAnswer('The workspace has a process of this id', examples.duplicated),
      },
    },
    handler: async (request, reply) => {
      const { workspace } = request.params
      const location = `${addressOf(request, workspace)}/processes`
      const process = await deployments.deploy(workspace, await readPackage(sentBy(request), deps.fetchDocument))
      reply.header('location', `${location}/${encodeURIComponent(process.id)}`)
      return reply.code(201).send(summaryOf(process, rootOf(request, workspace)))
    },
  })
}

function addReplace(app: FastifyInstance, { deps, deployments }: BaseOptions): void {
  app.put<ReplaceRoute>('/processes/:processId', {
    config: { documentedBody: packageSchema },
    schema: {
      tags,
      consumes: TAKEN_TYPES,
      operationId: 'replace',
      summary: 'Put another version in the place of a process',
      description: 'Jobs that were taken before run as they were.',
      security: clientSecurity(deps.auth),
      params: processParamsSchema,
      querystring: deployQuerySchema,
      response: {
        204: Type.Null({ description: 'It is replaced' }),
        ...failures,
        403: exceptionAnswer('The process is built in', examples.immutable),
        404: exceptionAnswer('The workspace has no such process', examples.noSuchProcess),
      },
    },
    handler: async (request, reply) => {
      const { workspace, processId } = request.params
      await deployments.replace(workspace, processId, await readPackage(sentBy(request), deps.fetchDocument))
      return reply.code(204).send(null)
    },
  })
}

function sentBy(request: Pick<FastifyRequest<DeployRoute>, 'headers' | 'query' | 'body'>): SentPackage {
  return { contentType: request.headers['content-type'] ?? '', body: request.body ?? Buffer.alloc(0), workflowId: request.query.w }
}

function addUndeploy(app: FastifyInstance, { base, deps, deployments, rootOf }: BaseOptions): void {
  const isSeed = base.name === 'wps3'
  const done = isSeed ? { 200: answer(processSummarySchema, 'The process as it was') } : { 204: Type.Null({ description: 'It is gone' }) }
  app.withTypeProvider<TypeBoxTypeProvider>().delete('/processes/:processId', {
    schema: {
      tags,
      operationId: 'undeploy',
      summary: 'Remove a process from the workspace',
      description: 'Its jobs stay, and what is under way goes on.',
      security: clientSecurity(deps.auth),
      params: processParamsSchema,
      querystring: noQuerySchema,
      response: {
        ...done,
        400: failures[400],
        403: exceptionAnswer('The process is built in', examples.immutable),
        404: exceptionAnswer('The workspace has no such process', examples.noSuchProcess),
        503: failures[503],
      },
    },
    handler: async (request, reply: FastifyReply) => {
      const { workspace, processId } = request.params
      const process = await deployments.undeploy(workspace, processId)
      return isSeed ? reply.code(200).send(summaryOf(process, rootOf(request, workspace))) : reply.code(204).send(null)
    },
  })
}

function addPackage(app: FastifyInstance, { deps, processes }: BaseOptions): void {
  app.withTypeProvider<TypeBoxTypeProvider>().get('/processes/:processId/package', {
    schema: {
      tags,
      operationId: 'getPackage',
      summary: 'Get what was deployed',
      description: 'As an application package; a CWL document by itself where Accept asks for that.',
      security: clientSecurity(deps.auth),
      params: processParamsSchema,
      querystring: noQuerySchema,
      response: {
        200: {
          description: 'The package',
          content: { [PACKAGE_TYPE]: { schema: Type.Object({}, { additionalProperties: true }) }, [CWL_TYPE]: { schema: Type.String() } },
        },
        400: failures[400],
        404: exceptionAnswer('The workspace has no such process, or it is built in', examples.noSuchProcess),
      },
    },
    handler: async (request, reply) => {
      const { workspace, processId } = request.params
      const process = await processes.require(workspace, processId)
      if (!process.mutable) throw noSuchProcess(processId, workspace)
      const { executionUnit: unit } = process
      const wantsCwl = unit !== null && mediaTypeOf(unit.mediaType).type === CWL_TYPE && request.headers.accept?.includes(CWL_TYPE) === true
      const sent = wantsCwl ? unit.text : JSON.stringify(packageOf(process))
      return reply.type(wantsCwl ? CWL_TYPE : PACKAGE_TYPE).send(Buffer.from(sent))
    },
  })
}
