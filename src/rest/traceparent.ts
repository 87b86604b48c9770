import { validTraceparent } from '../domain/traceparent.ts'

/** The header if it is valid. */
export function traceparentOf(header: string | string[] | undefined): string | null {
  return validTraceparent(typeof header === 'string' ? header : null)
}
