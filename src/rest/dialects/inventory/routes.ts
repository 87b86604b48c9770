/** The inventory over REST: `/ncmpInventory/v1` (contract page, "Inventory"). */
import { TypeBoxValidatorCompiler, type TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { serviceKey } from '../../../inventory/inventory.ts'
import { requireOperator } from '../../auth.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { operatorSecurity } from '../../docs.ts'
import { bodyOf, clip, Refusal } from '../../errors.ts'
import { answer, errorAnswer, noQuerySchema, refTo, unavailableAnswer } from '../../schemas.ts'
import { InventoryWriter } from '../../inventory-writer.ts'
import { planRegistration, serviceAnswer, serviceOf } from './mapping.ts'
import {
  errorExamples,
  registeredSchema,
  registrationFailedSchema,
  registrationSchema,
  serviceBodySchema,
  serviceListSchema,
  serviceParamsSchema,
  serviceSchema,
} from './schemas.ts'

const PREFIX = '/ncmpInventory/v1'

/** Adds the routes under their own prefix. All are an operator's: they name the addresses that jobs are sent to. */
export async function addInventoryRoutes(app: FastifyInstance, deps: ServerDependencies): Promise<void> {
  for (const schema of [registrationFailedSchema, serviceSchema]) app.addSchema(schema)
  const writer = new InventoryWriter(deps)
  await app.register((scope, _options, done) => {
    scope.addHook('onRequest', requireOperator(deps.auth))
    // Fastify's own would turn the number 5 into the text "5".
    scope.setValidatorCompiler(TypeBoxValidatorCompiler)
    addRegistration(scope, deps, writer)
    addServiceRegistration(scope, deps, writer)
    addServiceReading(scope, deps)
    done()
  }, { prefix: PREFIX })
}

const REGISTRATION_DESCRIPTION = `
Registers handles in the shape of CPS. Removals come first, then what is created, then what is updated. A handle that
can’t be registered is reported, with a code of CPS, and does not keep the others from being registered.
`

function addRegistration(app: FastifyInstance, deps: ServerDependencies, writer: InventoryWriter): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  scope.post('/ch', {
    bodyLimit: deps.limits.inventoryBodyBytesMax,
    schema: {
      tags: ['Inventory'],
      operationId: 'registerCmHandles',
      summary: 'Create, update and remove handles',
      description: REGISTRATION_DESCRIPTION,
      security: operatorSecurity(deps.auth),
      querystring: noQuerySchema,
      body: registrationSchema,
      response: {
        200: answer(registeredSchema, 'All handles were registered'),
        400: errorAnswer('The body can’t be read', errorExamples.badRegistration),
        409: answer(refTo(registrationFailedSchema), 'All handles were registered, except for these'),
        503: unavailableAnswer('Kafka is away. Sending the same again is safe.'),
      },
    },
    handler: async (request, reply) => {
      const { changes, counts, failures } = planRegistration(request.body, deps.inventory)
      await writer.write(changes)
      const failed = Object.values(failures).reduce((sum, each) => sum + each.length, 0)
      if (failed === 0) return counts
      const message = `${failed} ${failed === 1 ? 'handle' : 'handles'} could not be registered`
      const details = `${counts.created} were created, ${counts.updated} updated, ${counts.removed} removed.`
      return reply.code(409).send({ ...bodyOf(new Refusal(409, message, { details })), ...failures })
    },
  })
}

function addServiceRegistration(app: FastifyInstance, deps: ServerDependencies, writer: InventoryWriter): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const tags = ['DMI services']
  const security = operatorSecurity(deps.auth)
  scope.put('/dmi/:name', {
    schema: {
      tags,
      operationId: 'putDmiService',
      summary: 'Register a plugin, or change all that is known of it',
      security,
      params: serviceParamsSchema,
      querystring: noQuerySchema,
      body: serviceBodySchema,
      response: {
        200: answer(refTo(serviceSchema), 'The plugin as it is registered now'),
        400: errorAnswer('The body can’t be read', errorExamples.badService),
        503: unavailableAnswer('Kafka is away'),
      },
    },
    handler: async (request) => {
      const service = serviceOf(request.params.name, request.body)
      await writer.write([{ key: serviceKey(service.name), message: service }])
      return serviceAnswer(service)
    },
  })
  scope.delete('/dmi/:name', {
    schema: {
      tags,
      operationId: 'deleteDmiService',
      summary: 'Forget a plugin',
      description: 'Handles that name it stay; jobs that need it fail until it is registered again.',
      security,
      params: serviceParamsSchema,
      querystring: noQuerySchema,
      response: {
        204: Type.Null({ description: 'It is forgotten' }),
        404: errorAnswer('There is no such plugin', errorExamples.noService),
        503: unavailableAnswer('Kafka is away'),
      },
    },
    handler: async (request, reply) => {
      const { name } = request.params
      if (deps.inventory.service(name) === undefined) throw unknownService(name)
      await writer.write([{ key: serviceKey(name), message: null }])
      return reply.code(204).send(null)
    },
  })
}

function addServiceReading(app: FastifyInstance, { auth, inventory }: ServerDependencies): void {
  const scope = app.withTypeProvider<TypeBoxTypeProvider>()
  const tags = ['DMI services']
  const security = operatorSecurity(auth)
  scope.get('/dmi', {
    schema: {
      tags,
      operationId: 'listDmiServices',
      summary: 'List the plugins that are registered',
      security,
      querystring: noQuerySchema,
      response: { 200: answer(serviceListSchema, 'All of them, by name; passwords are not shown') },
    },
    handler: () => ({ items: inventory.services().map(serviceAnswer) }),
  })
  scope.get('/dmi/:name', {
    schema: {
      tags,
      operationId: 'getDmiService',
      summary: 'Show a plugin',
      security,
      params: serviceParamsSchema,
      querystring: noQuerySchema,
      response: {
        200: answer(refTo(serviceSchema), 'What is registered; the password is not shown'),
        404: errorAnswer('There is no such plugin', errorExamples.noService),
      },
    },
    handler: (request) => {
      const { name } = request.params
      const service = inventory.service(name)
      if (service === undefined) throw unknownService(name)
      return serviceAnswer(service)
    },
  })
}

function unknownService(name: string): Refusal {
  return new Refusal(404, `There is no DMI service "${clip(name)}"`)
}
