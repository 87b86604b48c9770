import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { bearerTokenOf } from '../../auth.ts'
import { clientSecurity } from '../../docs.ts'
import { Refusal } from '../../errors.ts'
import { idempotencyKeyOf } from '../../jobs/job-ids.ts'
import { noQuerySchema } from '../../schemas.ts'
import { traceparentOf } from '../../traceparent.ts'
import { away, badQuery, errorAnswer, noJob, noPage, noType, shows } from './answers.ts'
import {
  inputFileSchema, type InputFilesQuery, inputFilesQuerySchema, jobDetailsSchema, jobInputSchema, jobListQuerySchema, jobParamsSchema,
  jobSchema, pageOf,
} from './job-schemas.ts'
import { momentOf } from './instants.ts'
import type { RouteOptions } from './options.ts'
import { pageOfAll, pageViewOf } from './pages.ts'
import { jobUrlOf, urlOf } from './urls.ts'

const tags = ['Jobs']

export function addJobs(app: FastifyInstance, { deps, jobs }: RouteOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const security = clientSecurity(deps.auth)
  scope.get('/jobs/', {
    schema: {
      ...{ tags, security, operationId: 'listJobs', summary: 'List jobs', querystring: jobListQuerySchema },
      response: { 200: shows(pageOf(jobSchema), 'One page of jobs'), 400: badQuery, 404: noPage },
    },
    handler: async (request) => pageViewOf(await jobs.list(request.query), request.query, urlOf(request, deps.apiRoot)),
  })
  scope.post('/jobs/', {
    schema: {
      ...{ tags, security, operationId: 'createJob', summary: 'Queue a new job', querystring: noQuerySchema, body: jobInputSchema },
      description: 'The same `Idempotency-Key` never makes a second one.',
      response: {
        201: shows(jobDetailsSchema, 'The job', { Location: 'Where it is shown' }),
        400: errorAnswer('The body is not as it should be', new Refusal(400, 'Missing required parameter: "job_type_id"')),
        ...{ 404: noType, 503: away },
      },
    },
    handler: async (request, reply) => {
      const read = await jobs.create(request.body, null, {
        ...{ submittedBy: request.principal, idempotencyKey: idempotencyKeyOf(request) },
        ...{ traceparent: traceparentOf(request.headers.traceparent), authorization: bearerTokenOf(request) },
      })
      request.jobId = read.job.jobId
      const details = await jobs.details(read)
      return reply.code(201).header('location', jobUrlOf(request, deps.apiRoot, read.job.number)).send(details)
    },
  })
  addJob(app, { deps, jobs })
}

function addJob(app: FastifyInstance, { deps, jobs }: Pick<RouteOptions, 'deps' | 'jobs'>): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const security = clientSecurity(deps.auth)
  scope.get('/jobs/:id/', {
    schema: {
      ...{ tags, security, operationId: 'getJob', summary: 'Show a job', params: jobParamsSchema, querystring: noQuerySchema },
      response: { 200: shows(jobDetailsSchema, 'The job'), 400: badQuery, 404: noJob, 503: away },
    },
    handler: async (request, reply) => reply.send((await jobs.details(await jobs.require(request.params.id)))),
  })
  scope.get('/jobs/:id/input_files/', {
    schema: {
      ...{ tags, security, operationId: 'listInputFiles', summary: 'List the files that a job was given' },
      ...{ params: jobParamsSchema, querystring: inputFilesQuerySchema },
      response: { 200: shows(pageOf(inputFileSchema), 'One page of files'), 400: badQuery, 404: noJob },
    },
    handler: async (request, reply) => {
      const isAsked = isAskedOf(request.query, deps.clock.now())
      const { data } = await jobs.require(request.params.id)
      const files = Object.entries(data.input.files).flatMap(([name, ids]) => (isAsked(name) ? ids.map((id) => fileOf(id, name)) : []))
      return reply.send(pageViewOf(pageOfAll(files, request.query), request.query, urlOf(request, deps.apiRoot)))
    },
  })
}

/** Whether files of an input are; throws a 400 on a time that is none. Of no file a name or a time is known here, so none has those. */
function isAskedOf({ started, ended, file_name, job_input }: InputFilesQuery, now: number): (input: string) => boolean {
  const times = Object.entries({ started, ended }).flatMap(([name, text]) => (text === undefined ? [] : [momentOf(name, text, now)]))
  return (input) => times.length === 0 && file_name === undefined && (job_input === undefined || job_input === input)
}

function fileOf(id: number, input: string): object {
  return { id, job_input: input, file_name: null, file_size: null }
}
