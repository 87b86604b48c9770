/** What came of a job, for those who run no consumer. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import { until } from '../harness/until.ts'

interface ObjectPage {
  readonly bucketId: string
  readonly items: readonly { readonly key: string; readonly bytes: number; readonly etag: string; readonly url: string }[]
  readonly next: string | null
}

let installation: Installation
let service: Service

beforeAll(async () => {
  const { s3Endpoint } = givenStack()
  installation = await Installation.open('results', givenStack(), {
    DATAJOB_SUBJOB_OPERATIONS_MAX: '20',
    // The same server by another name, as clients may have to use.
    DATAJOB_S3_PUBLIC_ENDPOINT: s3Endpoint.replace('127.0.0.1', 'localhost'),
  })
  service = await installation.service('service')
  await service.client.ready()
  await installation.network(service.client, 'north')
  await installation.network(service.client, 'slow', { 'delay-ms': '500..2500' })
})

afterAll(async () => {
  await installation.close()
})

interface Changes {
  readonly jobId?: string
  readonly operations?: number
}

async function finished(destination: string | null, changes: Changes = {}): Promise<PlannedJob> {
  const job = planJob({ kind: 'READ', destination, services: ['north'], operations: 100, ...changes })
  expect((await service.client.submit(bodyOf(job), {}, destination)).status).toBe(202)
  expect((await service.client.ended(job.jobId)).status).toBe('FINISHED')
  return job
}

async function objectsOf(path: string): Promise<ObjectPage> {
  const { status, body } = await service.client.request('GET', path)
  expect(status).toBe(200)
  return body as ObjectPage
}

describe('the results in a bucket', () => {
  let bucket: string

  beforeAll(async () => {
    bucket = await installation.bucket('linked')
  })

  it('are listed where resultsuri says, each with a link that needs no credentials', async () => {
    const job = await finished(`s3:${bucket}`)
    const { resultsuri } = await service.client.ended(job.jobId)
    const { bucketId, items, next } = await objectsOf(`${new URL(resultsuri).pathname}?jobId=${job.jobId}`)
    expect([bucketId, next]).toEqual([bucket, null])
    expect(items.map(({ key }) => key)).toEqual([
      // Four data producers with 25 operations each, of which a subjob has 20 at most.
      ...Array.from({ length: 8 }, (_, index) => `${job.jobId}/000000${index}.json`),
      `${job.jobId}/manifest.json`,
    ])
    const reported = new Set<unknown>()
    for (const { key, url, bytes, etag } of items) {
      expect(new URL(url).hostname).toBe('localhost')
      const response = await fetch(url)
      expect(response.status).toBe(200)
      expect(response.headers.get('etag')).toBe(`"${etag}"`)
      const text = await response.text()
      expect(Buffer.byteLength(text)).toBe(bytes)
      if (key.endsWith('manifest.json')) expect(JSON.parse(text)).toMatchObject({ jobId: job.jobId, status: 'FINISHED' })
      else for (const { operationId } of (JSON.parse(text) as EventValue).data.responses) reported.add(operationId)
    }
    expect(reported).toEqual(new Set(job.operations.map(({ operationId }) => operationId)))
  })

  it('can be had by a link for as long as the setting says', async () => {
    const { items } = await objectsOf(`/s3-bucket/${bucket}?limit=1`)
    const link = new URL(items[0]!.url)
    expect(link.searchParams.get('X-Amz-Expires')).toBe('3600')
    expect(link.searchParams.get('X-Amz-SignedHeaders')).toBe('host')
    expect(link.searchParams.get('X-Amz-Signature')).toMatch(/^[0-9a-f]{64}$/)
  })

  it('are listed page by page, each object once', async () => {
    const others = [await finished(`s3:${bucket}`), await finished(`s3:${bucket}`, { jobId: 'a/b 100% ü+#?', operations: 30 })]
    await installation.s3.putObject(bucket, 'private.txt', 'not a job’s')
    const seen: string[] = []
    let cursor = ''
    do {
      const page = await objectsOf(`/s3-bucket/${bucket}?limit=4${cursor}`)
      for (const { key, url } of page.items) {
        seen.push(key)
        expect((await fetch(url)).status).toBe(200)
      }
      cursor = page.next === null ? '' : `&cursor=${page.next}`
    } while (cursor !== '')
    expect(new Set(seen).size).toBe(seen.length)
    expect(seen).toHaveLength(9 + 9 + 5)
    expect(seen).not.toContain('private.txt')
    expect(seen.slice(0, 5).every((key) => key.startsWith('a%2Fb'))).toBe(true)
    expect(seen.slice(5, 14).every((key) => key.startsWith(others[0]!.jobId))).toBe(true)
  })

  it('are not shown of a bucket that no job has', async () => {
    const foreign = await installation.bucket('foreign')
    await installation.s3.putObject(foreign, 'private.txt', 'not a job’s')
    expect((await service.client.request('GET', `/s3-bucket/${foreign}`)).status).toBe(404)
  })
})

interface EventPage {
  readonly items: readonly { readonly headers: Readonly<Record<string, string>>; readonly value: EventValue }[]
  readonly next: string | null
}

async function eventsOf({ jobId }: PlannedJob, limit = 100): Promise<EventPage['items']> {
  const items: EventPage['items'][number][] = []
  let cursor = ''
  do {
    const path = `/ranoam/cm/v1/dataJob/${encodeURIComponent(jobId)}/results?limit=${limit}${cursor}`
    const { status, body } = await service.client.request('GET', path)
    expect(status).toBe(200)
    const page = body as EventPage
    expect(page.items.length).toBeLessThanOrEqual(limit)
    items.push(...page.items)
    cursor = page.next === null ? '' : `&cursor=${page.next}`
  } while (cursor !== '')
  return items
}

function reportedBy(events: EventPage['items']): readonly unknown[] {
  return events.slice(0, -1).flatMap(({ value }) => value.data.responses.map(({ operationId }) => operationId))
}

const idsOf = ({ operations }: PlannedJob): ReadonlySet<unknown> => new Set(operations.map(({ operationId }) => operationId))

describe('the results on a topic', () => {
  it.each([
    ['of the client’s', async () => `kafka:${(await installation.resultTopic('read-back')).topic}`],
    ['of the service’s own, without a destination', () => Promise.resolve(null)],
  ])('%s: every operation once, the completion event last, among the events of other jobs', async (_whose, destinationOf) => {
    const destination = await destinationOf()
    const jobs = await Promise.all(Array.from({ length: 6 }, () => finished(destination)))
    for (const job of jobs) {
      const events = await eventsOf(job, 3)
      const reported = reportedBy(events)
      expect([reported.length, new Set(reported)]).toEqual([100, idsOf(job)])
      expect(events.at(-1)?.headers['ce_type']).toMatch(/DataJobCompletionEvent$/)
      expect(new Set(events.map(({ headers }) => headers['ce_correlationid']))).toEqual(new Set([job.jobId]))
    }
  })

  it('can be read while they come in, to the job’s end', async () => {
    const job = planJob({ kind: 'READ', destination: null, services: ['slow'], operations: 60 })
    expect((await service.client.submit(bodyOf(job))).status).toBe(202)
    const events = await eventsOf(job)
    expect(reportedBy(events)).toHaveLength(60)
    expect(events.at(-1)?.headers['ce_type']).toMatch(/DataJobCompletionEvent$/)
  })

  it('are read without a consumer group', async () => {
    const job = await finished(null)
    // Other suites have groups of their own on the broker, which come and go.
    const own = installation.prefix.slice(0, -1)
    const groups = async (): Promise<readonly string[]> => {
      const all = await installation.withAdmin(async (admin) => (await admin.listGroups()).groups.map(({ groupId }) => groupId))
      return all.filter((groupId) => groupId.includes(own)).sort()
    }
    const before = await groups()
    expect(before).not.toEqual([])
    for (let times = 0; times < 5; times += 1) await eventsOf(job)
    expect(await groups()).toEqual(before)
  })

  it('are 410 once the topic is gone', async () => {
    const { topic } = await installation.resultTopic('gone')
    const job = await finished(`kafka:${topic}`, { operations: 10 })
    expect(reportedBy(await eventsOf(job))).toHaveLength(10)
    await installation.withAdmin((admin) => admin.deleteTopics({ topics: [topic] }))
    const path = `/ranoam/cm/v1/dataJob/${job.jobId}/results`
    await until('the topic is known to be gone', async () => (await service.client.request('GET', path)).status === 410)
  })
})

interface EventValue {
  readonly data: { readonly responses: readonly { readonly operationId: string | number }[] }
}
