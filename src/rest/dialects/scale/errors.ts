import type { Refusal } from '../../errors.ts'

/** What refused or failed requests of this dialect are answered with. */
export function detailOf({ message, details }: Refusal): { readonly detail: string } {
  return { detail: [message, details].filter((text) => text !== '').join('. ') }
}
