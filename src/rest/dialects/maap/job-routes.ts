import { randomUUID } from 'node:crypto'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { bearerTokenOf } from '../../auth.ts'
import { clientSecurity } from '../../docs.ts'
import { Refusal } from '../../errors.ts'
import { idempotencyKeyOf } from '../../jobs/job-ids.ts'
import { answer, noQuerySchema } from '../../schemas.ts'
import { traceparentOf } from '../../traceparent.ts'
import { away, badQuery, errorAnswer } from './answers.ts'
import type { RouteOptions } from './options.ts'
import { jobInputSchema, jobParamsSchema, jobSchema, pageQuerySchema, submittedSchema } from './schemas.ts'

const tags = ['Job']
const noSuchJob = errorAnswer('There is no such job', new Refusal(404, 'There is no job "j-1"'))
const nobody = new Refusal(400, 'body algorithm_id: nobody carries out "ndvi"', {
  details: 'It is no registered algorithm, no managed object, and no process.',
})

export function addJobs(app: FastifyInstance, { deps, jobs, entries }: RouteOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const security = clientSecurity(deps.auth)
  scope.get('/jobs', {
    schema: {
      ...{ tags, security, operationId: 'get_jobs', summary: 'List the jobs, the newest first', querystring: pageQuerySchema },
      response: { 200: answer(Type.Array(jobSchema), 'One page of jobs'), 400: badQuery },
    },
    handler: (request) => jobs.list(request.query),
  })
  scope.post('/jobs', {
    schema: {
      ...{ tags, security, operationId: 'create_job', summary: 'Create a job', querystring: noQuerySchema },
      body: jobInputSchema,
      response: {
        200: answer(jobSchema, 'The job'),
        400: errorAnswer('The body is not as it should be, or nobody carries the algorithm out', nobody),
        503: away,
      },
    },
    handler: (request) => jobs.register(randomUUID(), request.body),
  })
  scope.get('/jobs/:job_id', {
    schema: {
      ...{ tags, security, operationId: 'get_job', summary: 'Show a job', params: jobParamsSchema, querystring: noQuerySchema },
      response: { 200: answer(jobSchema, 'The job'), 400: badQuery, 404: noSuchJob },
    },
    handler: (request) => jobs.require(request.params.job_id),
  })
  scope.post('/jobs/:job_id/submit', {
    schema: {
      ...{ tags, security, operationId: 'submit_job', summary: 'Make an entry of a job' },
      description: 'It does not start before it is run. The same `Idempotency-Key` never makes a second one.',
      params: jobParamsSchema,
      querystring: noQuerySchema,
      response: {
        200: answer(submittedSchema, 'The entry'),
        400: errorAnswer('Nobody carries the algorithm out any more', nobody),
        404: noSuchJob,
        409: errorAnswer('The job is deprecated', new Refusal(409, 'The job "j-1" is deprecated', { details: 'It can’t be submitted.' })),
        503: away,
      },
    },
    handler: async (request) => {
      const planned = await jobs.plan(request.params.job_id)
      const entryId = await entries.submit(planned, {
        ...{ submittedBy: request.principal, idempotencyKey: idempotencyKeyOf(request) },
        ...{ traceparent: traceparentOf(request.headers.traceparent), authorization: bearerTokenOf(request) },
      })
      request.jobId = entryId
      return { entry_id: entryId }
    },
  })
}
