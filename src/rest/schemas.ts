/** What the schemas of all dialects share. */
import { type Static, type TSchema, type TUnsafe, Type } from 'typebox'

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

/** A schema for a route's `response`, with what the answer says. */
export function headed<S extends TSchema>(schema: S, description: string): S {
  return { ...schema, description }
}

/** The same for a refused or failed request. */
export function errorAnswer(description: string): TUnsafe<Static<typeof errorSchema>> {
  return headed(refTo(errorSchema), description)
}

export function nullable<S extends TSchema>(schema: S, description: string): TUnsafe<Static<S> | null> {
  return Type.Unsafe<Static<S> | null>({ ...Type.Union([schema, Type.Null()]), description })
}
