import type { Static } from 'typebox'
import { Refusal } from '../../errors.ts'
import { messageOf } from './errors.ts'
import { errorSchema } from './schemas.ts'

interface ErrorAnswer {
  readonly description: string
  readonly content: { readonly 'application/json': { readonly schema: typeof errorSchema; readonly example: Static<typeof errorSchema> } }
}

/** What a route's `response` says of a refused or failed request, with an error as it may be. */
export function errorAnswer(description: string, example: Refusal): ErrorAnswer {
  return { description, content: { 'application/json': { schema: errorSchema, example: messageOf(example) } } }
}

export const away = errorAnswer(
  'It can’t be said now; Retry-After says when to ask again',
  new Refusal(503, 'Kafka cannot be reached, or did not answer in time'),
)

export const badQuery = errorAnswer('A parameter can’t be read, or is not known', new Refusal(400, 'query limit must be <= 200'))
