import type { FastifyRequest } from 'fastify'
import { Refusal } from './errors.ts'

// RFC 3986, 3.2.2 and 3.2.3, without what no host of ours is called: what is reflected into links is a name or address.
const HOST = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9._-]{0,253})|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?$/

/** Where the client reaches this server, without a slash at its end: as configured, else as the request says. */
export function apiRootOf(request: FastifyRequest, configured: string | null): string {
  if (configured !== null) return configured.replace(/\/+$/, '')
  const { host } = request
  if (!HOST.test(host)) throw new Refusal(400, 'The Host header is not a host')
  return `${request.protocol}://${host}`
}
