import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { bearerTokenOf } from '../../auth.ts'
import { clientSecurity } from '../../docs.ts'
import { Refusal } from '../../errors.ts'
import { idempotencyKeyOf } from '../../jobs/job-ids.ts'
import { noQuerySchema } from '../../schemas.ts'
import { traceparentOf } from '../../traceparent.ts'
import { away, badQuery, errorAnswer, noPage, noType, shows } from './answers.ts'
import {
  batchDetailsSchema, batchInputSchema, batchListQuerySchema, bulkFilterSchema, jobParamsSchema, pageOf, requeueSchema,
} from './job-schemas.ts'
import type { RouteOptions } from './options.ts'
import { pageOfAll, pageViewOf } from './pages.ts'
import { urlOf } from './urls.ts'

const accepted = Type.Null({ description: 'It is written, and will be done' })
const badFilter = errorAnswer(
  'The body is not as it should be',
  new Refusal(400, 'started: "yesterday" is no time', { details: 'It is an ISO 8601 date-time with its zone.' }),
)
const ALL = 'About every job that satisfies all of the filter. What the answer of an earlier request has shown is seen. '

export function addBulk(app: FastifyInstance, { deps, bulk }: RouteOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const common = { tags: ['Jobs'], security: clientSecurity(deps.auth), querystring: noQuerySchema }
  const response = { 202: accepted, 400: badFilter, 503: away }
  scope.post('/jobs/cancel/', {
    schema: {
      ...{ ...common, operationId: 'cancelJobs', summary: 'Cancel jobs', body: bulkFilterSchema, response },
      description: `${ALL}What has ended stays as it is.`,
    },
    handler: async (request, reply) => {
      await bulk.cancel(request.body, { requestedBy: request.principal })
      return reply.code(202).serializer(() => '').send(null)
    },
  })
  scope.post('/jobs/requeue/', {
    schema: {
      ...{ ...common, operationId: 'requeueJobs', summary: 'Queue FAILED and CANCELED jobs again', body: requeueSchema, response },
      description: `${ALL}Each runs once more, as long as its operations are kept for that (DATAJOB_RETRY_RETENTION_MS).`,
    },
    handler: async (request, reply) => {
      await bulk.requeue(request.body, { requestedBy: request.principal, authorization: bearerTokenOf(request) })
      return reply.code(202).serializer(() => '').send(null)
    },
  })
}

export function addBatches(app: FastifyInstance, { deps, batches }: RouteOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const common = { tags: ['Batches'], security: clientSecurity(deps.auth) }
  scope.get('/batches/', {
    schema: {
      ...{ ...common, operationId: 'listBatches', summary: 'List the batches, the newest first', querystring: batchListQuerySchema },
      response: { 200: shows(pageOf(batchDetailsSchema), 'One page of batches'), 400: badQuery, 404: noPage },
    },
    handler: (request) => pageViewOf(pageOfAll(batches.all(), request.query), request.query, urlOf(request, deps.apiRoot)),
  })
  scope.post('/batches/', {
    schema: {
      ...{ ...common, operationId: 'createBatch', summary: 'Create a batch, and a job for each of its inputs', querystring: noQuerySchema },
      description: 'One that was broken off is finished by sending it again with the same `Idempotency-Key`; no job is made twice.',
      body: batchInputSchema,
      response: {
        201: shows(batchDetailsSchema, 'The batch, whose jobs are all there'),
        400: errorAnswer('An input does not fit; no job was created', new Refusal(400, 'Missing required input: "files.scene"')),
        ...{ 404: noType, 503: away },
      },
    },
    handler: async (request, reply) => {
      const batch = await batches.create(request.body, {
        ...{ submittedBy: request.principal, idempotencyKey: idempotencyKeyOf(request) },
        ...{ traceparent: traceparentOf(request.headers.traceparent), authorization: bearerTokenOf(request) },
      })
      return reply.code(201).send(batch)
    },
  })
  scope.get('/batches/:id/', {
    schema: {
      ...{ ...common, operationId: 'getBatch', summary: 'Show a batch', params: jobParamsSchema, querystring: noQuerySchema },
      response: {
        ...{ 200: shows(batchDetailsSchema, 'The batch'), 400: badQuery },
        404: errorAnswer('There is no such batch', new Refusal(404, 'There is no batch 7')),
      },
    },
    handler: (request) => batches.require(request.params.id),
  })
}
