import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { clientSecurity } from '../../docs.ts'
import { Refusal } from '../../errors.ts'
import { noQuerySchema } from '../../schemas.ts'
import { away, badQuery, errorAnswer, noPage, noType, shows } from './answers.ts'
import { pageOf, pageSchema } from './job-schemas.ts'
import { jobTypeInputSchema, jobTypeParamsSchema, jobTypePatchSchema, jobTypeSchema } from './job-type-schemas.ts'
import { jobTypeOf } from './job-types.ts'
import { pageOfAll, pageViewOf } from './pages.ts'
import type { RouteOptions } from './options.ts'
import { urlOf } from './urls.ts'

const tags = ['Job types']
const listQuerySchema = Type.Object(
  { ...pageSchema, name: Type.Optional(Type.String({ description: 'Job types of that name' })) },
  { additionalProperties: false },
)
const cannotRun = errorAnswer(
  'The body is not as it should be, or nobody could run it',
  new Refusal(400, 'manifest: the command can’t run', { details: 'command: "rm" is not on the list' }),
)

/** All of them are in memory. */
const ALL = { offset: 0, limit: Number.MAX_SAFE_INTEGER }

type JobTypeOptions = Pick<RouteOptions, 'deps' | 'types'>

export function addJobTypes(app: FastifyInstance, { deps, types }: JobTypeOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const security = clientSecurity(deps.auth)
  scope.get('/job-types/', {
    schema: {
      ...{ tags, security, operationId: 'listJobTypes', summary: 'List the job types, the newest first', querystring: listQuerySchema },
      response: { 200: shows(pageOf(jobTypeSchema), 'One page of job types'), 400: badQuery, 404: noPage },
    },
    handler: (request) => {
      const { name } = request.query
      const found = types.list(ALL).filter((type) => name === undefined || type.name === name)
      return pageViewOf(pageOfAll(found.map(jobTypeOf), request.query), request.query, urlOf(request, deps.apiRoot))
    },
  })
  scope.post('/job-types/', {
    schema: {
      ...{ tags, security, operationId: 'createJobType', summary: 'Create a job type, or edit the one of that name and version' },
      description: 'The command is looked at by the producer that will run it, so that one that can’t run is refused here.',
      ...{ querystring: noQuerySchema, body: jobTypeInputSchema },
      response: {
        200: shows(jobTypeSchema, 'The job type, edited'),
        201: shows(jobTypeSchema, 'The job type'),
        400: cannotRun,
        503: away,
      },
    },
    handler: async (request, reply) => {
      const { type, isNew } = await types.register(request.body)
      return reply.code(isNew ? 201 : 200).send(jobTypeOf(type))
    },
  })
  addJobType(app, { deps, types })
}

function addJobType(app: FastifyInstance, { deps, types }: JobTypeOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const security = clientSecurity(deps.auth)
  scope.get('/job-types/:name/:version/', {
    schema: {
      ...{ tags, security, operationId: 'getJobType', summary: 'Show a job type', params: jobTypeParamsSchema, querystring: noQuerySchema },
      response: { 200: shows(jobTypeSchema, 'The job type'), 400: badQuery, 404: noType },
    },
    handler: async ({ params: { name, version } }) => jobTypeOf(await types.require(name, version)),
  })
  scope.patch('/job-types/:name/:version/', {
    schema: {
      ...{ tags, security, operationId: 'editJobType', summary: 'Change what a job type is run with, pause or resume it' },
      ...{ params: jobTypeParamsSchema, querystring: noQuerySchema, body: jobTypePatchSchema },
      response: { 200: shows(jobTypeSchema, 'The job type'), 400: cannotRun, 404: noType, 503: away },
    },
    handler: async (request) => {
      const { name, version } = request.params
      return jobTypeOf(await types.edit(name, version, request.body))
    },
  })
}
