import type { FastifyInstance } from 'fastify'
import { Value } from 'typebox/value'
import { beforeEach, describe, expect, it } from 'vitest'
import { RestFixture } from '../../test/fakes/rest-fixture.ts'
import { NO_AUTH } from './auth.ts'
import { subjobSchema } from './dialects/ncmp/subjob-schemas.ts'
import { registrationFailedSchema, serviceSchema } from './dialects/inventory/schemas.ts'
import { resultObjectSchema } from './dialects/ncmp/bucket-schemas.ts'
import { resultEventSchema } from './dialects/ncmp/result-schemas.ts'
import { acceptedSchema, jobSchema } from './dialects/ncmp/schemas.ts'

interface Answer {
  readonly description: string
  readonly content?: { 'application/json'?: { schema: object; example?: { status: string } } }
}

interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly security?: readonly object[]
  readonly parameters?: readonly { readonly in: string; readonly name: string; readonly required?: boolean }[]
  readonly requestBody?: { content: { 'application/json': { examples?: Record<string, { value: object }>; example?: object } } }
  readonly responses: Readonly<Record<string, Answer>>
}

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: object; readonly securitySchemes: object }
}

describe('the API’s description', () => {
  let app: FastifyInstance
  const read = async (): Promise<Document> => (await app.inject({ url: '/openapi.json' })).json()

  beforeEach(async () => {
    app = await new RestFixture().build()
    return () => app.close()
  })

  it('names every route that a client may use, each under a tag, with a summary and what it answers', async () => {
    const { openapi, paths } = await read()
    expect(openapi).toBe('3.1.0')
    expect(Object.entries(paths).map(([path, methods]) => `${path} ${Object.keys(methods).join(' ')}`)).toEqual([
      '/livez get',
      '/readyz get',
      '/metrics get',
      '/s3-bucket/{bucketId} get',
      '/ranoam/cm/v1/dataJob post get',
      '/ranoam/cm/v1/dataJob/{jobId} delete get',
      '/ranoam/cm/v1/dataJob/{jobId}/retry post',
      '/ranoam/cm/v1/dataJob/{jobId}/events get',
      '/ranoam/cm/v1/dataJob/{jobId}/subjobs get',
      '/ranoam/cm/v1/dataJob/{jobId}/results get',
      '/ncmpInventory/v1/ch post',
      '/ncmpInventory/v1/dmi/{name} put delete get',
      '/ncmpInventory/v1/dmi get',
    ])
    for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
      expect(operation.summary).toMatch(/^[A-Z]/)
      expect(operation.tags).toHaveLength(1)
      for (const { description } of Object.values(operation.responses)) expect(description).not.toBe('Default Response')
    }
  })

  it('shows each shared schema once, under its name', async () => {
    const { components, paths } = await read()
    const names = [
      ...['DmiService', 'Error', 'Job', 'JobAccepted', 'ReadOperation', 'RegistrationFailed', 'ResultEvent', 'ResultEvents'],
      ...['ResultObject', 'ResultObjects', 'Subjob', 'Subjobs', 'WriteOperation'],
    ]
    expect(Object.keys(components.schemas).sort()).toEqual(names)
    const answers = paths['/ranoam/cm/v1/dataJob']?.post?.responses
    expect(answers?.['202']?.content?.['application/json']?.schema).toMatchObject({ $ref: '#/components/schemas/JobAccepted' })
    expect(answers?.['409']?.content?.['application/json']?.schema).toMatchObject({ $ref: '#/components/schemas/Error' })
  })

  it('has examples that are taken', async () => {
    const fixture = new RestFixture()
    fixture.buckets.add('replan-results')
    app = await fixture.build()
    const { paths } = await read()
    const bodies = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { requestBody }]) => {
        const content = requestBody?.content['application/json']
        const values = Object.values(content?.examples ?? {}).map(({ value }) => value)
        return [
          ...values, ...(content?.example === undefined ? [] : [content.example]),
        ].map((value) => ({ path, method, value }))
      }),
    )
    expect(bodies).toHaveLength(4)
    for (const { path, method, value } of bodies) {
      const url = path.replace('{name}', 'dmi-one')
      const answer = await app.inject({ method: method === 'put' ? 'PUT' : 'POST', url, payload: value })
      expect(`${url} ${answer.statusCode} ${answer.statusCode < 300 ? '' : answer.body}`).toMatch(/ 20[02] $/)
    }
  })

  it('shows each error as it is answered', async () => {
    const { paths } = await read()
    const shown = Object.values(paths).flatMap((methods) =>
      Object.values(methods).flatMap(({ responses }) =>
        Object.entries(responses).map(([status, { content }]) => ({ status, example: content?.['application/json']?.example })),
      ),
    )
    const errors = shown.filter(({ status, example }) => Number(status) >= 400 && example !== undefined)
    expect(errors.length).toBeGreaterThan(15)
    for (const { status, example } of errors) expect(example?.status).toMatch(`${status} `)
  })

  it.each([
    ['a job', jobSchema],
    ['an accepted job', acceptedSchema],
    ['a subjob', subjobSchema],
    ['a result object', resultObjectSchema],
    ['a result event', resultEventSchema],
    ['a plugin', serviceSchema],
    ['a failed registration', registrationFailedSchema],
  ] as const)('shows %s as it is answered', (_what, schema) => {
    const examples: readonly unknown[] = 'examples' in schema && Array.isArray(schema.examples) ? schema.examples : []
    expect(examples).toHaveLength(1)
    expect(Value.Errors(schema, examples[0])).toEqual([])
    expect(Object.keys(examples[0] as object).sort()).toEqual(Object.keys(schema.properties).sort())
  })

  it('is a page that loads nothing from elsewhere', async () => {
    const page = await app.inject({ url: '/docs/' })
    expect(page.statusCode).toBe(200)
    expect(page.headers['content-security-policy']).toMatch(/^default-src 'self';/)
    expect(page.body).not.toMatch(/https?:\/\//)
  })

  it('asks for no query parameter: each may be left out', async () => {
    const { paths } = await read()
    const parameters = Object.values(paths).flatMap((methods) => Object.values(methods).flatMap((each) => each.parameters ?? []))
    const inQuery = parameters.filter((parameter) => parameter.in === 'query')
    expect(inQuery.map(({ name }) => name)).toContain('limit')
    expect(inQuery.filter(({ required }) => required === true)).toEqual([])
  })

  it('says which credentials are needed', async () => {
    expect((await read()).components.securitySchemes).toEqual({})
    const token = [{ name: 'n', secret: 's' }]
    app = await new RestFixture().build({ auth: { ...NO_AUTH, bearerTokens: token, operatorTokens: token } })
    const { components, paths } = await read()
    expect(Object.keys(components.securitySchemes)).toEqual(['bearer', 'operator'])
    expect(paths['/ranoam/cm/v1/dataJob']?.post?.security).toEqual([{ bearer: [] }, { operator: [] }])
    expect(paths['/ncmpInventory/v1/ch']?.post?.security).toEqual([{ operator: [] }])
    expect(JSON.stringify(components)).not.toContain('"s"')
  })
})
