import { beforeEach, describe, expect, it } from 'vitest'
import { type ApiDocument, expectNamedParameters, expectPlainSchemas, expectValid } from '../../../../test/fakes/api-document.ts'
import { ScaleFixture } from '../../../../test/fakes/scale-fixture.ts'

describe('the description of the dialect', () => {
  let scale: ScaleFixture
  const read = async (): Promise<ApiDocument> => (await scale.get('api/')).json()

  beforeEach(() => {
    scale = new ScaleFixture()
    return () => scale.close()
  })

  it('names each path that is served, and nothing else', async () => {
    const { servers, paths } = await read()
    expect(servers).toEqual([{ url: 'http://jobs.example/v6' }])
    const operations = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`))
    expect(operations.sort()).toEqual([
      ...['get /batches/', 'get /batches/{id}/', 'get /job-executions/{id}/logs/{log_id}/', 'get /job-types/'],
      ...['get /job-types/{name}/{version}/', 'get /jobs/', 'get /jobs/{id}/', 'get /jobs/{id}/executions/'],
      'get /jobs/{id}/executions/{exe_num}/',
      'get /jobs/{id}/input_files/',
      ...['patch /job-types/{name}/{version}/', 'post /batches/', 'post /job-types/', 'post /jobs/', 'post /jobs/cancel/'],
      'post /jobs/requeue/',
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
      expect(content).toMatchObject({ 'application/json': { example: { detail: expect.any(String) as string } } })
    }
  })
})
