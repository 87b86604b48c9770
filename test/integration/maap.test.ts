/** MAAP's DPS on real servers: commands of an exec producer step by step, their files, callbacks, cancels and a kill in the middle. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JobEntry, StepResults } from '../../src/rest/dialects/maap/schemas.ts'
import { CallbackReceiver } from '../harness/callback-receiver.ts'
import { longTime, processesWith, shortGrace } from '../harness/exec-producer.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { until } from '../harness/until.ts'

const SECRET = 'a-secret-of-the-installation-long-enough'
const PROGRAMS = { sh: { path: '/bin/sh', shell: true } }

let receiver: CallbackReceiver
let installation: Installation
let service: Service
let bucket: string

beforeAll(async () => {
  receiver = await CallbackReceiver.open(SECRET)
  installation = await Installation.open('maap', givenStack(), {
    ...{ DATAJOB_CALLBACK_ALLOWED_ADDRESSES: '127.0.0.1', DATAJOB_CALLBACK_SECRET: SECRET },
    ...{ DATAJOB_CALLBACK_DELAY_MIN_MS: '50', DATAJOB_CALLBACK_DELAY_MAX_MS: '500' },
  })
  service = await installation.service('service')
  bucket = await installation.bucket('made')
  await service.client.ready()
  await installation.network(service.client, 'north')
  const producer = await installation.execProducer('exec', { ...shortGrace, programs: PROGRAMS, bucket })
  await service.client.registerService('exec', producer.url)
})

afterAll(async () => {
  await installation.close()
  await receiver.close()
})

interface Answer<T> {
  readonly status: number
  readonly body: T
}

async function call<T>(method: string, path: string, body?: object): Promise<Answer<T>> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const answer = await fetch(`${service.client.url}/api/v1/${path}`, { method, ...sent })
  const text = await answer.text()
  return { status: answer.status, body: (text === '' ? null : JSON.parse(text)) as T }
}

/** An entry of a new job that runs the script on those granules. */
async function entryOf(script: string, granules: readonly string[] = []): Promise<string> {
  const algorithm = await call<{ algorithm_id: string }>('POST', 'algorithms', {
    ...{ algorithm_name: 'script', algorithm_uri: `exec:sh '${script}'`, algorithm_version: '1' },
  })
  expect(algorithm.status, JSON.stringify(algorithm.body)).toBe(200)
  return entryOfAlgorithm(algorithm.body.algorithm_id, granules)
}

async function entryOfAlgorithm(algorithm_id: string, granules: readonly string[] = []): Promise<string> {
  const data_collection = granules.map((granule_id) => ({ granule_id, description: `scene ${granule_id}` }))
  const job = await call<{ job_id: string }>('POST', 'jobs', { job_name: 'test', algorithm_id, data_collection, description: 'a test' })
  expect(job.status, JSON.stringify(job.body)).toBe(200)
  const { status, body } = await call<{ entry_id: string }>('POST', `jobs/${job.body.job_id}/submit`)
  expect(status, JSON.stringify(body)).toBe(200)
  return body.entry_id
}

async function shown(entryId: string): Promise<JobEntry> {
  return (await call<JobEntry>('GET', `jobentries/${entryId}`)).body
}

async function run(entryId: string, callbackUri = ''): Promise<void> {
  expect(await call('POST', `jobentries/${entryId}/run`, { callback_uri: callbackUri })).toEqual({ status: 204, body: null })
}

async function ended(entryId: string, status: string): Promise<JobEntry> {
  await expect.poll(async () => (await shown(entryId)).status).toBe(status)
  return shown(entryId)
}

const path = (): string => `/${randomUUID()}`
const pendingSteps = (names: readonly string[]): object[] => {
  return names.map((name, index) => ({ index, description: `scene ${name}`, status: 'PENDING', messages: [], files: [] }))
}

describe('an entry', () => {
  it('waits until it is run, and then runs each granule, whose files are in the bucket', async () => {
    const entryId = await entryOf('echo "$GRANULE_ID" > made.txt; echo "$STEP_INDEX $GRANULE_DESCRIPTION"', ['G1', 'G2'])
    const { job_id: _, ...before } = await shown(entryId)
    const facts = { entry_id: entryId, job_name: 'test', user_id: '', callback_uri: '' }
    expect(before).toEqual({ ...facts, status: 'PENDING', steps: pendingSteps(['G1', 'G2']) })
    await run(entryId)
    expect((await call('POST', `jobentries/${entryId}/run`, { callback_uri: '' })).status).toBe(409)
    const { steps } = await ended(entryId, 'SUCCESS')
    expect(steps.map(({ status, messages }) => [status, messages])).toEqual([['SUCCESS', []], ['SUCCESS', []]])
    for (const [index, step] of steps.entries()) {
      expect(step.files.map(({ description }) => description)).toEqual(['made.txt', 'stdout'])
      expect(step.files[0]?.file_uri).toMatch(new RegExp(`^s3://${bucket}/.*/made\\.txt$`))
      expect(Date.parse(step.time_started ?? '')).toBeLessThanOrEqual(Date.parse(step.time_ended ?? ''))
      expect((await call<StepResults>('GET', `jobentries/${entryId}/steps/${index}`)).body).toEqual(step)
    }
    expect((await call<JobEntry[]>('GET', 'jobentries?limit=1')).body).toEqual([await shown(entryId)])
  })

  it('without granules has one step', async () => {
    const entryId = await entryOf('test -z "$GRANULE_ID"')
    await run(entryId)
    expect((await ended(entryId, 'SUCCESS')).steps).toMatchObject([{ index: 0, description: 'a test', status: 'SUCCESS', files: [] }])
  })

  it('whose steps fail says why', async () => {
    const entryId = await entryOf('test "$GRANULE_ID" = good', ['good', 'bad'])
    await run(entryId)
    const { steps } = await ended(entryId, 'ERROR')
    expect(steps).toMatchObject([{ status: 'SUCCESS' }, { status: 'ERROR', messages: [{ level: 'ERROR', text: 'exited with 1' }] }])
  })

  it('is run step by step, each once', async () => {
    const entryId = await entryOf('true', ['one', 'two'])
    expect((await call('POST', `jobentries/${entryId}/steps/1/run`, { callback_uri: '' })).status).toBe(204)
    expect((await call('POST', `jobentries/${entryId}/steps/1/run`, {})).status).toBe(409)
    const states = async (): Promise<readonly string[]> => (await shown(entryId)).steps.map(({ status }) => status)
    await expect.poll(states).toEqual(['PENDING', 'SUCCESS'])
    expect((await shown(entryId)).status).toBe('RUNNING')
    expect((await call('POST', `jobentries/${entryId}/steps/0/run`, {})).status).toBe(204)
    await ended(entryId, 'SUCCESS')
    expect((await call('POST', `jobentries/${entryId}/cancel`)).status).toBe(409)
  })

  it('is cancelled before it is run, and while it runs, with all that its commands have started', async () => {
    const early = await entryOf('true', ['G1'])
    expect((await call('POST', `jobentries/${early}/cancel`)).status).toBe(204)
    expect((await ended(early, 'CANCELED')).steps).toMatchObject([{ status: 'CANCELED' }])
    expect((await call('POST', `jobentries/${early}/run`, {})).status).toBe(409)
    const time = longTime()
    const late = await entryOf(`sleep ${time} & sleep ${time}`, ['G1'])
    await run(late)
    await until('both sleep', () => processesWith(time).length >= 2)
    expect((await call('POST', `jobentries/${late}/cancel`)).status).toBe(204)
    await until('none sleeps', () => processesWith(time).length === 0)
    await expect.poll(async () => (await shown(late)).steps[0]?.status).toBe('CANCELED')
  })

  it('runs on processes, and on the producers of managed objects', async () => {
    const onProcess = await entryOfAlgorithm('echo', ['G1', 'G2'])
    await run(onProcess)
    expect((await ended(onProcess, 'SUCCESS')).steps).toHaveLength(2)
    const { status, body } = await call<{ message: string }>('POST', 'jobs', { job_name: 'x', algorithm_id: 'nowhere' })
    expect([status, body.message]).toEqual([400, expect.stringContaining('nobody carries out "nowhere"')])
    const onObject = await entryOfAlgorithm('/SubNetwork=Test/ManagedElement=north-0', ['G1', 'G2'])
    await run(onObject)
    expect((await ended(onObject, 'SUCCESS')).steps).toHaveLength(2)
  })

  it('survives a kill of the service, waiting or running', async () => {
    const waiting = await entryOf('true', ['G1'])
    const running = await entryOf('sleep 5', ['G1', 'G2'])
    await run(running)
    await until('it runs', async () => (await shown(running)).steps.some(({ status }) => status === 'RUNNING'))
    await service.child.kill()
    service = await installation.service('service')
    await service.client.ready()
    expect((await shown(waiting)).status).toBe('PENDING')
    await run(waiting)
    await ended(waiting, 'SUCCESS')
    expect((await ended(running, 'SUCCESS')).steps.map(({ status }) => status)).toEqual(['SUCCESS', 'SUCCESS'])
  }, 120_000)
})

describe('callbacks', () => {
  it('tell each change of a step, in order, with the entry’s id and a signature', async () => {
    const here = path()
    const entryId = await entryOf('echo x > made.txt; test "$GRANULE_ID" = good', ['good', 'bad'])
    await run(entryId, `${receiver.url}${here}`)
    expect((await shown(entryId)).callback_uri).toBe(`${receiver.url}${here}`)
    await until('four callbacks', () => receiver.at(here).length === 4)
    const { steps } = await ended(entryId, 'ERROR')
    for (const step of steps) {
      const told = receiver.at(here).filter(({ body }) => (body as StepResults).index === step.index)
      expect(told.map(({ body }) => (body as StepResults).status)).toEqual(['RUNNING', step.status])
      expect(told[1]?.body).toEqual(step)
    }
    expect(receiver.at(here).every(({ isSigned }) => isSigned)).toBe(true)
    expect(new Set(receiver.at(here).map(({ headers }) => headers['maap-entry-id']))).toEqual(new Set([entryId]))
  })

  it('that fail are tried again, and what comes later of the same step waits for them', async () => {
    const here = path()
    receiver.answer = (to, before) => ({ status: to === here && before < 2 ? 503 : 200 })
    const entryId = await entryOf('true')
    await run(entryId, `${receiver.url}${here}`)
    await until('four calls', () => receiver.at(here).length === 4)
    expect(receiver.at(here).map(({ status, body }) => [status, (body as StepResults).status])).toEqual([
      [503, 'RUNNING'], [503, 'RUNNING'], [200, 'RUNNING'], [200, 'SUCCESS'],
    ])
  })

  it('go nowhere inside', async () => {
    const entryId = await entryOf('true')
    const inside = { callback_uri: 'http://169.254.169.254/' }
    const { status, body } = await call<{ message: string }>('POST', `jobentries/${entryId}/run`, inside)
    expect([status, body.message]).toEqual([400, expect.stringContaining('body.callback_uri')])
    expect((await shown(entryId)).status).toBe('PENDING')
  })
})

it('an algorithm that nobody would carry out is refused with the reason', async () => {
  const refused = async (algorithm_uri: string): Promise<string> => {
    const { status, body } = await call<{ message: string }>('POST', 'algorithms', { algorithm_name: 'x', algorithm_uri })
    expect(status).toBe(400)
    return body.message
  }
  expect(await refused('exec:rm -rf /')).toContain('program "rm" is not on the list of what may run')
  expect(await refused('nothing')).toContain('nobody carries out "nothing"')
})
