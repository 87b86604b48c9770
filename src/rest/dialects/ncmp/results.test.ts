import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { sampleJob } from '../../../../test/contract/read-model.ts'
import { brokerAway, RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import type { Phase } from '../../../domain/job.ts'
import { KafkaFailure } from '../../../kafka/port.ts'

interface Page {
  readonly items: readonly { readonly partition: number; readonly offset: number; readonly headers: object; readonly value: unknown }[]
  readonly next: string | null
}

const CREATED_AT = 10_000_000
const ENDED = { state: 'ended', startedAt: CREATED_AT, outcome: 'succeeded', finishedAt: CREATED_AT + 1 } as const
const RUNNING: Phase = { state: 'running', startedAt: CREATED_AT }

let fixture: RestFixture
let app: FastifyInstance
let home: number

const get = (query = '', jobId = 'job-1'): Promise<LightMyRequestResponse> =>
  app.inject({ url: `/ranoam/cm/v1/dataJob/${jobId}/results${query}` })

const put = (phase: Phase, destination = 'kafka:my-results'): Promise<void> =>
  fixture.change(sampleJob({ destination, createdAt: CREATED_AT }, phase), 1)

interface Written {
  readonly jobId?: string
  readonly partition?: number
  readonly topic?: string
  readonly at?: number
}

function write(value: string | Buffer | null, written: Written = {}): void {
  const { jobId = 'job-1', partition = home, topic = 'my-results', at = CREATED_AT } = written
  fixture.resultTopics.append({ topic, partition, key: jobId, value, timestampMs: at, headers: { ce_correlationid: jobId } })
}

async function valuesOf(query = ''): Promise<readonly unknown[]> {
  const answer = await get(query)
  expect(answer.statusCode).toBe(200)
  return answer.json<Page>().items.map(({ value }) => value)
}

async function pages(query: string): Promise<readonly (readonly unknown[])[]> {
  const found: unknown[][] = []
  let cursor: string | null = null
  do {
    const answer: LightMyRequestResponse = await get(`?${query}${cursor === null ? '' : `&cursor=${cursor}`}`)
    const page: Page = answer.json()
    found.push(page.items.map(({ value }) => value))
    cursor = page.next
  } while (cursor !== null)
  return found
}

beforeEach(async () => {
  fixture = new RestFixture()
  app = await fixture.build()
  home = fixture.resultTopics.partitionOf('job-1', 3)
  return () => app.close()
})

describe('the results of a job with a topic', () => {
  it('are its events, as they are on the topic', async () => {
    await put(ENDED)
    const value = '{"data" : {"responses":[{"operationId":"a","result":1.00,"big":12345678901234567890, "ü":"\\u00fc"}]}}'
    write(value)
    const answer = await get()
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    const headers = '{"ce_correlationid":"job-1"}'
    expect(answer.body).toBe(`{"items":[{"partition":${home},"offset":0,"headers":${headers},"value":${value}}],"next":null}`)
  })

  it('are none of another job, of another partition, or of long before', async () => {
    await put(ENDED)
    write('"long before"', { at: CREATED_AT - 61_000 })
    write('"by a slow clock"', { at: CREATED_AT - 59_000 })
    write('"another job"', { jobId: 'job-2' })
    write('"elsewhere"', { partition: (home + 1) % 3 })
    write('"ours"')
    expect(await valuesOf()).toEqual(['by a slow clock', 'ours'])
  })

  it('are on our own topic without a destination', async () => {
    await put(ENDED, '')
    write('1', { topic: 'datajob.results' })
    expect(await valuesOf()).toEqual([1])
  })

  it('are found whatever creation time the command gave', async () => {
    const job = sampleJob({ destination: 'kafka:my-results', createdAt: 9e15 }, ENDED)
    await fixture.change(job, 1)
    write('1')
    expect(await valuesOf()).toEqual([1])
  })

  it('are a text, or base64, where a value is no JSON', async () => {
    await put(ENDED)
    for (const value of ['{"half":', Buffer.from([0xff, 0xfe]), null, '']) write(value)
    expect(await valuesOf()).toEqual(['{"half":', '//4=', null, ''])
  })

  it('are paged, and the pages together are all of them, once', async () => {
    await put(ENDED)
    for (let n = 0; n < 7; n += 1) {
      write(`${n}`)
      write('"another job"', { jobId: 'job-2' })
      fixture.resultTopics.appendMarker('my-results', home)
    }
    expect(await pages('limit=3')).toEqual([[0, 1, 2], [3, 4, 5], [6]])
    expect(await pages('limit=7')).toEqual([[0, 1, 2, 3, 4, 5, 6]])
    expect(await pages('limit=100')).toEqual([[0, 1, 2, 3, 4, 5, 6]])
  })

  it('are paged by their bytes, too', async () => {
    await put(ENDED)
    for (let n = 0; n < 5; n += 1) write(JSON.stringify('x'.repeat(1_500_000)))
    expect((await pages('limit=100')).map((page) => page.length)).toEqual([2, 2, 1])
    write(JSON.stringify('x'.repeat(6_000_000)))
    expect((await pages('limit=100')).map((page) => page.length)).toEqual([2, 2, 1, 1])
  })

  it('go on behind what is of others, after a bounded look at it', async () => {
    await put(ENDED)
    for (let n = 0; n < 70; n += 1) write('x'.repeat(1_000_000), { jobId: 'job-2' })
    write('1')
    expect(await pages('limit=100')).toEqual([[], [1]])
  })

  it('take no longer than a while, however slow the topic is', async () => {
    await put(ENDED)
    for (let n = 0; n < 20; n += 1) write('x'.repeat(1_000_000), { jobId: 'job-2' })
    write('1')
    const read = fixture.resultTopics.read.bind(fixture.resultTopics)
    vi.spyOn(fixture.resultTopics, 'read').mockImplementation((from, limit) => {
      fixture.time.pass(500)
      return read(from, limit)
    })
    const found = await pages('limit=100')
    expect(found.slice(0, -1).flat()).toEqual([])
    expect(found.length).toBeGreaterThan(2)
    expect(found.at(-1)).toEqual([1])
  })

  it('have a next page as long as the job has not ended', async () => {
    await put(RUNNING)
    write('1')
    const first = (await get()).json<Page>()
    expect(first.items).toHaveLength(1)
    expect(first.next).not.toBeNull()
    write('2')
    await put(ENDED)
    const second = (await get(`?cursor=${first.next}`)).json<Page>()
    expect([second.items.map(({ value }) => value), second.next]).toEqual([[2], null])
  })

  it('are waited for a moment while there is nothing new', async () => {
    await put(RUNNING)
    const asking = get()
    await expect.poll(() => fixture.time.pending).toBe(1)
    write('1')
    fixture.time.pass(100)
    const { items, next } = (await asking).json<Page>()
    expect(items).toHaveLength(1)
    const inVain = get(`?cursor=${next}`)
    let isOver = false
    void inVain.then(() => (isOver = true))
    await expect.poll(() => {
      fixture.time.pass(100)
      return isOver
    }).toBe(true)
    expect((await inVain).json()).toEqual({ items: [], next })
  })

  it('are 410 once the topic is gone', async () => {
    await put(RUNNING)
    write('1')
    const { next } = (await get()).json<Page>()
    fixture.resultTopics.drop('my-results')
    fixture.topics.delete('my-results')
    for (const query of ['', `?cursor=${next}`]) {
      expect((await get(query)).json()).toMatchObject({ status: '410 GONE', message: 'The topic "my-results" is not there any more' })
    }
  })

  it('are 422 where the topic can’t be read, 503 while Kafka is away', async () => {
    await put(ENDED)
    const read = vi.spyOn(fixture.resultTopics, 'read')
    read.mockRejectedValueOnce(new KafkaFailure('lz4', { code: 'RECORDS_UNREADABLE', disposition: 'reject' }))
    expect((await get()).json()).toMatchObject({ status: '422 UNPROCESSABLE_ENTITY' })
    read.mockRejectedValueOnce(brokerAway)
    expect((await get()).headers['retry-after']).toBe('2')
    read.mockReturnValueOnce(new Promise(() => undefined))
    const asking = get()
    await expect.poll(() => fixture.time.pending).toBe(1)
    fixture.time.pass(10_000)
    expect((await asking).statusCode).toBe(503)
  })

  it('are read for so many at a time', async () => {
    fixture = new RestFixture()
    app = await fixture.build({ limits: { resultReadsMax: 1 } })
    await put(RUNNING)
    const first = get()
    await expect.poll(() => fixture.time.pending).toBe(1)
    expect((await get()).statusCode).toBe(503)
    write('1')
    fixture.time.pass(100)
    expect((await first).statusCode).toBe(200)
    expect((await get()).statusCode).toBe(200)
  })

  it('are refused where the question can’t be understood', async () => {
    await put(ENDED)
    for (const query of ['?cursor=', '?cursor=nonsense', '?limit=0', '?limit=1001', '?from=1']) {
      expect(`${query} ${(await get(query)).statusCode}`).toBe(`${query} 400`)
    }
    expect((await get('', 'nobody')).statusCode).toBe(404)
  })
})

describe('the results of a job with a bucket', () => {
  it('are what the bucket’s page shows of it', async () => {
    await put(ENDED, 's3:my-bucket')
    fixture.stored.set('my-bucket', ['job-1/0.json', 'job-1/1.json'])
    const page = await app.inject({ url: '/s3-bucket/my-bucket?jobId=job-1&limit=1' })
    const answer = await get('?limit=1')
    expect(answer.json()).toEqual(page.json())
    const { next } = answer.json<{ next: string }>()
    expect((await get(`?limit=1&cursor=${next}`)).json()).toMatchObject({ bucketId: 'my-bucket', items: [{ key: 'job-1/1.json' }] })
  })
})
