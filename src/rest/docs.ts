/** The API's description: for programs at /openapi.json, for people at /docs. */
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import type { AuthOptions } from './auth.ts'
import { hasClientCredentials, hasOperatorCredentials } from './auth.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The schema of a body that the route reads itself: described, but not enforced by Fastify. */
    readonly documentedBody?: object
    /** The route reads its body itself, in its own time. */
    readonly readsBody?: boolean
  }
}

export interface DocsOptions {
  readonly version: string
  readonly apiRoot: string | null
  readonly auth: AuthOptions
  /** Whether a route is shown by its dialect's own description, and not here. */
  readonly isDescribedElsewhere: (path: string) => boolean
}

const DESCRIPTION = `
A **data job** is a list of operations on things that data producers own. It is taken in once its command is durable in
Kafka, split by producer, carried out, and its results are published to a topic or a bucket.

1. \`POST /ranoam/cm/v1/dataJob\` answers 202 with \`statusuri\` and \`resultsuri\`.
2. \`GET\` the status until it is FINISHED, PARTIALLY_FAILED, FAILED or CANCELLED, or follow \`…/events\`. \`…/subjobs\` says why
   it is no further.
3. Consume the results where \`resultsuri\` says, or page through \`…/results\`.

Every error has the body \`{status, message, details}\`. A 503 carries \`Retry-After\`: send the request again. Jobs that
are sent with a \`jobId\` or an \`Idempotency-Key\` are never taken twice.
`

const tags = [
  { name: 'Data jobs', description: 'Submit a job, ask how far it is (NCMP dialect).' },
  { name: 'Results', description: 'What came of jobs, for those who run no consumer.' },
  { name: 'Inventory', description: 'Which producer answers for which managed object. Operators only.' },
  { name: 'DMI services', description: 'The producers’ plugins: where they are and how to talk to them. Operators only.' },
  { name: 'Health', description: 'Whether this process is alive and ready, and what it counts.' },
]

// The base layout leaves out a bar that asks for another description's address.
const UI = { layout: 'BaseLayout', docExpansion: 'list', deepLinking: true, tryItOutEnabled: true, displayRequestDuration: true } as const

// Nothing from elsewhere: the page works without the internet, and nobody elsewhere hears of it.
export const CONTENT_SECURITY_POLICY =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; " +
  "base-uri 'self'; frame-ancestors 'none'"

/** Where the page is, and below it what it consists of. */
export const UI_PATH = '/docs'

/** To be called before the routes that it describes are added. */
export async function addDocs(app: FastifyInstance, options: DocsOptions): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'datajob', version: options.version, description: DESCRIPTION, license: { name: 'Apache-2.0' } },
      ...(options.apiRoot === null ? {} : { servers: [{ url: options.apiRoot }] }),
      tags,
      components: { securitySchemes: securitySchemesOf(options.auth) },
    },
    stripBasePath: false,
    transform: ({ schema, url, route }) => {
      const body = route.config?.documentedBody
      const { querystring } = schema
      return {
        url,
        schema: {
          ...schema,
          ...(options.isDescribedElsewhere(url) ? { hide: true } : {}),
          ...(isObjectSchema(querystring) ? { querystring: withoutDefaultsRequired(querystring) } : {}),
          ...(body === undefined ? {} : { body }),
        },
      }
    },
    refResolver: {
      buildLocalReference: ({ $id }, _baseUri, _fragment, i) => (typeof $id === 'string' ? $id : `def-${i}`),
    },
  })
  await app.register(fastifySwaggerUi, {
    routePrefix: UI_PATH,
    staticCSP: CONTENT_SECURITY_POLICY,
    theme: { title: 'datajob' },
    uiConfig: { ...UI, validatorUrl: null },
  })
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger())
}

interface ObjectSchema {
  readonly properties: Readonly<Record<string, { readonly default?: unknown }>>
  readonly required?: readonly string[]
}

export function isObjectSchema(schema: unknown): schema is ObjectSchema {
  return typeof schema === 'object' && schema !== null && 'properties' in schema
}

/** What has a default is there for who reads the request, and so required; who sends the request may leave it out. */
export function withoutDefaultsRequired(schema: ObjectSchema): ObjectSchema {
  const required = (schema.required ?? []).filter((name) => schema.properties[name]?.default === undefined)
  return { ...schema, required }
}

interface SecurityScheme {
  readonly type: 'http'
  readonly scheme: 'bearer' | 'basic'
  readonly description: string
}

export function securitySchemesOf(auth: AuthOptions): Record<string, SecurityScheme> {
  const bearer = { type: 'http', scheme: 'bearer', description: 'A client’s token.' } as const
  const basic = { type: 'http', scheme: 'basic', description: 'A client’s name and password.' } as const
  const operator = { type: 'http', scheme: 'bearer', description: 'An operator’s token.' } as const
  return {
    ...(auth.bearerTokens.length === 0 ? {} : { bearer }),
    ...(auth.basicUsers.length === 0 ? {} : { basic }),
    ...(hasOperatorCredentials(auth) ? { operator } : {}),
  }
}

/** What the description says about who may call a client's route. */
export function clientSecurity(auth: AuthOptions): Record<string, string[]>[] {
  if (!hasClientCredentials(auth)) return []
  const schemes = Object.keys(securitySchemesOf(auth))
  return schemes.map((scheme) => ({ [scheme]: [] }))
}

/** What the description says about who may call an operator's route. */
export function operatorSecurity(auth: AuthOptions): Record<string, string[]>[] {
  return hasOperatorCredentials(auth) ? [{ operator: [] }] : []
}
