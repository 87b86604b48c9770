import type { FastifyInstance } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { type ApiDocument, expectNamedParameters, expectPlainSchemas, expectValid } from '../../../../test/fakes/api-document.ts'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import { NO_AUTH } from '../../auth.ts'

describe.each(['ogc-api', 'wps3'])('the description of the base %s', (base) => {
  let app: FastifyInstance
  const read = async (): Promise<ApiDocument> =>
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
    expect(Object.keys(paths).sort()).toEqual([
      ...['/', '/api', '/conformance', '/jobs', '/jobs/{jobId}', '/jobs/{jobId}/results'],
      ...['/processes', '/processes/{processId}', '/processes/{processId}/execution'],
      ...(base === 'wps3' ? ['/processes/{processId}/jobs'] : []),
      '/processes/{processId}/package',
    ])
    expectNamedParameters(await read())
  })

  it('is one by a validator’s judgement, with examples that are what they are examples of', async () => {
    await expectValid(await read())
  })

  it('has schemas that OpenAPI 3.0 knows, with no reference that leads nowhere', async () => {
    expectPlainSchemas(await read())
  })

  it('shows each exception as it is answered', async () => {
    const { paths } = await read()
    const answers = Object.values(paths).flatMap((methods) => Object.values(methods).flatMap(({ responses }) => Object.entries(responses)))
    const exceptions = answers.filter(([status]) => Number(status) >= 400)
    expect(exceptions.length).toBeGreaterThan(4)
    for (const [status, { content = {} }] of exceptions) {
      const shown = Object.entries(content).map(([type, { example }]) => [type, example])
      const example = expect.objectContaining({ status: Number(status) }) as unknown
      expect(shown).toEqual([['application/json', example], ['application/problem+json', example]])
    }
  })

  it('says which credentials are needed', async () => {
    const token = [{ name: 'n', secret: 's' }]
    app = await new RestFixture().build({ auth: { ...NO_AUTH, bearerTokens: token } })
    const answer = await app.inject({ url: `/east/${base}/api`, headers: { authorization: 'Bearer s' } })
    const { components, paths } = answer.json<ApiDocument>()
    expect(components).toMatchObject({ securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } })
    expect(paths['/processes']?.['get']?.security).toEqual([{ bearer: [] }])
  })
})
