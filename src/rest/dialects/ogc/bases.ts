/** The two bases that the dialect is served under (contract page, "OGC API Processes / ADES dialect"). */
import type { FastifyRequest } from 'fastify'
import { apiRootOf } from '../../api-root.ts'

export interface Base {
  readonly name: 'ogc-api' | 'wps3'
  readonly title: string
  /** Whether links say where the server is; those that do not begin with the path. */
  readonly hasAbsoluteLinks: boolean
}

export const BASES: readonly Base[] = [
  { name: 'ogc-api', title: 'OGC API – Processes, to the letter of the standard', hasAbsoluteLinks: true },
  { name: 'wps3', title: 'OGC API – Processes, as the clients of an ADES know it', hasAbsoluteLinks: false },
]

/** What every path of any workspace under the base begins with, as a pattern of Fastify's. */
export function prefixOf({ name }: Base): string {
  return `/:workspace/${name}`
}

/** What every path of the dialect begins with. */
const PATHS = new RegExp(`^/([^/]+)/(?:${BASES.map(({ name }) => name).join('|')})(?:/|$)`)

/** Whether the path, without its query, is below one of the bases. */
export function isOgcPath(path: string): boolean {
  return PATHS.test(path)
}

interface Place {
  readonly request: FastifyRequest
  /** As configured; null takes it from the request. */
  readonly apiRoot: string | null
}

/** What the links of a workspace begin with. Throws a 400 where the request's host is none. */
export function hrefOf(base: Base, workspace: string, place: Place): string {
  const address = addressOf(base, workspace, place)
  return base.hasAbsoluteLinks ? address : new URL(address).pathname
}

/** Where the base of a workspace is, whatever its links begin with: what headers name. Throws as {@link hrefOf} does. */
export function addressOf({ name }: Base, workspace: string, { request, apiRoot }: Place): string {
  return `${apiRootOf(request, apiRoot)}/${encodeURIComponent(workspace)}/${name}`
}
