import { type Static, type TSchema, type TUnsafe, Type } from 'typebox'
import { Refusal } from '../../errors.ts'
import { answer } from '../../schemas.ts'
import { detailOf } from './errors.ts'
import { detailSchema } from './job-schemas.ts'

interface ErrorAnswer {
  readonly description: string
  readonly content: { readonly 'application/json': { readonly schema: typeof detailSchema; readonly example: Static<typeof detailSchema> } }
}

/** A schema for a route's `response`: what the answer says; that it says so is tested, not typed. */
export function shows(schema: TSchema, description: string, headers: Readonly<Record<string, string>> = {}): TUnsafe<object> {
  return Type.Unsafe<object>(answer(schema, description, headers))
}

/** What a route's `response` says of a refused or failed request, with an error as it may be. */
export function errorAnswer(description: string, example: Refusal): ErrorAnswer {
  return { description, content: { 'application/json': { schema: detailSchema, example: detailOf(example) } } }
}

export const away = errorAnswer(
  'It can’t be said now; Retry-After says when to ask again',
  new Refusal(503, 'Kafka cannot be reached, or did not answer in time'),
)
export const badQuery = errorAnswer(
  'A parameter can’t be read, or is not known',
  new Refusal(400, 'order: "size" is no field to order by', { details: 'There are: id, status.' }),
)
export const noPage = errorAnswer('There is no such page', new Refusal(404, 'Invalid page.'))
export const noJob = errorAnswer('There is no such job', new Refusal(404, 'There is no job 7'))
export const noExecution = errorAnswer('There is no such job, or no such execution', new Refusal(404, 'The job 7 has no execution 2'))
export const noType = errorAnswer('There is no such job type', new Refusal(404, 'There is no job type 7'))
