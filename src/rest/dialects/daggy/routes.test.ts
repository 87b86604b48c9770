import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { exampleGroup } from '../../../../test/fakes/domain-examples.ts'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import type { ServiceRegistered } from '../../../domain/inventory-messages.ts'
import type { DagRun, RunSummary } from './schemas.ts'

const exec: ServiceRegistered = {
  ...{ type: 'ServiceRegistered', name: 'exec', baseUrl: 'http://127.0.0.1:1', contract: 'dataJob', username: null, password: null },
  ...{ subjobsInFlightMax: null, subjobTimeoutMs: null },
}
const job = { command: ['/bin/sh', '-c', 'echo {{N}}'], environment: ['WORD={{N}}'], cores: '2', memoryMB: '100' }
const manyValues = Array.from({ length: 101 }, (_, n) => String(n))
const tasks = { first: { job }, last: { job: { command: ['true'] }, parents: ['first'] } }
const spec = { tag: 'nightly', parameters: { N: ['1', '2'] }, tasks }

let fixture: RestFixture
let app: FastifyInstance

const call = (method: 'GET' | 'POST' | 'PATCH' | 'DELETE', url: string, body?: object): Promise<LightMyRequestResponse> => {
  return app.inject({ method, url, ...(body === undefined ? {} : { payload: body }) })
}
const errorOf = (answer: LightMyRequestResponse): string => answer.json<{ readonly error: string }>().error

async function submit(body: object = spec): Promise<number> {
  const answer = await call('POST', '/v1/dagrun', body)
  expect(answer.statusCode, answer.body).toBe(200)
  return answer.json<{ readonly runID: number }>().runID
}

beforeEach(async () => {
  fixture = new RestFixture()
  fixture.services.set('exec', exec)
  app = await fixture.build()
  return () => app.close()
})

it('says that it is there', async () => {
  expect((await call('GET', '/ready')).json()).toEqual({ msg: 'Ya like DAGs?' })
})

describe('a specification that is submitted', () => {
  it('is a job in steps, each with what the exec producer needs', async () => {
    const runID = await submit()
    const { operations, groups, ...command } = fixture.command
    expect(command).toMatchObject({ dialect: 'daggy', tenant: 'default', kind: 'WRITE', held: false, dependencies: [] })
    expect(groups).toEqual([exampleGroup({ operations: 2 }), exampleGroup({ after: [0] })])
    expect(operations.map(({ operationId, op }) => `${op} ${operationId}`)).toEqual(['action first_0', 'action first_1', 'action last_0'])
    expect(operations.map(({ value }) => (JSON.parse(value ?? '') as { readonly input: object }).input)).toEqual([
      { command: ['/bin/sh', '-c', 'echo 1'], environment: { WORD: '1' }, cores: 2, memoryMB: 100 },
      { command: ['/bin/sh', '-c', 'echo 2'], environment: { WORD: '2' }, cores: 2, memoryMB: 100 },
      { command: ['true'], environment: {} },
    ])
    expect(new Set(operations.map(({ path }) => path)).size).toBe(1)
    expect(operations[0]?.path).toMatch(/^\/datajob-definitions\/daggy\/specs\/[0-9a-f]{64}\/0#run$/)
    const run = (await call('GET', `/v1/dagrun/${runID}`)).json<DagRun>()
    expect(run).toMatchObject({
      ...{ runID, tag: 'nightly', taskStates: { first_0: 'QUEUED', first_1: 'QUEUED', last_0: 'QUEUED' } },
      taskAttempts: { first_0: [], first_1: [], last_0: [] },
      dagStateChanges: [{ time: `${fixture.time.now()}000000`, state: 'QUEUED' }],
    })
    expect(run.tasks['first_1']).toEqual({
      ...{ maxRetries: 0, retryIntervalSeconds: 0, isGenerator: false, parents: [], children: ['last_0'] },
      job: { ...job, command: ['/bin/sh', '-c', 'echo 2'], environment: ['WORD=2'] },
    })
  })

  it('is kept once, however often it is run, and made once under an Idempotency-Key', async () => {
    const [one, other] = [await submit(), await submit()]
    expect(other).not.toBe(one)
    expect(fixture.written.filter(({ topic }) => topic === 'inventory')).toHaveLength(1)
    const again = async (body: object): Promise<LightMyRequestResponse> => {
      return app.inject({ method: 'POST', url: '/v1/dagrun', payload: body, headers: { 'idempotency-key': 'k' } })
    }
    expect((await again(spec)).json()).toEqual((await again(spec)).json())
    expect((await again({ ...spec, parameters: { N: ['3'] } })).statusCode).toBe(409)
  })

  it.each<[string, object, number, string]>([
    ['an unknown member', { ...spec, extra: 1 }, 400, 'Not known here: "extra"'],
    ['an unknown member of a task', { tag: 't', tasks: { a: { job: { command: ['x'] }, other: 1 } } }, 400, 'Not known here: "other"'],
    ['a number that is none', { tag: 't', tasks: { a: { job: { command: ['x'], cores: '0' } } } }, 400, '"a_0" has "0" as its cores'],
    ['memory that is none', { tag: 't', tasks: { a: { job: { command: ['x'], memoryMB: '1GB' } } } }, 400, '"1GB" as its memoryMB'],
    ['numbers that are none', { tag: 't', tasks: { a: { job: { command: ['x'], cores: 1 } } } }, 400, 'cores'],
    ['no command', { tag: 't', tasks: { a: { job: { command: [] } } } }, 400, 'command'],
    ['a cycle', { tag: 't', tasks: { a: { job: { command: ['x'] }, parents: ['a'] } } }, 400, '"a" → "a"'],
    ['no values', { ...spec, parameters: { N: [] } }, 400, 'The parameter "N" has no values'],
    ['no such parameter', { ...spec, parameters: {} }, 400, '{{N}}'],
    ['no variable', { tag: 't', tasks: { a: { job: { command: ['x'], environment: ['X'] } } } }, 400, '"X" in its environment'],
    ['too many retries', { tag: 't', tasks: { a: { job: { command: ['x'] }, maxRetries: 1_001 } } }, 400, 'maxRetries'],
    ['a slash beside a generator', { tag: 't', tasks: { 'a/b': { job: { command: ['x'] }, isGenerator: true } } }, 400, '"a/b" has'],
    [
      'too many generators',
      { tag: 't', parameters: { N: manyValues }, tasks: { a: { job: { command: ['{{N}}'] }, isGenerator: true } } },
      ...([400, '101 tasks are generators, and 100 may be'] as const),
    ],
  ])('with %s is refused, and is not valid', async (_, body, status, words) => {
    const answer = await call('POST', '/v1/dagrun', body)
    expect([answer.statusCode, errorOf(answer)]).toEqual([status, expect.stringContaining(words)])
    const judged = await call('POST', '/v1/dagrun/validate', body)
    expect([judged.statusCode, judged.json()]).toEqual([200, { valid: false, error: errorOf(answer) }])
    expect(fixture.written).toEqual([])
  })

  it('is shown to the producer that would run it', async () => {
    fixture.unitCheck = { type: 'refused', reason: '"true" is not on the list' }
    expect(errorOf(await call('POST', '/v1/dagrun', spec))).toBe('The task "first_0" can’t run. "true" is not on the list')
    fixture.services.clear()
    expect(errorOf(await call('POST', '/v1/dagrun', spec))).toBe('The DMI service "exec" that runs commands is not registered')
  })
})

describe('a run', () => {
  it('is listed as long as it has not ended, and by its tag', async () => {
    const [one, other] = [await submit(), await submit({ ...spec, tag: 'other' })]
    const list = async (query: string): Promise<readonly number[]> => {
      return (await call('GET', `/v1/dagruns${query}`)).json<RunSummary[]>().map(({ runID }) => runID)
    }
    expect((await list('')).toSorted()).toEqual([one, other].toSorted())
    expect(await list('?tag=other')).toEqual([other])
    expect((await call('GET', '/v1/dagruns?tag=other')).json()).toMatchObject([{ state: 'QUEUED', taskCounts: { QUEUED: 3 } }])
    await call('DELETE', `/v1/dagrun/${other}`)
    expect((await call('GET', `/v1/dagrun/${other}/state`)).json()).toEqual({ state: 'KILLED' })
    expect((await call('GET', `/v1/dagrun/${other}/task/last_0/state`)).json()).toEqual({ state: 'KILLED' })
  })

  it('is killed as often as it is asked for, and resumed only when it has ended', async () => {
    const runID = await submit()
    expect(errorOf(await call('PATCH', `/v1/dagrun/${runID}/state/QUEUED`))).toContain('has not ended, and is QUEUED')
    for (const request of [call('PATCH', `/v1/dagrun/${runID}/state/KILLED`), call('PATCH', `/v1/dagrun/${runID}/state/KILLED`)]) {
      expect((await request).json()).toEqual({ runID })
    }
    expect((await call('DELETE', `/v1/dagrun/${runID}`)).body).toBe('')
    const late = await call('PATCH', `/v1/dagrun/${runID}/state/PAUSED`)
    expect([late.statusCode, errorOf(late)]).toEqual([409, `The run ${runID} can't be held any more. It is cancelling.`])
    expect((await call('PATCH', `/v1/dagrun/${runID}/state/QUEUED`)).statusCode).toBe(409)
  })

  it.each<['GET' | 'PATCH' | 'DELETE', string, number]>([
    ['GET', '9', 404],
    ['GET', '9/state', 404],
    ['DELETE', '9', 404],
    ['PATCH', '9/state/PAUSED', 404],
    ['PATCH', 'RUN/state/RUNNING', 400],
    ['PATCH', 'RUN/state/ASLEEP', 400],
    ['GET', 'RUN/task/first_2', 404],
    ['GET', 'RUN/task/first_2/state', 404],
    ['DELETE', 'RUN/task/first_2', 404],
    ['DELETE', 'RUN/task/first_1', 503],
    ['GET', 'x', 400],
    ['PATCH', 'RUN', 405],
    ['GET', 'RUN/nothing', 404],
  ])('%s /v1/dagrun/%s is answered %i, with an error', async (method, path, status) => {
    const answer = await call(method, `/v1/dagrun/${path.replace('RUN', String(await submit()))}`)
    expect([answer.statusCode, answer.json()]).toEqual([status, { error: expect.any(String) as string }])
  })

  it('is no job of another dialect', async () => {
    await submit()
    await fixture.writeCommand({ ...fixture.command, jobId: 'other', dialect: 'ncmp' })
    const { number = 0 } = (await fixture.readModel.job('other')) ?? {}
    expect((await call('GET', `/v1/dagrun/${number}/state`)).statusCode).toBe(404)
  })
})
