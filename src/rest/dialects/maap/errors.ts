import { type Static } from 'typebox'
import type { Refusal } from '../../errors.ts'
import type { errorSchema } from './schemas.ts'

/** What refused or failed requests of this dialect are answered with: the seed's `ErrorResponse`. */
export function messageOf({ message, details }: Refusal): Static<typeof errorSchema> {
  return { message: [message, details].filter((text) => text !== '').join('. ') }
}
