import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { endedPhase, sampleJob } from '../../../../test/contract/read-model.ts'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import type { Job, Phase } from '../../../domain/job.ts'

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

  it('says why a job failed', async () => {
    await put(ogcJob({ message: 'no scene' }, endedPhase('failed')))
    expect((await ask('GET', '/east/ogc-api/jobs/j')).json()).toMatchObject({ message: 'no scene' })
  })

  it.each(['null', '{', '[]', '{"processID":5}'])('names no process where the job’s own data, %s, names none', async (dialectData) => {
    await put(ogcJob({ dialectData }))
    expect((await ask('GET', '/east/ogc-api/jobs/j')).json()).not.toHaveProperty('processID')
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

  it('is not one that has ended otherwise', async () => {
    await put(ogcJob({}, endedPhase('succeeded')))
    const answer = await ask('DELETE', '/east/ogc-api/jobs/j')
    expect([answer.statusCode, answer.json<{ status: number }>().status]).toEqual([409, 409])
  })
})
