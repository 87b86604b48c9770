/** The NCMP dialect: `/ranoam/cm/v1` (contract page, "Client → us"). */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { Static } from 'typebox'
import { formatJobCursor } from '../../../read-model/job-cursor.ts'
import { bearerTokenOf, requireClient } from '../../auth.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { clientSecurity } from '../../docs.ts'
import { Refusal } from '../../errors.ts'
import type { BucketListing } from '../../jobs/bucket-listing.ts'
import type { JobIntake, JobRequest } from '../../jobs/job-intake.ts'
import type { JobLookup } from '../../jobs/job-lookup.ts'
import type { JobStreams } from '../../jobs/job-streams.ts'
import type { ResultEvents } from '../../jobs/result-events.ts'
import { answer, errorAnswer, noQuerySchema, refTo, unavailableAnswer } from '../../schemas.ts'
import { traceparentOf } from '../../traceparent.ts'
import { BEHIND, tellLag } from './lag-header.ts'
import { acceptedLinks, agreedDestination, cursorOf, filterOf, jobAnswer, NCMP_PATH } from './mapping.ts'
import { placesOf } from './places.ts'
import { addEvents } from './event-routes.ts'
import { readJobRequest } from './request.ts'
import { addResults } from './result-routes.ts'
import {
  acceptedSchema,
  errorExamples,
  jobBodySchema,
  jobListSchema,
  jobParamsSchema,
  jobSchema,
  listQuerySchema,
  readOperationSchema,
  submitHeadersSchema,
  submitQuerySchema,
  TENANT,
  writeOperationSchema,
} from './schemas.ts'
import { addSubjobs } from './subjob-routes.ts'

export interface NcmpOptions {
  readonly deps: ServerDependencies
  readonly intake: JobIntake
  readonly lookup: JobLookup
  readonly streams: JobStreams
  readonly listing: BucketListing
  readonly results: ResultEvents
}

const DIALECT = 'ncmp'
/** What schemas/SubmitJob.avsc gives a job that doesn't say. */
const PRIORITY = 100

const tags = ['Data jobs']

/** Adds the dialect's routes under its own prefix. */
export async function addNcmpRoutes(app: FastifyInstance, options: NcmpOptions): Promise<void> {
  for (const schema of [readOperationSchema, writeOperationSchema, acceptedSchema, jobSchema]) app.addSchema(schema)
  const routes = (scope: FastifyInstance): void => {
    const { auth, limits } = options.deps
    scope.addHook('onRequest', requireClient(auth))
    // A value reaches its producer byte for byte, so nobody but readJobRequest may parse the body.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: limits.jobBodyBytesMax }, keepBytes)
    addSubmit(scope, options)
    addStatus(scope, options)
    addList(scope, options)
    addEvents(scope, options)
    addSubjobs(scope, options)
    addResults(scope, options)
  }
  await app.register((scope, _options, done) => {
    routes(scope)
    done()
  }, { prefix: NCMP_PATH })
}

function keepBytes(_request: FastifyRequest, body: Buffer, done: (error: null, body: Buffer) => void): void {
  done(null, body)
}

const SUBMIT_DESCRIPTION = `
Takes a job in: once this is answered with 202, the job is durable in Kafka and will be carried out.

All operations read, or all write. One that no registered handle answers for fails on its own; the others go on. A job
that was sent under a \`jobId\` or an \`Idempotency-Key\` may be sent again: the same job gets the same answer and runs
once, another one gets 409.
`

interface SubmitRoute {
  Body: Buffer | undefined
  Querystring: Static<typeof submitQuerySchema>
}

function addSubmit(app: FastifyInstance, { deps, intake }: NcmpOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  scope.post<SubmitRoute>('/dataJob', {
    config: { documentedBody: jobBodySchema },
    schema: {
      tags,
      operationId: 'submitDataJob',
      summary: 'Submit a job',
      description: SUBMIT_DESCRIPTION,
      security: clientSecurity(deps.auth),
      querystring: submitQuerySchema,
      headers: submitHeadersSchema,
      response: {
        202: answer(refTo(acceptedSchema), 'The job is durable', { Location: 'Its `statusuri`' }),
        400: errorAnswer('The body, a parameter or a header can’t be read', errorExamples.badRequest),
        409: errorAnswer('The id is taken by a job with other content', errorExamples.conflict),
        413: errorAnswer('The job is larger than a record on the command topic may be', errorExamples.tooLarge),
        415: errorAnswer('The body is not sent as application/json', errorExamples.wrongType),
        422: errorAnswer('The destination does not exist', errorExamples.noDestination),
        503: unavailableAnswer('Kafka or the object store is away, or too much is going on'),
      },
    },
    handler: async (request, reply) => {
      const places = placesOf(request, deps)
      const asked = jobRequestOf(request, deps)
      const { job } = await intake.take(asked)
      request.jobId = job.jobId
      const links = acceptedLinks(job.jobId, job.destination, places)
      return reply.code(202).header('location', links.statusuri).send(links)
    },
  })
}

function jobRequestOf(request: FastifyRequest<SubmitRoute>, deps: ServerDependencies): JobRequest {
  const { body, query, headers, principal } = request
  const read = readJobRequest(body ?? Buffer.of(), { operationBytesMax: deps.limits.commandBytesMax })
  request.jobId = read.jobId
  const key = headers['idempotency-key']
  if (Array.isArray(key)) throw new Refusal(400, 'Idempotency-Key is there twice')
  return {
    ...read,
    destination: agreedDestination(query.destination, read.destination, deps.destinations),
    idempotencyKey: key ?? null,
    tenant: TENANT,
    dialect: DIALECT,
    dialectData: null,
    priority: PRIORITY,
    labels: {},
    deadlineAt: null,
    attemptsMax: null,
    submittedBy: principal,
    traceparent: traceparentOf(headers.traceparent),
    dependencies: [],
    strict: false,
    authorization: bearerTokenOf(request),
    ...{ submission: null, parts: 0, operationCount: 0 },
  }
}

function addStatus(app: FastifyInstance, { deps, lookup }: NcmpOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  scope.get('/dataJob/:jobId', {
    schema: {
      tags,
      operationId: 'getDataJob',
      summary: 'Ask how far a job is',
      description: 'A job that was answered with 202 is found from then on, on every instance.',
      security: clientSecurity(deps.auth),
      params: jobParamsSchema,
      querystring: noQuerySchema,
      response: {
        200: answer(refTo(jobSchema), 'The job as far as it is known here', BEHIND),
        404: errorAnswer('There is no such job, or it ended long ago', errorExamples.notFound),
        503: unavailableAnswer('Whether there is such a job can’t be said now'),
      },
    },
    handler: async (request, reply) => {
      const { jobId } = request.params
      request.jobId = jobId
      const places = placesOf(request, deps)
      const job = await lookup.require(jobId)
      await tellLag(reply, lookup)
      return jobAnswer(job, places)
    },
  })
}

function addList(app: FastifyInstance, { deps, lookup }: NcmpOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  scope.get('/dataJob', {
    schema: {
      tags,
      operationId: 'listDataJobs',
      summary: 'List jobs, the newest first',
      description: 'Jobs of every dialect that satisfy all filters given.',
      security: clientSecurity(deps.auth),
      querystring: listQuerySchema,
      response: {
        200: answer(jobListSchema, 'One page of jobs', BEHIND),
        400: errorAnswer('A parameter is unknown or can’t be read', errorExamples.badParameter),
        503: unavailableAnswer('Jobs can’t be read now'),
      },
    },
    handler: async (request, reply) => {
      const { query } = request
      const places = placesOf(request, deps)
      const filter = filterOf(query, TENANT, deps.destinations)
      const { items, next } = await lookup.list(filter, { limit: query.limit, after: cursorOf(query.cursor) })
      await tellLag(reply, lookup)
      return { items: items.map((job) => jobAnswer(job, places)), next: next === null ? null : formatJobCursor(next) }
    },
  })
}
