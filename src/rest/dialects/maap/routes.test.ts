import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { brokerAway, RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import type { HandleRegistered, ProcessRegistered, ServiceRegistered } from '../../../domain/inventory-messages.ts'
import type { Algorithm, JobEntry, MaapJob } from './schemas.ts'

const exec: ServiceRegistered = {
  ...{ type: 'ServiceRegistered', name: 'exec', baseUrl: 'http://127.0.0.1:1', contract: 'dataJob', username: null, password: null },
  ...{ subjobsInFlightMax: null, subjobTimeoutMs: null },
}
const cell: HandleRegistered = {
  ...{ type: 'HandleRegistered', alternateId: '/ManagedElement=1', cmHandle: 'ch-1', moduleSetTag: '', dataProducerId: 'p' },
  ...{ service: 'north', writeService: null, state: 'READY', properties: {} },
}
const uri = 'exec:sh \'echo "$GRANULE_ID"\''
const granules = [{ granule_id: 'G1', description: 'first' }, { granule_id: 'G2' }]

let fixture: RestFixture
let app: FastifyInstance

const get = (path: string): Promise<LightMyRequestResponse> => app.inject(`/api/v1/${path}`)
const post = (path: string, body?: object, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> => {
  const sent = body === undefined ? {} : { payload: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }
  return app.inject({ method: 'POST', url: `/api/v1/${path}`, headers, ...sent })
}

async function algorithm(body: object = {}): Promise<Algorithm> {
  return (await post('algorithms', { algorithm_name: 'ndvi', algorithm_uri: uri, ...body })).json()
}

async function job(body: object = {}): Promise<MaapJob> {
  const answer = await post('jobs', { job_name: 'map', algorithm_id: (await algorithm()).algorithm_id, data_collection: granules, ...body })
  expect(answer.statusCode, answer.body).toBe(200)
  return answer.json()
}

async function submit(body: object = {}): Promise<string> {
  const answer = await post(`jobs/${(await job(body)).job_id}/submit`)
  expect(answer.statusCode, answer.body).toBe(200)
  return answer.json<{ readonly entry_id: string }>().entry_id
}

const messageOf = (answer: LightMyRequestResponse): string => answer.json<{ readonly message: string }>().message
const commands = (): number => fixture.written.filter(({ topic }) => topic === 'commands').length

beforeEach(async () => {
  fixture = new RestFixture()
  fixture.services.set('exec', exec)
  fixture.handles.set('ch-1', cell)
  app = await fixture.build()
  return () => app.close()
})

describe('an algorithm', () => {
  it('is registered, shown and listed, the newest first', async () => {
    const first = await algorithm({ algorithm_branch: 'main', algorithm_version: '1.2' })
    const sent = { algorithm_name: 'ndvi', algorithm_uri: uri, algorithm_branch: 'main', algorithm_version: '1.2' }
    expect(first).toEqual({ algorithm_id: expect.any(String) as string, ...sent })
    expect((await get(`algorithms/${first.algorithm_id}`)).json()).toEqual(first)
    fixture.time.pass(1)
    const second = await algorithm()
    expect((await get('algorithms')).json()).toEqual([second, first])
    expect((await get('algorithms?offset=1&limit=1')).json()).toEqual([first])
    expect((await get('algorithms?offset=2')).json()).toEqual([])
  })

  it('that is a command is shown to the producer that would run it', async () => {
    await algorithm()
    expect(fixture.checked).toMatchObject([{ service: 'exec', value: { input: { command: ['sh', 'echo "$GRANULE_ID"'] } } }])
    const sent = { algorithm_name: 'x', algorithm_uri: uri }
    fixture.unitCheck = { type: 'refused', reason: 'command: "sh" is not on the list' }
    const refused = await post('algorithms', sent)
    const reason = 'body algorithm_uri: the command can’t run. command: "sh" is not on the list'
    expect([refused.statusCode, messageOf(refused)]).toEqual([400, reason])
    fixture.unitCheck = { type: 'unknown', reason: 'it did not answer' }
    expect((await post('algorithms', sent)).statusCode).toBe(503)
    fixture.services.delete('exec')
    expect(messageOf(await post('algorithms', sent))).toContain('"exec" that runs commands is not registered')
  })

  it.each([
    [{ algorithm_uri: 'exec:' }, 'there is no command behind "exec:"'],
    [{ algorithm_uri: "exec:echo 'x" }, 'a quote is not closed'],
    [{ algorithm_uri: 'nobody' }, 'nobody carries out "nobody"'],
    [{ algorithm_uri: undefined }, 'algorithm_uri'],
    [{ algorithm_name: '' }, 'body algorithm_name must NOT have fewer than 1 characters'],
  ])('is refused with %j', async (body, message) => {
    const answer = await post('algorithms', { algorithm_name: 'x', algorithm_uri: uri, ...body })
    expect([answer.statusCode, messageOf(answer)]).toEqual([400, expect.stringContaining(message)])
  })

  it('may be the name of a managed object, of its handle, or of a process', async () => {
    for (const algorithm_uri of ['/ManagedElement=1', 'ch-1', 'echo']) {
      expect(await algorithm({ algorithm_uri })).toMatchObject({ algorithm_uri })
    }
  })
})

const manyGranules = (count: number, length: number): object[] => {
  return Array.from({ length: count }, (_, n) => ({ granule_id: `G${n}`, description: 'd'.repeat(length) }))
}

describe('a job', () => {
  it('is registered with what was left out, shown and listed', async () => {
    const { algorithm_id } = await algorithm()
    const made = (await post('jobs', { job_name: 'map', algorithm_id, unknown: 1 })).json<MaapJob>()
    expect(made).toEqual({ job_id: expect.any(String) as string, job_name: 'map', algorithm_id, data_collection: [], status: 'ACTIVE' })
    expect((await get(`jobs/${made.job_id}`)).json()).toEqual(made)
    expect((await get('jobs')).json()).toEqual([made])
  })

  it.each([
    [{ algorithm_id: 'nobody' }, 'body algorithm_id: nobody carries out "nobody"'],
    [{ algorithm_id: 'exec:rm -rf /' }, 'nobody carries out "exec:rm -rf /"'],
    [{ job_name: undefined }, 'job_name'],
    [{ status: 'DONE' }, 'body status must be equal to one of the allowed values. Allowed are: ACTIVE, DEPRECATED.'],
    [{ data_collection: [{ description: 'x' }] }, 'granule_id'],
    [{ data_collection: manyGranules(1_001, 1) }, 'must NOT have more than 1000 items'],
    [{ data_collection: manyGranules(1_000, 1_000) }, 'body data_collection: an entry would have'],
  ])('is refused where its body is not as it should be: %#', async (body, message) => {
    const { algorithm_id } = await algorithm()
    const answer = await post('jobs', { job_name: 'map', algorithm_id, ...body })
    expect([answer.statusCode, messageOf(answer)]).toEqual([400, expect.stringContaining(message)])
  })

  it('of a process that needs what no granule gives is refused with what it needs', async () => {
    const description = JSON.stringify({ inputs: { scene: { schema: { type: 'string' } }, bbox: { schema: { type: 'array' } } } })
    const ndvi: ProcessRegistered = {
      ...{ type: 'ProcessRegistered', tenant: 'default', id: 'ndvi', version: '1', description, modes: ['async'] },
      ...{ executionUnit: null, service: 'exec', mutable: true, registeredAt: 1_000 },
    }
    fixture.processes.put(ndvi)
    const answer = await post('jobs', { job_name: 'map', algorithm_id: 'ndvi' })
    const what = /"ndvi" needs other inputs.*job_name.*inputs\.scene is missing/
    expect([answer.statusCode, messageOf(answer)]).toEqual([400, expect.stringMatching(what)])
  })

  it('is not registered beyond what all of them together may have', async () => {
    fixture = new RestFixture()
    fixture.services.set('exec', exec)
    app = await fixture.build({ limits: { definitionsBytesMax: 600 } })
    const { algorithm_id } = await algorithm()
    const answers = []
    for (const length of [200, 256]) answers.push(await post('jobs', { job_name: 'a'.repeat(length), algorithm_id }))
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 413])
    expect((await get('jobs')).json()).toHaveLength(1)
  })
})

describe('a submitted job', () => {
  it('is a command that is held, with a subjob for each granule', async () => {
    const entryId = await submit({ description: 'all of it' })
    const { job_id } = (await get('jobs')).json<MaapJob[]>()[0] ?? { job_id: '' }
    expect(fixture.command).toMatchObject({
      ...{ jobId: entryId, tenant: 'default', dialect: 'maap', kind: 'WRITE', destination: null, held: true, callbacks: {} },
      operations: [0, 1].map((n) => ({ operationId: String(n), op: 'action', path: `/datajob-definitions/maap/jobs/${job_id}/${n}#run` })),
      dependencies: [{ operationId: '0', parents: [] }, { operationId: '1', parents: [] }],
    })
    expect(JSON.parse(fixture.command.dialectData ?? '')).toEqual({ job_id, job_name: 'map', steps: 2 })
    expect(fixture.command.operations.map(({ value }) => JSON.parse(value ?? '') as object)).toMatchObject([
      { input: { command: ['sh', 'echo "$GRANULE_ID"'], environment: { STEP_INDEX: '0', GRANULE_ID: 'G1' } } },
      { input: { environment: { STEP_INDEX: '1', GRANULE_ID: 'G2', GRANULE_DESCRIPTION: '' }, outputs: ['**/*'], optionalOutputs: true } },
    ])
    const steps = ['first', 'G2'].map((description, index) => ({ index, description, status: 'PENDING', messages: [], files: [] }))
    const entry = { entry_id: entryId, job_id, job_name: 'map', user_id: '', steps, status: 'PENDING', callback_uri: '' }
    expect((await get(`jobentries/${entryId}`)).json()).toEqual(entry)
    expect((await get('jobentries')).json()).toEqual([entry])
    expect((await get(`jobentries/${entryId}/steps/1`)).json()).toEqual(steps[1])
  })

  it('has as many data producers as an exec producer has room for, however many granules there are', async () => {
    await submit({ data_collection: manyGranules(1_000, 1) })
    const { operations } = fixture.command
    expect([operations.length, new Set(operations.map(({ path }) => path)).size]).toEqual([1_000, 15])
  })

  it('goes to the managed object, or to the process, that its algorithm is', async () => {
    await submit({ algorithm_id: 'ch-1', data_collection: [] })
    const { operations: [onObject], jobId } = fixture.command
    expect(onObject).toMatchObject({ path: '/ManagedElement=1#run' })
    expect(JSON.parse(onObject?.value ?? '')).toMatchObject({ input: { job_name: 'map', step_index: 0 } })
    expect((await get(`jobentries/${jobId}`)).json()).toMatchObject({ steps: [{ description: 'map' }] })
    await submit({ algorithm_id: 'echo' })
    const [onProcess] = fixture.command.operations
    expect(onProcess?.path).toMatch(/^\/datajob-definitions\/maap\/jobs\/[\w-]+\/0#run$/)
    expect(JSON.parse(onProcess?.value ?? '')).toEqual({ input: { processID: 'echo', inputs: { string: 'G1' } } })
  })

  it('may come from a client that does not say that its body is JSON', async () => {
    const { algorithm_id } = await algorithm()
    const payload = Buffer.from(JSON.stringify({ job_name: 'x', algorithm_id }))
    const answer = await app.inject({ method: 'POST', url: '/api/v1/jobs', payload })
    expect(answer.statusCode).toBe(200)
  })

  it('makes one entry for one Idempotency-Key, though the client says that nothing is JSON', async () => {
    const { job_id } = await job()
    const headers = { 'idempotency-key': 'k', 'content-type': 'application/json' }
    const [one, other] = [await post(`jobs/${job_id}/submit`, undefined, headers), await post(`jobs/${job_id}/submit`, undefined, headers)]
    expect([one.statusCode, other.json()]).toEqual([200, one.json()])
  })

  it('can’t be one that is deprecated, unknown, or that nobody carries out any more', async () => {
    const deprecated = await post(`jobs/${(await job({ status: 'DEPRECATED' })).job_id}/submit`)
    expect([deprecated.statusCode, messageOf(deprecated)]).toEqual([409, expect.stringContaining('is deprecated')])
    expect((await post('jobs/unknown/submit')).statusCode).toBe(404)
    const { job_id } = await job({ algorithm_id: 'ch-1' })
    fixture.handles.clear()
    expect((await post(`jobs/${job_id}/submit`)).statusCode).toBe(400)
    expect(commands()).toBe(0)
  })
})

describe('an entry', () => {
  it('is not run with an address that nothing can be sent to, twice, or once it is cancelled', async () => {
    const entryId = await submit()
    for (const body of [{ callback_uri: 'nonsense' }, { callback_uri: 7 }]) {
      expect((await post(`jobentries/${entryId}/run`, body)).statusCode).toBe(400)
    }
    expect((await post(`jobentries/${entryId}/run`)).statusCode).toBe(400)
    expect(commands()).toBe(1)
    await fixture.change({ ...(await jobOf(entryId)), held: false }, 1)
    const answer = await post(`jobentries/${entryId}/run`, { callback_uri: '' })
    expect([answer.statusCode, messageOf(answer)]).toEqual([409, expect.stringContaining('It is RUNNING')])
    expect((await post(`jobentries/${entryId}/cancel`)).statusCode).toBe(204)
    expect((await get(`jobentries/${entryId}`)).json()).toMatchObject({ status: 'CANCELED', steps: [{ status: 'CANCELED' }, {}] })
  })

  it('that is unknown, of another dialect, or has no such step, is a 404', async () => {
    const payload = { jobId: 'mine', data: [{ op: 'read', path: '/ManagedElement=1' }] }
    await app.inject({ method: 'POST', url: '/ranoam/cm/v1/dataJob', payload })
    const entryId = await submit()
    for (const path of ['jobentries/unknown', 'jobentries/mine', `jobentries/${entryId}/steps/2`]) {
      expect((await get(path)).statusCode).toBe(404)
      expect((await post(`${path}/run`, {})).statusCode).toBe(404)
    }
    expect((await post('jobentries/mine/cancel')).statusCode).toBe(404)
    expect((await get('jobentries')).json<JobEntry[]>().map(({ entry_id }) => entry_id)).toEqual([entryId])
  })
})

it.each(['jobs?offset=-1', 'jobs?limit=0', 'jobs?limit=x', 'jobentries?page=1', 'algorithms?limit=201'])('refuses %s', async (path) => {
  const answer = await get(path)
  expect([answer.statusCode, Object.keys(answer.json<object>())]).toEqual([400, ['message']])
})

it('answers every other fault with a message, too', async () => {
  expect(messageOf(await get('nothing'))).toContain('The API is described at /api/v1/api')
  expect(messageOf(await app.inject({ method: 'DELETE', url: '/api/v1/jobs' }))).toContain('DELETE is not possible here')
  fixture.outage = brokerAway
  const answer = await post('algorithms', { algorithm_name: 'x', algorithm_uri: 'echo' })
  expect([answer.statusCode, answer.headers['retry-after'], messageOf(answer)]).toEqual([503, '2', expect.stringContaining('Kafka')])
})

async function jobOf(entryId: string): Promise<NonNullable<Awaited<ReturnType<RestFixture['readModel']['job']>>>> {
  const found = await fixture.readModel.job(entryId)
  if (found === undefined) throw new Error(`there is no job ${entryId}`)
  return found
}
