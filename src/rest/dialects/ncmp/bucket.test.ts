import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { sampleJob } from '../../../../test/contract/read-model.ts'
import { brokerAway, RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import { NO_AUTH } from '../../auth.ts'

interface Page {
  readonly items: readonly { readonly key: string; readonly jobId: string }[]
  readonly next: string | null
}

let fixture: RestFixture
let app: FastifyInstance

const get = (query = '', bucket = 'my-bucket'): Promise<LightMyRequestResponse> => app.inject({ url: `/s3-bucket/${bucket}${query}` })

/** A job with some objects; later ones are newer. */
async function stored(n: number, objects: number, destination = 's3:my-bucket'): Promise<void> {
  const job = sampleJob({ id: `j${n}`, number: n, createdAt: 1_000 + n, destination })
  await fixture.readModel.apply({ changes: [{ type: 'PutJob', version: 1, job }], positions: [] })
  const keys = Array.from({ length: objects }, (_, at) => `j${n}/${at}.json`)
  fixture.stored.set('my-bucket', [...(fixture.stored.get('my-bucket') ?? []), ...keys])
}

async function pages(query: string, between: () => Promise<void> = () => Promise.resolve()): Promise<readonly string[][]> {
  const found: string[][] = []
  let cursor: string | null = null
  do {
    const answer: LightMyRequestResponse = await get(`?${query}${cursor === null ? '' : `&cursor=${cursor}`}`)
    expect(answer.statusCode).toBe(200)
    const page: Page = answer.json()
    found.push(page.items.map(({ key }) => key))
    cursor = page.next
    await between()
  } while (cursor !== null)
  return found
}

beforeEach(async () => {
  fixture = new RestFixture()
  app = await fixture.build()
  return () => app.close()
})

describe('the page of a bucket', () => {
  it('shows each object of a job with a link', async () => {
    await stored(1, 1)
    const answer = await get('?jobId=j1')
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(answer.json()).toEqual({
      bucketId: 'my-bucket',
      items: [
        {
          key: 'j1/0.json',
          jobId: 'j1',
          bytes: 9,
          etag: 'etag of j1/0.json',
          lastModified: '1970-01-01T00:00:01.000Z',
          url: 'https://s3.example/my-bucket/j1/0.json?signed',
          expiresAt: '1970-01-01T00:00:02.000Z',
        },
      ],
      next: null,
    })
  })

  it('is what the resultsuri of a job names', async () => {
    await stored(1, 0)
    const { resultsuri } = (await app.inject({ url: '/ranoam/cm/v1/dataJob/j1' })).json<{ resultsuri: string }>()
    expect((await app.inject({ url: new URL(resultsuri).pathname })).json()).toEqual({ bucketId: 'my-bucket', items: [], next: null })
  })

  it('is paged through a job', async () => {
    await stored(1, 5)
    await stored(2, 5)
    expect(await pages('jobId=j1&limit=2')).toEqual([['j1/0.json', 'j1/1.json'], ['j1/2.json', 'j1/3.json'], ['j1/4.json']])
  })

  it('is paged through all jobs, the newest first, whatever jobs come in meanwhile', async () => {
    for (const [n, objects] of [3, 0, 2, 4].entries()) await stored(n, objects)
    let next = 10
    const found = await pages('limit=2', () => stored(next++, 2))
    expect(found).toEqual([
      ['j3/0.json', 'j3/1.json'],
      ['j3/2.json', 'j3/3.json'],
      ['j2/0.json', 'j2/1.json'],
      ['j0/0.json', 'j0/1.json'],
      ['j0/2.json'],
    ])
  })

  it('asks the store a limited number of times for a page', async () => {
    fixture = new RestFixture()
    app = await fixture.build({ limits: { listingsPerPageMax: 3 } })
    for (let n = 0; n < 8; n += 1) await stored(n, n === 0 ? 1 : 0)
    expect(await pages('limit=10')).toEqual([[], [], ['j0/0.json']])
    expect(fixture.asked.listings).toBe(8)
  })

  it('shows nothing that is not of a job with that bucket', async () => {
    await stored(1, 1)
    await stored(2, 1, 'kafka:elsewhere')
    fixture.stored.get('my-bucket')?.push('private.txt', 'j9/0.json')
    expect(await pages('limit=10')).toEqual([['j1/0.json']])
    expect((await get('?jobId=j2')).statusCode).toBe(404)
    expect((await get('?jobId=j9')).statusCode).toBe(404)
  })

  it('is 404 for a bucket that no job has results in', async () => {
    fixture.stored.set('another', ['private.txt'])
    for (const bucket of ['another', 'No%2FBucket', '..%2F..']) {
      const answer = await get('', bucket)
      expect(answer.statusCode).toBe(404)
      expect(answer.json<{ message: string }>().message).toMatch(/^No job has the bucket ".*" as its destination$/)
    }
    expect(fixture.asked.listings).toBe(0)
  })

  it('is 404 once the bucket is gone', async () => {
    await stored(1, 1)
    fixture.stored.clear()
    expect((await get()).json()).toMatchObject({ status: '404 NOT_FOUND', message: 'The bucket "my-bucket" is not there any more' })
  })

  it('is 503 while the store is away, or what was written can’t be read', async () => {
    await stored(1, 1)
    fixture.storeFailure = new Error('connect ECONNREFUSED')
    const answer = await get('?jobId=j1')
    expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '2'])
    expect(answer.body).not.toContain('ECONNREFUSED')
    fixture.pauseReading()
    expect((await get('', 'another')).statusCode).toBe(503)
    await fixture.resumeReading()
    fixture.outage = brokerAway
    expect((await get('', 'another')).statusCode).toBe(503)
  })

  it('refuses what it does not understand', async () => {
    await stored(1, 3)
    await stored(2, 3)
    const { next } = (await get('?jobId=j1&limit=1')).json<Page>()
    expect((await get(`?jobId=j2&cursor=${next ?? ''}`)).json()).toMatchObject({
      status: '400 BAD_REQUEST', message: 'query cursor: it belongs to the objects of another job',
    })
    for (const query of ['?cursor=', '?cursor=nonsense', '?cursor=MS4x', '?limit=0', '?limit=1001', '?prefix=j1']) {
      expect(`${query} ${(await get(query)).statusCode}`).toBe(`${query} 400`)
    }
  })

  it('is for clients only, where clients have credentials', async () => {
    app = await new RestFixture().build({ auth: { ...NO_AUTH, bearerTokens: [{ name: 'n', secret: 's' }] } })
    expect((await get()).statusCode).toBe(401)
  })
})
