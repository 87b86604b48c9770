/** The OpenAPI document of a base, made of its routes (OGC 18-062r2, 9: OpenAPI 3.0). */
import fastifySwagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { isObjectSchema, securitySchemesOf, withoutDefaultsRequired } from '../../docs.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { type Base, prefixOf } from './bases.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The document of the base that this scope serves, as of any workspace. */
    baseDocument(): object
  }
}

const DESCRIPTION = `
A workspace’s processes, and its jobs. Links say where to go on, and errors have the standard’s body, as
\`application/problem+json\` where the client asks for it. Processes can’t be executed over HTTP yet: jobs come by the command topic,
with \`dialect\` "ogc", the workspace as \`tenant\` and \`{"processID": …}\` as \`dialectData\`.
`

/** To be called in the base's own scope, before the routes that it describes are added. */
export async function addBaseDocument(app: FastifyInstance, base: Base, { version, auth }: ServerDependencies): Promise<void> {
  await app.register(fastifySwagger, {
    decorator: 'baseDocument',
    openapi: {
      openapi: '3.0.3',
      info: { title: base.title, version, description: DESCRIPTION, license: { name: 'Apache-2.0' } },
      tags: [
        { name: 'API', description: 'What is served here.' },
        { name: 'Processes', description: 'What can be executed.' },
        { name: 'Jobs', description: 'How far executions are.' },
      ],
      components: { securitySchemes: securitySchemesOf(auth) },
    },
    stripBasePath: false,
    transform: ({ schema, url }) => {
      const { querystring, params } = schema
      return { url: url.slice(prefixOf(base).length), schema: { ...schema, ...pathOf(params), ...queryOf(querystring) } }
    },
    // Those are of the whole server; the routes here hold what they need.
    transformObject: (document) => {
      if (!('openapiObject' in document)) return document.swaggerObject
      const { components, ...rest } = document.openapiObject
      return { ...rest, components: { securitySchemes: components?.securitySchemes ?? {} } }
    },
  })
}

/** The workspace is in the server's address. */
function pathOf(params: unknown): { readonly params?: object } {
  if (!isObjectSchema(params)) return {}
  const { workspace: _workspace, ...properties } = params.properties
  return { params: { ...params, properties } }
}

function queryOf(querystring: unknown): { readonly querystring?: object } {
  return isObjectSchema(querystring) ? { querystring: withoutDefaultsRequired(querystring) } : {}
}
