import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { Registry } from 'prom-client'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { endedPhase, sampleJob } from '../../../../test/contract/read-model.ts'
import { exampleSubmission } from '../../../../test/fakes/domain-examples.ts'
import { brokerAway, RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import type { Job, Phase } from '../../../domain/job.ts'
import { ReadModelFailure } from '../../../read-model/port.ts'

const JOBS = '/ranoam/cm/v1/dataJob'

let fixture: RestFixture
let app: FastifyInstance

const get = (url: string): Promise<LightMyRequestResponse> => app.inject({
  url,
  headers: { host: 'jobs.example:8080' },
})
const put = (...jobs: readonly Job[]): Promise<void> =>
  fixture.readModel.apply({ changes: jobs.map((job) => ({ type: 'PutJob', version: 1, job })), positions: [] })

async function startOver(): Promise<() => Promise<void>> {
  fixture = new RestFixture()
  app = await fixture.build()
  return () => app.close()
}

describe('the status of a job', () => {
  beforeEach(startOver)

  it('holds the four links and all that is known', async () => {
    await put(
      sampleJob(
        {
          ...{ id: 'j', destination: 's3:my-bucket', priority: 5, labels: { team: 'north' }, deadlineAt: 1_763_785_140_000 },
          ...{ submittedBy: 'alice', message: 'dmi plugin service is not responding', createdAt: 1_763_785_140_250 },
          milestones: [{ what: 'ended', at: 2_500, outcome: 'failed' }, { what: 'retried', at: 2_600, outcome: null }],
          operations: { total: 10, succeeded: 7, failed: 3 },
          subjobs: { total: 4, succeeded: 2, partiallyFailed: 1, failed: 1, cancelled: 0 },
        },
        endedPhase('partiallyFailed'),
      ),
    )
    const answer = await get(`${JOBS}/j`)
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({
      jobId: 'j',
      status: 'PARTIALLY_FAILED',
      statusuri: `http://jobs.example:8080${JOBS}/j`,
      resultsuri: 'http://jobs.example:8080/s3-bucket/my-bucket',
      run: 1,
      kind: 'READ',
      destination: 's3:my-bucket',
      dialect: 'ncmp',
      tenant: 'default',
      dataaccepttype: 'application/json',
      datacontenttype: 'application/json',
      priority: 5,
      labels: { team: 'north' },
      counts: {
        operations: { total: 10, succeeded: 7, failed: 3 },
        subjobs: { total: 4, succeeded: 2, partiallyFailed: 1, failed: 1, cancelled: 0 },
      },
      createdAt: '2025-11-22T04:19:00.250Z',
      startedAt: '1970-01-01T00:00:02.000Z',
      finishedAt: '1970-01-01T00:00:03.000Z',
      deadline: '2025-11-22T04:19:00.000Z',
      milestones: [
        { what: 'ended', at: '1970-01-01T00:00:02.500Z', status: 'FAILED' },
        { what: 'retried', at: '1970-01-01T00:00:02.600Z', status: null },
      ],
      submittedBy: 'alice',
      message: 'dmi plugin service is not responding',
    })
    expect(answer.headers).not.toHaveProperty('datajob-records-behind')
  })

  it.each<[string, Phase]>([
    ['NOT_STARTED', { state: 'accepted' }],
    ['RUNNING', { state: 'running', startedAt: 5 }],
    ['RUNNING', { state: 'concluding', startedAt: 5, outcome: 'failed' }],
    ['FINISHED', endedPhase('succeeded')],
    ['PARTIALLY_FAILED', endedPhase('partiallyFailed')],
    ['FAILED', endedPhase('failed')],
  ])('is %s in that phase', async (status, phase) => {
    await put(sampleJob({ id: 'j' }, phase))
    expect((await get(`${JOBS}/j`)).json()).toMatchObject({ status })
  })

  it('is NOT_STARTED as soon as the job was answered with 202', async () => {
    const payload = JSON.stringify({ jobId: 'j', data: [{ op: 'read', path: '/a' }] })
    await app.inject({ method: 'POST', url: JOBS, payload, headers: { 'content-type': 'application/json' } })
    expect((await get(`${JOBS}/j`)).json()).toMatchObject({
      status: 'NOT_STARTED',
      counts: { operations: { total: 1 } },
    })
  })

  it('is 404 only when all that was written before was read', async () => {
    const answer = await get(`${JOBS}/nobody`)
    expect(answer.statusCode).toBe(404)
    expect(answer.json()).toEqual({ status: '404 NOT_FOUND', message: 'There is no job "nobody"', details: '' })
  })

  it('is waited for when it was written and is not read yet', async () => {
    fixture.pauseReading()
    await fixture.writeCommand(exampleSubmission({ jobId: 'job-1' }))
    app = await fixture.build({
      metrics: new Registry(),
      progress: {
        ...fixture.progress,
        waitForJob: async () => {
          await fixture.resumeReading()
          return true
        },
      },
    })
    expect((await get(`${JOBS}/job-1`)).json()).toMatchObject({ jobId: 'job-1', status: 'NOT_STARTED' })
  })

  it('is 503, not 404, while it may be written and can’t be read in time', async () => {
    fixture.pauseReading()
    const answer = await get(`${JOBS}/job-1`)
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('2')
    expect(answer.json()).toEqual({
      status: '503 SERVICE_UNAVAILABLE',
      message: 'Whether there is a job "job-1" is not known within 2000 ms',
      details: 'What was written to Kafka is still being read here. Ask again.',
    })
  })

  it('is 503, not 404, with Kafka away, at the latest when the time is up', async () => {
    fixture.outage = brokerAway
    expect((await get(`${JOBS}/job-1`)).statusCode).toBe(503)
    fixture.outage = 'silence'
    const asking = get(`${JOBS}/job-1`)
    await expect.poll(() => fixture.time.pending).toBe(1)
    fixture.time.pass(2_000)
    const answer = await asking
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('2')
  })

  it('is 404 without a question to Kafka under what can be no id', async () => {
    fixture.outage = brokerAway
    expect((await get(`${JOBS}/${'a'.repeat(300)}`)).statusCode).toBe(404)
    expect((await get(`${JOBS}/a%00b`)).statusCode).toBe(404)
  })

  it('is 503 when the read model fails', async () => {
    fixture.readModel.job = () => Promise.reject(new ReadModelFailure('disk full', { disposition: 'restart' }))
    const answer = await get(`${JOBS}/j`)
    expect(answer.statusCode).toBe(503)
    expect(answer.json()).toMatchObject({ message: 'The status of jobs cannot be read now' })
    expect(answer.body).not.toContain('disk')
  })

  it('says how far it is behind, when it is', async () => {
    await put(sampleJob({ id: 'j' }))
    fixture.lag = 17
    expect((await get(`${JOBS}/j`)).headers['datajob-records-behind']).toBe('17')
    fixture.lag = 0
    expect((await get(`${JOBS}/j`)).headers['datajob-records-behind']).toBe('17')
    fixture.time.pass(2_000)
    expect((await get(`${JOBS}/j`)).headers).not.toHaveProperty('datajob-records-behind')
    expect(fixture.asked.lag).toBe(2)
  })

  it('is answered with Kafka away, and says that it may be behind', async () => {
    await put(sampleJob({ id: 'j' }))
    fixture.outage = brokerAway
    const answer = await get(`${JOBS}/j`)
    expect([answer.statusCode, answer.headers['datajob-records-behind']]).toEqual([200, 'unknown'])
  })

  it('waits for Kafka no longer than a moment', async () => {
    await put(sampleJob({ id: 'j' }))
    fixture.outage = 'silence'
    const asking = get(`${JOBS}/j`)
    await expect.poll(() => fixture.time.pending).toBe(1)
    fixture.time.pass(200)
    const answer = await asking
    expect([answer.statusCode, answer.headers['datajob-records-behind']]).toEqual([200, 'unknown'])
  })
})

interface Page {
  readonly items: readonly { readonly jobId: string; readonly status: string }[]
  readonly next: string | null
}

describe('the list of jobs', () => {
  beforeEach(startOver)

  const list = async (query = ''): Promise<readonly string[]> => {
    const answer = await get(`${JOBS}${query}`)
    expect(answer.statusCode).toBe(200)
    return answer.json<Page>().items.map(({ jobId }) => jobId)
  }

  it('shows each as its status does', async () => {
    await put(sampleJob({ id: 'j' }, endedPhase('failed')))
    const { items } = (await get(JOBS)).json<Page>()
    expect(items).toEqual([(await get(`${JOBS}/j`)).json()])
  })

  it('is empty where there are none', async () => {
    expect((await get(JOBS)).json()).toEqual({ items: [], next: null })
  })

  it('is narrowed by each filter', async () => {
    await put(
      sampleJob({ id: 'a', createdAt: 1_000, destination: 'kafka:my-results' }, endedPhase('succeeded')),
      sampleJob({ id: 'b', createdAt: 2_000, destination: 's3:my-bucket' }, { state: 'running', startedAt: 1 }),
      sampleJob({
        id: 'c',
        createdAt: 3_000,
        destination: '',
      }, { state: 'concluding', startedAt: 1, outcome: 'failed' }),
      sampleJob({ id: 'elsewhere', tenant: 'south', dialect: 'ogc', createdAt: 4_000 }, { state: 'accepted' }),
    )
    expect(await list()).toEqual(['elsewhere', 'c', 'b', 'a'])
    expect(await list('?tenant=default')).toEqual(['c', 'b', 'a'])
    expect([await list('?dialect=ogc'), await list('?dialect=ncmp&tenant=south')]).toEqual([['elsewhere'], []])
    expect(await list('?status=RUNNING')).toEqual(['c', 'b'])
    expect(await list('?status=FINISHED&status=FAILED')).toEqual(['a'])
    expect(await list('?destination=my-results')).toEqual(['a'])
    expect(await list('?destination=s3:my-bucket')).toEqual(['b'])
    expect(await list('?createdAfter=1970-01-01T00:00:02Z')).toEqual(['elsewhere', 'c', 'b'])
    expect(await list('?createdBefore=1970-01-01T01:00:02%2B01:00')).toEqual(['a'])
    expect(await list('?status=RUNNING&createdAfter=1970-01-01T00:00:03Z')).toEqual(['c'])
  })

  it('finds a destination by its bare name and with its scheme, and jobs by every status', async () => {
    const cancelling: Phase = { state: 'cancelling', startedAt: 5 }
    await put(
      sampleJob({ id: 'a', number: 1, destination: 'kafka:my-results' }, cancelling),
      sampleJob({ id: 'b', number: 2, destination: 's3:my-results' }, endedPhase('cancelled')),
      sampleJob({ id: 'c', number: 3, destination: '' }, endedPhase('partiallyFailed')),
    )
    expect([await list('?destination=my-results'), await list('?destination=kafka:my-results')]).toEqual([['a'], ['a']])
    expect([await list('?destination=s3%3Amy-results'), await list('?destination=another')]).toEqual([['b'], []])
    expect([await list('?status=CANCELLING'), await list('?status=CANCELLED')]).toEqual([['a'], ['b']])
    expect(await list('?status=CANCELLED&status=PARTIALLY_FAILED&status=CANCELLED')).toEqual(['c', 'b'])
    expect(await list('?status=CANCELLED&destination=my-results')).toEqual([])
  })

  it('pages through the jobs of a filter although others come in, and change, meanwhile', async () => {
    const jobAt = (n: number, outcome: 'failed' | 'succeeded'): Job =>
      sampleJob({ id: `j${n}`, number: n, createdAt: 1_000 + Math.floor(n / 3) }, endedPhase(outcome))
    await put(...Array.from({ length: 40 }, (_, n) => jobAt(n, n % 2 === 0 ? 'failed' : 'succeeded')))
    const seen: string[] = []
    let cursor: string | null = ''
    let came = 100
    while (cursor !== null) {
      const page: Page = (await get(`${JOBS}?status=FAILED&limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`)).json()
      seen.push(...page.items.map(({ jobId }) => jobId))
      cursor = page.next
      // One that was shown already, one that comes in, and one that still is to be shown, and stays.
      await put(jobAt(38, 'succeeded'), jobAt((came += 2), 'failed'), jobAt(0, 'failed'))
    }
    expect(seen).toEqual(Array.from({ length: 20 }, (_, n) => `j${38 - 2 * n}`))
  })

  it('pages through every job once although others come in meanwhile', async () => {
    await put(...Array.from({ length: 25 }, (_, n) => sampleJob({ id: `j${n}`, number: n, createdAt: 1_000 + n })))
    const seen: string[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page: Page = (await get(`${JOBS}?limit=10${cursor === '' ? '' : `&cursor=${cursor}`}`)).json()
      seen.push(...page.items.map(({ jobId }) => jobId))
      cursor = page.next
      await put(sampleJob({ id: `new${seen.length}`, number: 100 + seen.length, createdAt: 9_000 }))
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, n) => `j${24 - n}`))
  })

  it('shows a hundred where no limit is given', async () => {
    await put(...Array.from({ length: 101 }, (_, n) => sampleJob({ id: `j${n}`, number: n })))
    expect(await list()).toHaveLength(100)
  })

  it('says how far it is behind, when it is', async () => {
    fixture.lag = 3
    expect((await get(JOBS)).headers['datajob-records-behind']).toBe('3')
  })
})

describe('whatever is in the path or the query', () => {
  beforeAll(startOver)

  it.each(['a/b', 'a%2Fb', '100%', 'ä ö?#&', '"<script>"', '../x', 'x'.repeat(256), '%'.repeat(256), '😀'.repeat(128)])(
    'a job is found at the statusuri of "%s"',
    async (id) => {
      const payload = JSON.stringify({ jobId: id, data: [{ op: 'read', path: '/a' }] })
      const accepted = await app.inject({
        method: 'POST',
        url: JOBS,
        payload,
        headers: { 'content-type': 'application/json' },
      })
      const { pathname } = new URL(accepted.json<{ statusuri: string }>().statusuri)
      const answer = await get(pathname)
      expect(answer.statusCode).toBe(200)
      expect(answer.json()).toMatchObject({ jobId: id })
    },
  )

  it.each([
    ['?createdAfter=yesterday', 'query createdAfter: "yesterday" is not an instant'],
    ['?createdBefore=2025-11-22', 'query createdBefore: "2025-11-22" is not an instant'],
    ['?cursor=nonsense', 'query cursor: "nonsense" is not a cursor'],
    ['?cursor=', 'query cursor: "" is not a cursor'],
    ['?destination=a%20b', 'destination "a b" is not a topic name: 1 to 249 of a-z, A-Z, 0-9, ".", "_" and "-"'],
    ['?limit=0', 'query limit must be >= 1'],
    ['?kind=READ', 'Unknown query parameter: "kind"'],
    ['?labels=a', 'Unknown query parameter: "labels"'],
    ['?limit=1001', 'query limit must be <= 1000'],
    ['?limit=ten', 'query limit must be integer'],
    ['?status=DONE', 'query status.0 must be equal to one of the allowed values'],
  ])('a list with %s is refused', async (query, message) => {
    const answer = await get(`${JOBS}${query}`)
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toMatchObject({ status: '400 BAD_REQUEST', message })
  })
})
