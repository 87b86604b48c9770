/** The NCMP dialect: `/ranoam/cm/v1` (contract page, "Client → us"). */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { formatJobCursor } from '../../../read-model/job-cursor.ts'
import { requireClient } from '../../auth.ts'
import { clientSecurity } from '../../docs.ts'
import { answer, errorAnswer, noQuerySchema, refTo, unavailableAnswer } from '../../schemas.ts'
import { addControl } from './control-routes.ts'
import { addEvents } from './event-routes.ts'
import { BEHIND, tellLag } from './lag-header.ts'
import { cursorOf, filterOf, jobAnswer, NCMP_PATH } from './mapping.ts'
import type { NcmpOptions } from './options.ts'
import { placesOf } from './places.ts'
import { addResults } from './result-routes.ts'
import { addSubmit } from './submit-routes.ts'
import {
  acceptedSchema,
  errorExamples,
  jobListSchema,
  jobParamsSchema,
  jobSchema,
  listQuerySchema,
  readOperationSchema,
  writeOperationSchema,
} from './schemas.ts'
import { addSubjobs } from './subjob-routes.ts'

const tags = ['Data jobs']

/** Adds the dialect's routes under its own prefix. */
export async function addNcmpRoutes(app: FastifyInstance, options: NcmpOptions): Promise<void> {
  for (const schema of [readOperationSchema, writeOperationSchema, acceptedSchema, jobSchema]) app.addSchema(schema)
  const routes = (scope: FastifyInstance): void => {
    const { auth } = options.deps
    scope.addHook('onRequest', requireClient(auth))
    // A value reaches its producer byte for byte, and a body may be larger than memory: the route reads it.
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('application/json', handOn)
    addSubmit(scope, options)
    addControl(scope, options)
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

function handOn(_request: FastifyRequest, body: unknown, done: (error: null, body: unknown) => void): void {
  done(null, body)
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
      description: 'Jobs of every dialect and tenant that satisfy all filters given.',
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
      const filter = filterOf(query, deps.destinations)
      const { items, next } = await lookup.list(filter, { limit: query.limit, after: cursorOf(query.cursor) })
      await tellLag(reply, lookup)
      return { items: items.map((job) => jobAnswer(job, places)), next: next === null ? null : formatJobCursor(next) }
    },
  })
}
