import type { FastifyRequest } from 'fastify'
import { apiRootOf } from '../../api-root.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import type { Places } from './mapping.ts'

/** Where this client finds things. */
export function placesOf(request: FastifyRequest, { apiRoot, topics }: Pick<ServerDependencies, 'apiRoot' | 'topics'>): Places {
  return { apiRoot: apiRootOf(request, apiRoot), resultsTopic: topics.results }
}
