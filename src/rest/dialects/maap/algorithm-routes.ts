/** Algorithms, as the seed's project had them once. */
import { randomUUID } from 'node:crypto'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { clientSecurity } from '../../docs.ts'
import { Refusal } from '../../errors.ts'
import { answer, noQuerySchema } from '../../schemas.ts'
import { away, badQuery, errorAnswer } from './answers.ts'
import type { RouteOptions } from './options.ts'
import { algorithmInputSchema, algorithmParamsSchema, algorithmSchema, pageQuerySchema } from './schemas.ts'

const tags = ['Algorithm']

export function addAlgorithms(app: FastifyInstance, { deps, algorithms }: RouteOptions): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const security = clientSecurity(deps.auth)
  scope.get('/algorithms', {
    schema: {
      ...{ tags, security, operationId: 'get_algorithms', summary: 'List the algorithms, the newest first' },
      querystring: pageQuerySchema,
      response: { 200: answer(Type.Array(algorithmSchema), 'One page of algorithms'), 400: badQuery },
    },
    handler: (request) => algorithms.list(request.query),
  })
  scope.post('/algorithms', {
    schema: {
      ...{ tags, security, operationId: 'create_algorithm', summary: 'Register an algorithm' },
      description: 'A command is looked at by the producer that will run it, so that one that can’t run is refused here.',
      querystring: noQuerySchema,
      body: algorithmInputSchema,
      response: {
        200: answer(algorithmSchema, 'The algorithm'),
        400: errorAnswer(
          'The body is not as it should be, or nobody carries it out',
          new Refusal(400, 'body algorithm_uri: the command can’t run', { details: 'command: "rm" is not on the list' }),
        ),
        503: away,
      },
    },
    handler: (request) => algorithms.register(randomUUID(), request.body),
  })
  scope.get('/algorithms/:algorithm_id', {
    schema: {
      ...{ tags, security, operationId: 'get_algorithm', summary: 'Show an algorithm' },
      params: algorithmParamsSchema,
      querystring: noQuerySchema,
      response: {
        200: answer(algorithmSchema, 'The algorithm'),
        400: badQuery,
        404: errorAnswer('There is no such algorithm', new Refusal(404, 'There is no algorithm "a-1"')),
      },
    },
    handler: (request) => algorithms.require(request.params.algorithm_id),
  })
}
