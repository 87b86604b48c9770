import type { FastifyInstance } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { type ApiDocument, expectNamedParameters, expectPlainSchemas, expectValid } from '../../../../test/fakes/api-document.ts'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import { NO_AUTH } from '../../auth.ts'

describe('the description of the dialect', () => {
  let app: FastifyInstance
  const read = async (): Promise<ApiDocument> => (await app.inject({ url: '/api/v1/api', headers: { host: 'jobs.example' } })).json()

  beforeEach(async () => {
    app = await new RestFixture().build()
    return () => app.close()
  })

  it('names each path of the seed and its extensions, and nothing else', async () => {
    const { openapi, servers, paths } = await read()
    expect([openapi, servers]).toEqual(['3.0.3', [{ url: 'http://jobs.example/api/v1' }]])
    const operations = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
    expect(operations.sort()).toEqual([
      ...['get /algorithms', 'get /algorithms/{algorithm_id}', 'get /jobentries', 'get /jobentries/{entry_id}'],
      ...['get /jobentries/{entry_id}/steps/{index}', 'get /jobs', 'get /jobs/{job_id}', 'post /algorithms'],
      ...['post /jobentries/{entry_id}/cancel', 'post /jobentries/{entry_id}/run', 'post /jobentries/{entry_id}/steps/{index}/run'],
      ...['post /jobs', 'post /jobs/{job_id}/submit'],
    ])
    expectNamedParameters(await read())
  })

  it('is one by a validator’s judgement, with examples that are what they are examples of', async () => {
    await expectValid(await read())
    expectPlainSchemas(await read())
  })

  it('shows each error as it is answered', async () => {
    const { paths } = await read()
    const answers = Object.values(paths).flatMap((methods) => Object.values(methods).flatMap(({ responses }) => Object.entries(responses)))
    const errors = answers.filter(([status]) => Number(status) >= 400)
    expect(errors.length).toBeGreaterThan(20)
    for (const [, { content = {} }] of errors) {
      expect(content).toMatchObject({ 'application/json': { example: { message: expect.any(String) as string } } })
    }
  })

  it('is not in the main description, and has a page for people', async () => {
    const main = (await app.inject('/openapi.json')).json<ApiDocument>()
    expect(Object.keys(main.paths).filter((path) => path.startsWith('/api/v1'))).toEqual([])
    expect((await app.inject('/api/v1/api.html')).body).toContain('swagger-ui')
  })

  it('says which credentials are needed', async () => {
    app = await new RestFixture().build({ auth: { ...NO_AUTH, bearerTokens: [{ name: 'n', secret: 's' }] } })
    expect((await app.inject('/api/v1/jobs')).json()).toEqual({ message: expect.any(String) as string })
    const document = (await app.inject({ url: '/api/v1/api', headers: { authorization: 'Bearer s' } })).json<ApiDocument>()
    expect(document.components).toMatchObject({ securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } })
    expect(document.paths['/jobs']?.['get']?.security).toEqual([{ bearer: [] }])
  })
})
