import type { FastifyInstance } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import { NO_AUTH } from '../../auth.ts'

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
}
interface Operation {
  readonly operationId: string
  readonly security?: readonly object[]
  readonly parameters?: readonly Parameter[]
  readonly responses: Readonly<Record<string, { content: Readonly<Record<string, { example?: { status: number } }>> }>>
}
interface Document {
  readonly openapi: string
  readonly servers: readonly object[]
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: object
}

/** Every object within a value. */
function* objectsIn(value: unknown): Generator<object> {
  if (typeof value !== 'object' || value === null) return
  yield value
  for (const member of Object.values(value)) yield* objectsIn(member)
}

describe.each(['ogc-api', 'wps3'])('the description of the base %s', (base) => {
  let app: FastifyInstance
  const read = async (): Promise<Document> =>
    (await app.inject({ url: `/east/${base}/api`, headers: { host: 'jobs.example' } })).json()

  beforeEach(async () => {
    app = await new RestFixture().build()
    return () => app.close()
  })

  it('is of the type that its link says', async () => {
    const { headers } = await app.inject({ url: `/east/${base}/api` })
    expect(headers['content-type']).toBe('application/vnd.oai.openapi+json;version=3.0')
  })

  it('names each path of the base and nothing else, below the address of the workspace', async () => {
    const { openapi, servers, paths } = await read()
    expect(openapi).toBe('3.0.3')
    expect(servers).toEqual([{ url: base === 'wps3' ? '/east/wps3' : 'http://jobs.example/east/ogc-api' }])
    expect(Object.keys(paths)).toEqual(['/', '/conformance', '/api', '/processes', '/processes/{processId}', '/jobs/{jobId}'])
    for (const [path, { get }] of Object.entries(paths)) {
      const inPath = get?.parameters?.filter((parameter) => parameter.in === 'path').map(({ name }) => `{${name}}`) ?? []
      expect(inPath).toEqual(path.match(/\{\w+\}/g) ?? [])
      expect(get?.parameters?.filter((parameter) => parameter.in === 'query' && parameter.required === true) ?? []).toEqual([])
    }
  })

  it('has schemas that OpenAPI 3.0 knows, with no reference that leads nowhere', async () => {
    const document = await read()
    for (const object of objectsIn(document)) {
      for (const name of ['$ref', '$id', 'const', 'anyOf', 'patternProperties', 'prefixItems']) expect(object).not.toHaveProperty(name)
      if ('type' in object && typeof object.type === 'string') {
        expect(object.type).toMatch(/^(?:object|array|string|integer|number|boolean|http|http:.*|about:blank)$/)
      }
      if ('examples' in object) expect(Array.isArray(object.examples)).toBe(false)
    }
  })

  it('shows each exception as it is answered', async () => {
    const { paths } = await read()
    const answers = Object.values(paths).flatMap((methods) => Object.values(methods).flatMap(({ responses }) => Object.entries(responses)))
    const exceptions = answers.filter(([status]) => Number(status) >= 400)
    expect(exceptions.length).toBeGreaterThan(4)
    for (const [status, { content }] of exceptions) {
      expect(Object.entries(content).map(([type, { example }]) => [type, example?.status])).toEqual([
        ['application/json', Number(status)],
        ['application/problem+json', Number(status)],
      ])
    }
  })

  it('says which credentials are needed', async () => {
    const token = [{ name: 'n', secret: 's' }]
    app = await new RestFixture().build({ auth: { ...NO_AUTH, bearerTokens: token } })
    const answer = await app.inject({ url: `/east/${base}/api`, headers: { authorization: 'Bearer s' } })
    const { components, paths } = answer.json<Document>()
    expect(components).toMatchObject({ securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } })
    expect(paths['/processes']?.['get']?.security).toEqual([{ bearer: [] }])
  })
})
