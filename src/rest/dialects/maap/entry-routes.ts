import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { clientSecurity } from '../../docs.ts'
import { Refusal } from '../../errors.ts'
import { answer, noQuerySchema } from '../../schemas.ts'
import { away, badQuery, errorAnswer } from './answers.ts'
import type { RouteOptions } from './options.ts'
import { entryParamsSchema, entrySchema, pageQuerySchema, runInputSchema, stepParamsSchema, stepSchema } from './schemas.ts'

const tags = ['JobEntry']
const noSuchEntry = errorAnswer('There is no such entry', new Refusal(404, 'There is no entry "e-1"'))
const noSuchStep = errorAnswer('There is no such entry, or it has no such step', new Refusal(404, 'The entry "e-1" has no step 7'))
const notPending = errorAnswer(
  'It is not PENDING',
  new Refusal(409, 'The entry "e-1" is not PENDING', { details: 'It is RUNNING, and is run once.' }),
)
const badCallback = errorAnswer(
  'The body is not as it should be, or nothing can be sent to the address',
  new Refusal(400, 'body.callback_uri: it is no http or https URL'),
)
const CALLBACKS = `
Each change of a step is told to \`callback_uri\`: that it runs, that an attempt has failed, how it ended. The body is the step, and the
entry’s id is in the header \`maap-entry-id\`. What is told of a step comes in order, at least once, and is signed (docs/callbacks.md).
`

export function addEntries(app: FastifyInstance, options: RouteOptions): void {
  addWhole(app, options)
  addSteps(app, options)
}

function addWhole(app: FastifyInstance, { deps, entries }: RouteOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const security = clientSecurity(deps.auth)
  scope.get('/jobentries', {
    schema: {
      ...{ tags, security, operationId: 'get_jobentries', summary: 'List the entries, the newest first', querystring: pageQuerySchema },
      response: { 200: answer(Type.Array(entrySchema), 'One page of entries'), 400: badQuery, 503: away },
    },
    handler: (request) => entries.list(request.query),
  })
  scope.get('/jobentries/:entry_id', {
    schema: {
      ...{ tags, security, operationId: 'get_jobentry', summary: 'Show an entry', params: entryParamsSchema, querystring: noQuerySchema },
      response: { 200: answer(entrySchema, 'The entry'), 400: badQuery, 404: noSuchEntry, 503: away },
    },
    handler: (request) => entries.get(request.params.entry_id),
  })
  scope.post('/jobentries/:entry_id/run', {
    schema: {
      ...{ tags, security, operationId: 'run_jobentry', summary: 'Run an entry', description: CALLBACKS },
      ...{ params: entryParamsSchema, querystring: noQuerySchema, body: runInputSchema },
      response: { 204: Type.Null({ description: 'It runs' }), 400: badCallback, 404: noSuchEntry, 409: notPending, 503: away },
    },
    handler: async (request, reply) => {
      await entries.run(request.params.entry_id, request.body, request.principal)
      return reply.code(204).send(null)
    },
  })
  scope.post('/jobentries/:entry_id/cancel', {
    schema: {
      ...{ tags, security, operationId: 'cancel_jobentry', summary: 'Cancel an entry' },
      description: 'What was not begun never is; what was is cancelled where its producer can. Asked for twice, it is answered twice.',
      ...{ params: entryParamsSchema, querystring: noQuerySchema },
      response: {
        204: Type.Null({ description: 'It is cancelled' }),
        400: badQuery,
        404: noSuchEntry,
        409: errorAnswer(
          'The entry has ended otherwise',
          new Refusal(409, 'The job "e-1" can\'t be cancelled any more: all of it has ended', { details: 'What was done is not undone.' }),
        ),
        503: away,
      },
    },
    handler: async (request, reply) => {
      await entries.cancel(request.params.entry_id, request.principal)
      return reply.code(204).send(null)
    },
  })
}

function addSteps(app: FastifyInstance, { deps, entries }: RouteOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const security = clientSecurity(deps.auth)
  scope.get('/jobentries/:entry_id/steps/:index', {
    schema: {
      ...{ tags, security, operationId: 'get_step', summary: 'Show a step', params: stepParamsSchema, querystring: noQuerySchema },
      response: { 200: answer(stepSchema, 'The step'), 400: badQuery, 404: noSuchStep, 503: away },
    },
    handler: (request) => entries.step(request.params.entry_id, request.params.index),
  })
  scope.post('/jobentries/:entry_id/steps/:index/run', {
    schema: {
      ...{ tags, security, operationId: 'run_step', summary: 'Run one step, while others wait', description: CALLBACKS },
      ...{ params: stepParamsSchema, querystring: noQuerySchema, body: runInputSchema },
      response: { 204: Type.Null({ description: 'It runs' }), 400: badCallback, 404: noSuchStep, 409: notPending, 503: away },
    },
    handler: async (request, reply) => {
      const { entry_id: entryId, index } = request.params
      await entries.runStep(entryId, index, request.body, request.principal)
      return reply.code(204).send(null)
    },
  })
}
