import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { endedPhase, sampleEnd, sampleJob, sampleReport, sampleStart } from '../../../../test/contract/read-model.ts'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import type { Phase } from '../../../domain/job.ts'
import type { PlannedSubjob, SubjobNews } from '../../../domain/messages.ts'
import type { NcmpSubjob } from './subjob-schemas.ts'

interface Page {
  readonly items: readonly NcmpSubjob[]
  readonly next: string | null
}

const RUNNING: Phase = { state: 'running', startedAt: 1_000 }
const NORTH = { run: 1, service: 'north', dataProducerId: 'ems-1', operations: 4, parents: [], retryAt: null }

let fixture: RestFixture
let app: FastifyInstance

const get = (query = '', jobId = 'job-1'): Promise<LightMyRequestResponse> =>
  app.inject({ url: `/ranoam/cm/v1/dataJob/${jobId}/subjobs${query}` })

async function subjobs(query = ''): Promise<Page['items']> {
  const answer = await get(query)
  expect(answer.statusCode).toBe(200)
  return answer.json<Page>().items
}

const waits = async (): Promise<readonly (string | null)[]> => (await subjobs()).map(({ waitingFor }) => waitingFor)

const plan = (...planned: readonly Partial<PlannedSubjob>[]): Promise<void> =>
  fixture.readModel.apply({
    changes: [
      {
        ...{ type: 'PlanSubjobs', at: 1_000 },
        event: {
          ...{ type: 'SubjobsPlanned', jobId: 'job-1', at: 1_000 },
          subjobs: planned.map((each, index) => ({ ...NORTH, index, ...each })),
        },
      },
    ],
    positions: [],
  })

const report = (...events: readonly SubjobNews[]): Promise<void> =>
  fixture.readModel.apply({ changes: events.map((event) => ({ type: 'FoldSubjobEvent', event, at: 2_000 })), positions: [] })

const failed = (retryAt: number | null): SubjobNews => ({
  ...{ type: 'SubjobAttemptFailed', jobId: 'job-1', index: 0, run: 1, retryAt },
  attempt: { number: 1, worker: 'w1', startedAt: 2_001, endedAt: 2_500, outcome: 'failed', code: 102, message: 'north answered 503' },
})

beforeEach(async () => {
  fixture = new RestFixture()
  app = await fixture.build()
  await fixture.change(sampleJob({}, RUNNING), 1)
  return () => app.close()
})

describe('the subjobs of a job', () => {
  it('are none before the job was split', async () => {
    expect((await get()).json()).toEqual({ items: [], next: null })
  })

  it('tell all that is known of one that has ended', async () => {
    await plan({})
    await report(sampleStart(0), sampleEnd(0))
    expect(await subjobs()).toEqual([
      {
        subjobId: 'job-1/0',
        dmiServiceName: 'north',
        dataProducerId: 'ems-1',
        status: 'PARTIALLY_FAILED',
        operations: { total: 4, succeeded: 3, failed: 1 },
        parents: [],
        waitingFor: null,
        progress: null,
        nextAttemptAt: null,
        attempts: [
          {
            ...{ number: 1, run: 1, worker: 'w1', status: 'PARTIALLY_FAILED', code: null, message: 'no' },
            ...{ startedAt: '1970-01-01T00:00:02.001Z', finishedAt: '1970-01-01T00:00:02.900Z' },
          },
        ],
        message: 'no',
        createdAt: '1970-01-01T00:00:01.000Z',
        startedAt: '1970-01-01T00:00:02.001Z',
        finishedAt: '1970-01-01T00:00:02.900Z',
      },
    ])
  })

  it('are there from the split on, and say for what they wait', async () => {
    await plan({}, { service: '', dataProducerId: '' }, { dataProducerId: '' }, {})
    await report(sampleStart(3))
    expect(await waits()).toEqual([
      'its turn at data producer "ems-1" behind DMI service "north"',
      'its operations to be reported: no producer is asked',
      'its turn at DMI service "north"',
      'data producer "ems-1" behind DMI service "north" to finish, and its results to be published',
    ])
    const [planned, , , started] = await subjobs()
    expect(planned).toMatchObject({ status: 'NOT_STARTED', attempts: [], startedAt: null, finishedAt: null })
    const attempt = { number: 1, run: 1, worker: 'w1', status: 'RUNNING', finishedAt: null, code: null, message: null }
    expect(started).toMatchObject({ status: 'RUNNING', attempts: [attempt], startedAt: '1970-01-01T00:00:02.001Z' })
  })

  it('say how far their producers are, while these are at work', async () => {
    await plan({}, {})
    await report(sampleStart(0), sampleReport(0, 40), sampleStart(1), { ...sampleReport(1, 5), message: null })
    const start = 'data producer "ems-1" behind DMI service "north" to finish, and its results to be published'
    expect(await subjobs()).toMatchObject([
      { progress: 40, waitingFor: `${start}; it says that it has done 40 %: tile 40` },
      { progress: 5, waitingFor: `${start}; it says that it has done 5 %` },
    ])
    await report(failed(null), sampleEnd(1))
    expect((await subjobs()).map(({ progress }) => progress)).toEqual([null, null])
  })

  it('name those that they depend on and that have not ended', async () => {
    await plan({}, {}, { parents: [0, 1] }, { parents: [0, 2] })
    expect((await waits()).slice(2)).toEqual([
      '2 of the 2 subjobs that it depends on: job-1/0, job-1/1',
      '2 of the 2 subjobs that it depends on: job-1/0, job-1/2',
    ])
    await report(sampleEnd(0))
    expect((await waits()).slice(2)).toEqual([
      '1 of the 2 subjobs that it depends on: job-1/1',
      '1 of the 2 subjobs that it depends on: job-1/2',
    ])
    await report(sampleEnd(1))
    expect((await waits())[2]).toBe('its turn at data producer "ems-1" behind DMI service "north"')
    expect((await subjobs('?status=NOT_STARTED')).map(({ parents }) => parents)).toEqual([
      ['job-1/0', 'job-1/1'],
      ['job-1/0', 'job-1/2'],
    ])
  })

  it('name a few of many, and how many more there are', async () => {
    await plan(...Array.from({ length: 9 }, () => ({})), { parents: [0, 1, 2, 3, 4, 5, 6, 7, 8] })
    const named = 'job-1/0, job-1/1, job-1/2, job-1/3, job-1/4'
    expect((await waits())[9]).toBe(`9 of the 9 subjobs that it depends on: ${named}, and 4 more`)
  })

  it('say when the next attempt is, and why the last one failed', async () => {
    await plan({})
    const retryAt = fixture.time.now() + 5_000
    await report(sampleStart(0), failed(retryAt))
    const at = new Date(retryAt).toISOString()
    const message = 'north answered 503'
    expect(await subjobs()).toMatchObject([
      { status: 'RUNNING', waitingFor: `its next attempt at ${at}; attempt 1 failed: ${message}`, nextAttemptAt: at, message },
    ])
    fixture.time.pass(5_000)
    expect(await subjobs()).toMatchObject([
      {
        waitingFor: `its turn at data producer "ems-1" behind DMI service "north" for the next attempt; attempt 1 failed: ${message}`,
        nextAttemptAt: null,
      },
    ])
  })

  it('that are given up wait for their failure to be reported', async () => {
    await plan({})
    await report(failed(null))
    expect(await waits()).toEqual(['its failure to be reported; attempt 1 failed: north answered 503'])
  })

  it('that a cancelled job has not begun are not begun any more', async () => {
    await plan({}, { parents: [0] })
    await fixture.change(sampleJob({}, { state: 'cancelling', startedAt: 1_000 }), 2)
    expect(await waits()).toEqual(Array.from({ length: 2 }, () => 'the job to be cancelled: it is not begun any more'))
  })

  it('keep the attempts of the run before when what failed is tried again', async () => {
    await plan({})
    await report(failed(99), sampleEnd(0))
    await plan({ run: 2, operations: 1 })
    const attempts = [{ run: 1, number: 1 }]
    expect(await subjobs()).toMatchObject([{ status: 'NOT_STARTED', operations: { total: 1, succeeded: 0, failed: 0 }, attempts }])
    await report({ ...sampleStart(0), run: 2 })
    expect(await subjobs()).toMatchObject([{ status: 'RUNNING', attempts: [...attempts, { run: 2, number: 1, status: 'RUNNING' }] }])
  })

  it('are paged and narrowed by status', async () => {
    await plan(...Array.from({ length: 7 }, () => ({})))
    await report(sampleStart(1), sampleEnd(2), sampleStart(5))
    await fixture.change(sampleJob({}, endedPhase('failed')), 2)
    const pages: (readonly string[])[] = []
    let cursor: string | null = ''
    while (cursor !== null) {
      const page: Page = (await get(`?limit=3${cursor === '' ? '' : `&cursor=${cursor}`}`)).json()
      pages.push(page.items.map(({ subjobId }) => subjobId))
      cursor = page.next
    }
    expect(pages).toEqual([['job-1/0', 'job-1/1', 'job-1/2'], ['job-1/3', 'job-1/4', 'job-1/5'], ['job-1/6']])
    const of = async (query: string): Promise<readonly string[]> => (await subjobs(query)).map(({ subjobId }) => subjobId)
    expect(await of('?status=RUNNING')).toEqual(['job-1/1', 'job-1/5'])
    expect(await of('?status=RUNNING&status=PARTIALLY_FAILED&limit=2')).toEqual(['job-1/1', 'job-1/2'])
    expect(await of('?status=CANCELLED')).toEqual([])
  })

  it('say how far they are behind, when they are', async () => {
    fixture.lag = 3
    expect((await get()).headers['datajob-records-behind']).toBe('3')
  })

  it('are refused where the question can’t be understood', async () => {
    for (const query of ['?cursor=', '?cursor=nonsense', '?limit=0', '?limit=1001', '?status=DONE', '?status=CANCELLING', '?sort=1']) {
      expect(`${query} ${(await get(query)).statusCode}`).toBe(`${query} 400`)
    }
    expect((await get('', 'nobody')).statusCode).toBe(404)
  })
})
