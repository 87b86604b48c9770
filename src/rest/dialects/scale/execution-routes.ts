import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { prefersText } from '../../accept.ts'
import { clientSecurity } from '../../docs.ts'
import { noQuerySchema } from '../../schemas.ts'
import { away, badQuery, noExecution, noJob, noPage, shows } from './answers.ts'
import type { Execution } from './executions.ts'
import { placeOfExecution } from './ids.ts'
import { executionDetailsOf, executionViewOf, nodeIdOf } from './job-mapping.ts'
import {
  executionDetailsSchema, executionParamsSchema, executionSchema, type ExecutionsQuery, executionsQuerySchema, jobParamsSchema,
  type LogLine, logLineSchema, logParamsSchema, pageOf,
} from './job-schemas.ts'
import type { RouteOptions } from './options.ts'
import { pageOfAll, pageViewOf } from './pages.ts'
import { urlOf } from './urls.ts'

const tags = ['Executions']
const SEVERAL_MAY_SHARE = 'What it wrote is shown as far as its producer has kept it: of long logs, the beginning and the end.'

export function addExecutions(app: FastifyInstance, { deps, jobs, types, results }: RouteOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const security = clientSecurity(deps.auth)
  scope.get('/jobs/:id/executions/', {
    schema: {
      ...{ tags, security, operationId: 'listExecutions', summary: 'List a job’s executions, the newest first' },
      ...{ params: jobParamsSchema, querystring: executionsQuerySchema },
      response: { 200: shows(pageOf(executionSchema), 'One page of executions'), 400: badQuery, 404: noPage },
    },
    handler: async (request, reply) => {
      const read = await jobs.require(request.params.id)
      const type = await jobs.typeOf(read)
      const found = read.executions.filter((each) => isAsked(each, request.query)).toReversed()
      const page = pageOfAll(found.map((each) => executionViewOf(each, read, type)), request.query)
      return reply.send(pageViewOf(page, request.query, urlOf(request, deps.apiRoot)))
    },
  })
  scope.get('/jobs/:id/executions/:exe_num/', {
    schema: {
      ...{ tags, security, operationId: 'getExecution', summary: 'Show an execution', params: executionParamsSchema },
      querystring: noQuerySchema,
      response: { 200: shows(executionDetailsSchema, 'The execution'), 400: badQuery, 404: noExecution },
    },
    handler: async (request, reply) => {
      const { read, execution } = await jobs.requireExecution(request.params.id, request.params.exe_num)
      const revision = await types.revision(read.data.type.id, read.data.type.revision)
      return reply.send(executionDetailsOf(execution, read, { type: await jobs.typeOf(read), manifest: revision?.manifest }))
    },
  })
  scope.get('/job-executions/:id/logs/:log_id/', {
    schema: {
      ...{ tags, security, operationId: 'getLog', summary: 'Show what an execution has written', description: SEVERAL_MAY_SHARE },
      ...{ params: logParamsSchema, querystring: noQuerySchema },
      response: {
        200: shows(Type.Array(logLineSchema), 'Line by line; as text/plain where that is accepted'),
        204: Type.Null({ description: 'Nothing was written, or it is kept no longer' }),
        ...{ 400: badQuery, 404: noJob, 503: away },
      },
    },
    handler: async (request, reply) => {
      const { jobNumber, exeNum } = placeOfExecution(request.params.id)
      const { read, execution } = await jobs.requireExecution(jobNumber, exeNum)
      return sendLog(request, reply, await results.logOf(read, execution, request.params.log_id))
    },
  })
}

function isAsked({ status, worker, error }: Execution, query: ExecutionsQuery): boolean {
  return (
    (query.status?.includes(status) ?? true) &&
    (query.node_id?.includes(nodeIdOf({ worker })) ?? true) &&
    (query.error_id === undefined || (error !== null && query.error_id.includes(error.id))) &&
    (query.error_category === undefined || (error !== null && query.error_category.includes(error.category)))
  )
}

function sendLog(request: FastifyRequest, reply: FastifyReply, lines: readonly LogLine[]): FastifyReply {
  if (lines.length === 0) return reply.code(204).send(null)
  if (!prefersText(request.headers.accept)) return reply.send(lines)
  return reply.type('text/plain; charset=utf-8').serializer(String).send(lines.map(({ message }) => `${message}\n`).join(''))
}
