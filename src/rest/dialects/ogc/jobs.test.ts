import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { endedPhase, sampleJob } from '../../../../test/contract/read-model.ts'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import type { Job, Phase } from '../../../domain/job.ts'
import type { SubjobNews, SubjobsPlanned } from '../../../domain/messages.ts'
import type { RowChange } from '../../../read-model/port.ts'

let fixture: RestFixture
let app: FastifyInstance

const ask = (method: 'GET' | 'DELETE', url: string): Promise<LightMyRequestResponse> =>
  app.inject({ method, url, headers: { host: 'jobs.example' } })
const ogcJob = (changes: Partial<Omit<Job, 'state'>> = {}, phase?: Phase): Job =>
  sampleJob({ id: 'j', tenant: 'east', dialect: 'ogc', dialectData: '{"processID":"echo"}', ...changes }, phase)
let version = 0
const put = (job: Job): Promise<void> => fixture.change(job, (version += 1))
const running: Phase = { state: 'running', startedAt: 2_000 }

beforeEach(async () => {
  fixture = new RestFixture()
  app = await fixture.build()
  return () => app.close()
})

describe('the status of a job', () => {
  it('holds all that is known, with the link of its base', async () => {
    await put(ogcJob({ operations: { total: 3, succeeded: 1, failed: 0 } }, running))
    const known = {
      ...{ processID: 'echo', type: 'process', jobID: 'j', status: 'running', message: 'running', progress: 33 },
      ...{ created: '1970-01-01T00:00:01.000Z', started: '1970-01-01T00:00:02.000Z', updated: '1970-01-01T00:00:02.000Z' },
    }
    const link = { title: 'Status location', rel: 'status', type: 'application/json' }
    const [standard, seed] = [await ask('GET', '/east/ogc-api/jobs/j'), await ask('GET', '/east/wps3/jobs/j')]
    expect([standard.statusCode, seed.statusCode]).toEqual([200, 200])
    expect(standard.json()).toEqual({ ...known, links: [{ ...link, href: 'http://jobs.example/east/ogc-api/jobs/j' }] })
    expect(seed.json()).toEqual({ ...known, links: [{ ...link, href: '/east/wps3/jobs/j' }] })
  })

  it.each<[Phase, object]>([
    [{ state: 'accepted' }, { status: 'accepted', progress: 0 }],
    [{ state: 'cancelling', startedAt: null }, { status: 'dismissed', progress: 0 }],
    [{ state: 'concluding', startedAt: 2_000, outcome: 'succeeded' }, { status: 'running' }],
    [endedPhase('succeeded'), { status: 'successful', progress: 100, finished: '1970-01-01T00:00:03.000Z' }],
    [endedPhase('partiallyFailed'), { status: 'failed', progress: 100 }],
    [endedPhase('failed'), { status: 'failed', progress: 100 }],
    [endedPhase('cancelled'), { status: 'dismissed', progress: 100 }],
  ])('of %j is in the standard’s words', async (phase, said) => {
    await put(ogcJob({}, phase))
    expect((await ask('GET', '/east/ogc-api/jobs/j')).json()).toMatchObject(said)
  })

  it('counts what its producers say of operations that they work on, in lists, too', async () => {
    const event = (type: 'SubjobsPlanned' | 'SubjobStarted' | 'SubjobReported', facts: object): RowChange => {
      const message = { type, jobId: 'j', index: 0, run: 1, attempt: 1, at: 3_000, ...facts } as SubjobNews | SubjobsPlanned
      if (message.type === 'SubjobsPlanned') return { type: 'PlanSubjobs', event: message, at: 1 }
      return { type: 'FoldSubjobEvent', event: message, at: 1 }
    }
    const plan = { index: 0, run: 1, service: 's', dataProducerId: 'p', operations: 2, parents: [] }
    await put(ogcJob({ operations: { total: 4, succeeded: 1, failed: 0 } }, running))
    const changes = [event('SubjobsPlanned', { subjobs: [plan] }), event('SubjobStarted', { worker: 'w', dataProducerJobId: 'd' })]
    await fixture.readModel.apply({ changes: [...changes, event('SubjobReported', { progress: 30, message: 'tile 3' })], positions: [] })
    const said = { progress: 40, message: 'tile 3' }
    expect((await ask('GET', '/east/ogc-api/jobs/j')).json()).toMatchObject(said)
    expect((await ask('GET', '/east/wps3/jobs')).json()).toMatchObject({ jobs: [said] })
    await put(ogcJob({ operations: { total: 4, succeeded: 1, failed: 0 } }, { state: 'concluding', startedAt: 1, outcome: 'failed' }))
    expect((await ask('GET', '/east/ogc-api/jobs/j')).json()).toMatchObject({ progress: 25, message: 'running' })
  })

  it('says why a job failed', async () => {
    await put(ogcJob({ message: 'no scene' }, endedPhase('failed')))
    expect((await ask('GET', '/east/ogc-api/jobs/j')).json()).toMatchObject({ message: 'no scene' })
  })

  it.each(['null', '{', '[]', '{"processID":5}'])('has an empty process where the job’s own data, %s, names none', async (dialectData) => {
    await put(ogcJob({ dialectData }))
    expect((await ask('GET', '/east/ogc-api/jobs/j')).json()).toMatchObject({ processID: '' })
  })
})

describe('a job of another workspace or dialect', () => {
  it.each([{ tenant: 'west' }, { dialect: 'ncmp' }, { id: 'other' }])('(%j) can neither be seen nor stopped', async (changes) => {
    await put(ogcJob(changes))
    for (const method of ['GET', 'DELETE'] as const) {
      const answer = await ask(method, '/east/ogc-api/jobs/j')
      expect(answer.statusCode).toBe(404)
      expect(answer.json()).toMatchObject({ type: 'http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/no-such-job' })
    }
    expect(fixture.written).toEqual([])
  })
})

describe('a job that is dismissed', () => {
  it('is so in the answer and after it, and its coordinator is told once', async () => {
    await put(ogcJob({}, running))
    const answer = await ask('DELETE', '/east/ogc-api/jobs/j')
    expect([answer.statusCode, answer.json()]).toEqual([200, expect.objectContaining({ jobID: 'j', status: 'dismissed' })])
    expect((await ask('GET', '/east/ogc-api/jobs/j')).json()).toMatchObject({ status: 'dismissed' })
    expect((await ask('DELETE', '/east/ogc-api/jobs/j')).statusCode).toBe(200)
    expect(fixture.written).toMatchObject([{ topic: 'commands', key: 'j' }])
  })

  it.each(['succeeded', 'failed'] as const)('though it has %s is gone once the answer is there', async (outcome) => {
    await put(ogcJob({}, endedPhase(outcome)))
    const pending = ask('DELETE', '/east/ogc-api/jobs/j')
    await expect.poll(() => fixture.written.length).toBe(1)
    expect(JSON.parse(fixture.written[0]?.value?.toString() ?? '')).toEqual({ type: 'ForgetJob', jobId: 'j', requestedBy: null })
    await fixture.forget('j')
    const answer = await pending
    expect(answer.json()).toMatchObject({ jobID: 'j', status: 'dismissed', message: 'dismissed', links: [{ rel: 'status' }] })
    expect((await ask('DELETE', '/east/ogc-api/jobs/j')).statusCode).toBe(404)
  })

  it('while its last word is being written is gone once it has ended', async () => {
    await put(ogcJob({}, { state: 'concluding', startedAt: 1, outcome: 'succeeded' }))
    const pending = ask('DELETE', '/east/ogc-api/jobs/j')
    await expect.poll(() => fixture.listeners).toBe(1)
    await fixture.change(ogcJob({}, endedPhase('succeeded')), 2)
    await expect.poll(() => fixture.written.length).toBe(1)
    await fixture.forget('j')
    expect((await pending).statusCode).toBe(200)
  })
})
