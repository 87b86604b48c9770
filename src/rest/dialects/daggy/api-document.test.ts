import { beforeEach, describe, expect, it } from 'vitest'
import type { FastifyInstance } from 'fastify'
import { type ApiDocument, expectNamedParameters, expectValid } from '../../../../test/fakes/api-document.ts'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import { NO_AUTH } from '../../auth.ts'

describe('the description of the dialect', () => {
  let app: FastifyInstance
  const read = async (): Promise<ApiDocument> => (await app.inject({ url: '/v1/dagruns/api', headers: { host: 'jobs.example' } })).json()

  beforeEach(async () => {
    app = await new RestFixture().build()
    return () => app.close()
  })

  it('names each path of the contract, and nothing else', async () => {
    const { openapi, servers, paths } = await read()
    expect([openapi, servers]).toEqual(['3.0.3', [{ url: 'http://jobs.example' }]])
    const operations = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
    expect(operations.sort()).toEqual([
      ...['delete /v1/dagrun/{runid}', 'delete /v1/dagrun/{runid}/task/{taskName}', 'get /ready', 'get /v1/dagrun/{runid}'],
      ...['get /v1/dagrun/{runid}/state', 'get /v1/dagrun/{runid}/task/{taskName}', 'get /v1/dagrun/{runid}/task/{taskName}/state'],
      ...['get /v1/dagruns', 'patch /v1/dagrun/{runid}/state/{state}', 'post /v1/dagrun', 'post /v1/dagrun/validate'],
    ])
    expectNamedParameters(await read())
  })

  it('is one by a validator’s judgement, with examples that are what they are examples of', async () => {
    await expectValid(await read())
  })

  it('is not in the main description, and has a page for people', async () => {
    const main = (await app.inject('/openapi.json')).json<ApiDocument>()
    expect(Object.keys(main.paths).filter((path) => path.startsWith('/v1/dag') || path === '/ready')).toEqual([])
    expect((await app.inject('/v1/dagruns/api.html')).body).toContain('swagger-ui')
  })

  it('says which credentials are needed, which only /ready does not ask for', async () => {
    app = await new RestFixture().build({ auth: { ...NO_AUTH, bearerTokens: [{ name: 'n', secret: 's' }] } })
    expect((await app.inject('/ready')).statusCode).toBe(200)
    expect((await app.inject('/v1/dagruns')).json()).toEqual({ error: expect.any(String) as string })
    const document = (await app.inject({ url: '/v1/dagruns/api', headers: { authorization: 'Bearer s' } })).json<ApiDocument>()
    expect(document.paths['/v1/dagruns']?.['get']?.security).toEqual([{ bearer: [] }])
  })
})
