import type { FastifyRequest } from 'fastify'
import { apiRootOf } from '../../api-root.ts'
import { BASE } from './base.ts'

/** Where the request went, as its client sees it. Throws a 400 where its host is none. */
export function urlOf(request: FastifyRequest, apiRoot: string | null): string {
  return `${apiRootOf(request, apiRoot)}${request.url}`
}

export function jobUrlOf(request: FastifyRequest, apiRoot: string | null, number: number): string {
  return `${apiRootOf(request, apiRoot)}${BASE}/jobs/${number}/`
}
