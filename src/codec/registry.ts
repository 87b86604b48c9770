/** The schema registry (Confluent's HTTP API, which Apicurio offers too): our schemas' ids, and others' schemas by id. */
import { COMPATIBILITY, SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry'
import avro from 'avsc'
import type { MessageType } from '../domain/messages.ts'
import { MESSAGE_TYPES, messageSchemas } from './schemas.ts'

export interface RegistryAddress {
  /** Up to where `/subjects` follows; for Apicurio that ends in `/apis/ccompat/v7`. */
  readonly url: string
  readonly auth?: { readonly username: string; readonly password: string }
  /** How long one request may take, in milliseconds. */
  readonly requestTimeoutMs: number
  /** How often a request is repeated that the registry did not answer. */
  readonly retriesMax: number
}

export interface RegisteredSchema {
  readonly type: MessageType
  readonly subject: string
  readonly id: number
  readonly outcome: 'registered' | 'unchanged'
}

/**
 * The registry can't be asked, or refuses. `retry`: it is not reachable or not well, later it may be; `fatal`: the
 * credentials, the address or the schemas are at fault, and a person has to do something.
 */
export class RegistryFailure extends Error {
  override readonly name = 'RegistryFailure'
  readonly disposition: 'retry' | 'fatal'
  /** What the registry answered; null when it did not. */
  readonly httpStatus: number | null

  constructor(message: string, details: { disposition: 'retry' | 'fatal'; httpStatus: number | null; cause?: unknown }) {
    super(message, { cause: details.cause })
    this.disposition = details.disposition
    this.httpStatus = details.httpStatus
  }
}

/**
 * Registers every schema in schemas/ under its record's full name, with BACKWARD compatibility. Does nothing for those
 * that are there; any number of processes may do it at once.
 * @throws RegistryFailure `fatal` when a schema is not compatible with the one before it
 */
export async function registerSchemas(address: RegistryAddress): Promise<readonly RegisteredSchema[]> {
  const registry = connect(address)
  return Promise.all(MESSAGE_TYPES.map((type) => registerSchema(registry, address, type)))
}

async function registerSchema(registry: SchemaRegistry, address: RegistryAddress, type: MessageType): Promise<RegisteredSchema> {
  const { subject, text } = messageSchemas[type]
  const known = await lookUp(registry, address, type)
  try {
    // Even when the schema is there: who registered it may have died before its compatibility was set.
    const schema = { type: SchemaType.AVRO, schema: text } as const
    const { id } = await registry.register(schema, { subject, compatibility: COMPATIBILITY.BACKWARD })
    return { type, subject, id, outcome: known === null ? 'registered' : 'unchanged' }
  } catch (error) {
    const failure = failureOf(error, address, `registering ${subject}`)
    // Apicurio answers 409 as well when another process sets the compatibility at the same time.
    const id = failure.httpStatus === 409 ? await lookUp(registry, address, type) : null
    if (id === null) throw failure
    return { type, subject, id, outcome: 'unchanged' }
  }
}

/**
 * The ids of our schemas in a registry that may not be written to.
 * @throws RegistryFailure `fatal` when one is missing
 */
export async function lookUpSchemas(address: RegistryAddress): Promise<readonly RegisteredSchema[]> {
  const registry = connect(address)
  return Promise.all(
    MESSAGE_TYPES.map(async (type) => {
      const { subject } = messageSchemas[type]
      const id = await lookUp(registry, address, type)
      if (id !== null) return { type, subject, id, outcome: 'unchanged' as const }
      const message = `the schema registry at ${address.url} has no ${subject} as this build writes it: run "datajob topics apply"`
      throw new RegistryFailure(message, { disposition: 'fatal', httpStatus: 404 })
    }),
  )
}

async function lookUp(registry: SchemaRegistry, address: RegistryAddress, type: MessageType): Promise<number | null> {
  const { subject, text } = messageSchemas[type]
  try {
    return await registry.getRegistryIdBySchema(subject, { type: SchemaType.AVRO, schema: text })
  } catch (error) {
    // The client turns this one 404 into an error that has no status any more.
    if (error instanceof Error && error.name === 'ConfluentSchemaRegistryError') return null
    throw failureOf(error, address, `looking up ${subject}`)
  }
}

/** Gives the writer's schema by its id, or the reason why there is none that could be read. */
export type FetchSchema = (id: number) => Promise<avro.Type | string>

/** The returned function throws RegistryFailure. */
export function schemaFetcher(address: RegistryAddress): FetchSchema {
  const registry = connect(address)
  return async (id) => {
    try {
      const schema = await registry.getSchema(id)
      return avro.Type.isType(schema) ? (schema as avro.Type) : `schema ${id} of the registry is not an Avro schema`
    } catch (error) {
      const status = statusOf(error)
      if (status === 404 && isAnswer(error)) return `the registry has no schema ${id}`
      if (status === null) return `schema ${id} of the registry cannot be read: ${messageOf(error)}`
      throw failureOf(error, address, `fetching schema ${id}`)
    }
  }
}

function connect(address: RegistryAddress): SchemaRegistry {
  const { url, auth, requestTimeoutMs, retriesMax } = address
  return new SchemaRegistry({
    host: url.replace(/\/+$/, ''),
    ...(auth === undefined ? {} : { auth }),
    retry: { retries: retriesMax },
    middlewares: [timeoutMiddleware(requestTimeoutMs), unsetCompatibilityMiddleware],
  })
}

type Middleware = NonNullable<ConstructorParameters<typeof SchemaRegistry>[0]['middlewares']>[number]

// Without one the client waits for a silent registry as long as the socket stays open.
function timeoutMiddleware(timeoutMs: number): Middleware {
  return () => ({ prepareRequest: async (next) => (await next()).enhance({ timeout: timeoutMs }) })
}

/**
 * Between a subject's first registration and the setting of its compatibility Apicurio answers NONE where others answer
 * 404. The client would take that for another's decision, and a process that died in between would block all later ones.
 */
const unsetCompatibilityMiddleware: Middleware = () => ({
  response: async (next) => {
    const response = await next()
    const isConfig = response.request().method() === 'get' && response.request().path().startsWith('/config/')
    const level = isConfig ? response.data<{ compatibilityLevel?: string }>().compatibilityLevel : undefined
    if (level === 'NONE') throw Object.assign(new Error('the subject has no compatibility level'), { status: 404 })
    return response
  },
})

function failureOf(error: unknown, { url }: RegistryAddress, doing: string): RegistryFailure {
  const status = statusOf(error)
  const refused = status === 401 || status === 403 || isRefusal(error)
  const retry = !isAnswer(error) || (status !== null && (status >= 500 || status === 408 || status === 429))
  return new RegistryFailure(`schema registry at ${url}, ${doing}: ${messageOf(error)}`, {
    disposition: retry && !refused ? 'retry' : 'fatal',
    httpStatus: isAnswer(error) ? status : null,
    cause: error,
  })
}

/**
 * Whether the registry itself has answered. The client reports one that it could not reach as a 400, and a proxy before
 * one that is down may say 404; of both the client has no message to show, where every error of a registry has one.
 */
function isAnswer(error: unknown): boolean {
  return statusOf(error) !== null && !messageOf(error).includes('Error, status ')
}

// The client's own errors other than those of requests: arguments, or a compatibility that someone else has set.
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name.startsWith('ConfluentSchemaRegistry')
}

function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('status' in error)) return null
  return typeof error.status === 'number' ? error.status : null
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
