/** The OpenAPI document of a dialect, made of its routes (OGC 18-062r2, 9 wants OpenAPI 3.0, and others can read that, too). */
import fastifySwagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import type { ServerDependencies } from './dependencies.ts'
import { isObjectSchema, securitySchemesOf, withoutDefaultsRequired } from './docs.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The document of the dialect that this scope serves. */
    dialectDocument(): object
  }
}

export interface DialectDescription {
  readonly title: string
  /** Markdown. */
  readonly description: string
  readonly tags: readonly { readonly name: string; readonly description: string }[]
  /** What every path begins with, as a pattern of Fastify's: the server's address holds it, and its parameters. */
  readonly prefix: string
}

/** To be called in the dialect's own scope, before the routes that it describes are added. */
export async function addDialectDocument(
  app: FastifyInstance,
  { title, description, tags, prefix }: DialectDescription,
  { version, auth }: Pick<ServerDependencies, 'version' | 'auth'>,
): Promise<void> {
  const ofServer = new Set(Array.from(prefix.matchAll(/:(\w+)/g), ([, name]) => name))
  await app.register(fastifySwagger, {
    decorator: 'dialectDocument',
    openapi: {
      openapi: '3.0.3',
      info: { title, version, description, license: { name: 'Apache-2.0' } },
      tags: [...tags],
      components: { securitySchemes: securitySchemesOf(auth) },
    },
    stripBasePath: false,
    transform: ({ schema, url, route }) => {
      const { querystring, params } = schema
      const body = route.config?.documentedBody
      const shown = { ...schema, ...pathOf(params, ofServer), ...queryOf(querystring), ...(body === undefined ? {} : { body }) }
      return { url: url.slice(prefix.length) || '/', schema: shown }
    },
    // Those are of the whole server; the routes here hold what they need.
    transformObject: (document) => {
      if (!('openapiObject' in document)) return document.swaggerObject
      const { components, ...rest } = document.openapiObject
      return { ...rest, components: { securitySchemes: components?.securitySchemes ?? {} } }
    },
  })
}

function pathOf(params: unknown, ofServer: ReadonlySet<string | undefined>): { readonly params?: object } {
  if (!isObjectSchema(params)) return {}
  const properties = Object.fromEntries(Object.entries(params.properties).filter(([name]) => !ofServer.has(name)))
  return { params: { ...params, properties } }
}

function queryOf(querystring: unknown): { readonly querystring?: object } {
  return isObjectSchema(querystring) ? { querystring: withoutDefaultsRequired(querystring) } : {}
}
