/** What the schemas of all dialects share. */
import { type Static, type TSchema, type TUnsafe, Type } from 'typebox'
import { bodyOf, type ErrorBody, Refusal, SEND_AGAIN } from './errors.ts'

/** A schema with a name, which the OpenAPI document shows once under it. It is to be added to the server. */
export type NamedSchema = TSchema & { readonly $id: string }

export function named<S extends TSchema>(name: string, schema: S): S & NamedSchema {
  return { ...schema, $id: name }
}

/** Points at a named schema, with its type. */
export function refTo<S extends NamedSchema>(schema: S): TUnsafe<Static<S>> {
  return Type.Unsafe<Static<S>>({ $ref: `${schema.$id}#` })
}

export const errorSchema = named('Error', Type.Object(
  {
    status: Type.String({ description: 'The HTTP status with its name', examples: ['400 BAD_REQUEST'] }),
    message: Type.String({ description: 'What is wrong' }),
    details: Type.String({ description: 'Where it is wrong, which limit applies, what to do about it; may be empty' }),
  },
  { description: 'What every refused or failed request is answered with.' },
))

/** Headers that matter, each with what it says. */
type DescribedHeaders = Readonly<Record<string, string>>

/** A schema for a route's `response`: what the answer says, for the API's description. */
export function answer<S extends TSchema>(schema: S, description: string, headers: DescribedHeaders = {}): S {
  return { ...schema, description, headers: headerSchemas(headers) }
}

function headerSchemas(headers: DescribedHeaders): Readonly<Record<string, object>> {
  const schemas = Object.entries(headers).map(([name, description]) => [name, { type: 'string', description }] as const)
  return Object.fromEntries(schemas)
}

type JsonContent<S extends TSchema> = Readonly<Record<'application/json', { readonly schema: S; readonly example: unknown }>>

/** What a route's `response` says of a refused or failed request. */
export interface ErrorAnswer {
  readonly description: string
  readonly headers: Readonly<Record<string, object>>
  readonly content: JsonContent<TUnsafe<Static<typeof errorSchema>>>
}

/** The answer to a refused or failed request, with an error as it may be. */
export function errorAnswer(description: string, example: ErrorBody, headers: DescribedHeaders = {}): ErrorAnswer {
  const content = { 'application/json': { schema: refTo(errorSchema), example } }
  return { description, headers: headerSchemas(headers), content }
}

const KAFKA_AWAY = new Refusal(503, 'Kafka cannot be reached, or did not answer in time', { details: SEND_AGAIN })

/** The same for a request that may be sent again. */
export function unavailableAnswer(description: string): ErrorAnswer {
  return errorAnswer(description, bodyOf(KAFKA_AWAY), { 'Retry-After': 'Seconds after which to send the request again' })
}

/** For a route that takes no query: a parameter that would have no effect is refused. */
export const noQuerySchema = Type.Object({}, { additionalProperties: false })

export function nullable<S extends TSchema>(schema: S, description: string): TUnsafe<Static<S> | null> {
  return Type.Unsafe<Static<S> | null>({ ...Type.Union([schema, Type.Null()]), description })
}
