import { type Static, Type } from 'typebox'
import type { Refusal } from '../../errors.ts'

export const errorSchema = Type.Object({ error: Type.String({ description: 'What is wrong, and where' }) })

/** What refused or failed requests of this dialect are answered with. */
export function errorOf({ message, details }: Refusal): Static<typeof errorSchema> {
  return { error: [message, details].filter((text) => text !== '').join('. ') }
}

interface ErrorAnswer {
  readonly description: string
  readonly content: { readonly 'application/json': { readonly schema: typeof errorSchema; readonly example: Static<typeof errorSchema> } }
}

/** What a route's `response` says of a refused or failed request, with an error as it may be. */
export function errorAnswer(description: string, example: Refusal): ErrorAnswer {
  return { description, content: { 'application/json': { schema: errorSchema, example: errorOf(example) } } }
}
