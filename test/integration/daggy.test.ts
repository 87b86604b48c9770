/** The daggy dialect on real servers: graphs of commands of an exec producer, which fail, are killed, resumed, and outlive a kill -9. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DagRun, RunSummary } from '../../src/rest/dialects/daggy/schemas.ts'
import { type ExecProducerProcess, longTime, processesWith, running, shortGrace } from '../harness/exec-producer.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { until } from '../harness/until.ts'

let installation: Installation
let service: Service
let folder: string
let exec: ExecProducerProcess

/** Tasks that the exec producer is given at a time: some run, and some wait for a core. */
const IN_FLIGHT = 4

beforeAll(async () => {
  installation = await Installation.open('daggy', givenStack(), { DATAJOB_SUBJOBS_IN_FLIGHT_MAX: String(IN_FLIGHT) })
  service = await installation.service('service')
  folder = join(installation.folder, 'files')
  mkdirSync(folder)
  await service.client.ready()
  const programs = { sh: { path: '/bin/sh', shell: true } }
  exec = await installation.execProducer('exec', { ...shortGrace, programs, capacity: { cores: 2, memoryMB: 4_096 } })
  await service.client.registerService('exec', exec.url)
})

afterAll(() => installation.close())

interface Answer<T> {
  readonly status: number
  readonly body: T
}

async function call<T>(method: string, path: string, body?: object): Promise<Answer<T>> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const answer = await fetch(`${service.client.url}${path}`, { method, ...sent })
  const text = await answer.text()
  return { status: answer.status, body: (text === '' ? null : JSON.parse(text)) as T }
}

const sh = (script: string): object => ({ command: ['/bin/sh', '-c', script], cores: '1', memoryMB: '64' })

async function submit(spec: object): Promise<number> {
  const { status, body } = await call<{ runID: number }>('POST', '/v1/dagrun', spec)
  expect(status, JSON.stringify(body)).toBe(200)
  return body.runID
}

async function shown(runID: number): Promise<DagRun> {
  return (await call<DagRun>('GET', `/v1/dagrun/${runID}`)).body
}

async function reached(runID: number, state: string): Promise<DagRun> {
  const path = `/v1/dagrun/${runID}/state`
  await expect.poll(async () => (await call<{ state: string }>('GET', path)).body.state).toBe(state)
  return shown(runID)
}

function statesOf({ dagStateChanges }: DagRun): readonly string[] {
  return dagStateChanges.map(({ state }) => state)
}

/** Also what was killed has ended: until then a run can't be resumed. */
async function resumed(runID: number): Promise<void> {
  await until('the run is resumed', async () => (await call('PATCH', `/v1/dagrun/${runID}/state/QUEUED`)).status === 200)
}

describe('a run', () => {
  it('does each task for each value, after all that it comes after, and says what each has printed', async () => {
    const tasks = {
      collect: { job: sh('cat out.* | sort | tr "\\n" " "'.replaceAll('out.', `${folder}/out.`)), parents: ['work'] },
      work: {
        job: { ...sh(`sleep 0.2; echo "$WORD" > ${folder}/out.{{N}}; echo {{N}}`), environment: ['WORD=w{{N}}'] },
        children: ['last'],
      },
      last: { job: sh('echo last >&2'), parents: ['collect'] },
    }
    const spec = { tag: 'whole', parameters: { N: ['1', '2', '3'], UNUSED: ['x', 'y'] }, tasks }
    expect((await call('POST', '/v1/dagrun/validate', spec)).body).toEqual({ valid: true })
    const runID = await submit(spec)
    const run = await reached(runID, 'COMPLETED')
    expect(run).toMatchObject({ runID, tag: 'whole' })
    expect(Object.keys(run.tasks).sort()).toEqual(['collect_0', 'last_0', 'work_0', 'work_1', 'work_2'])
    expect(new Set(Object.values(run.taskStates))).toEqual(new Set(['COMPLETED']))
    expect(run.taskAttempts).toMatchObject({
      work_2: [{ rc: 0, outputLog: '3\n', errorLog: '', executorLog: '' }],
      collect_0: [{ rc: 0, outputLog: 'w1 w2 w3 ' }],
      last_0: [{ rc: 0, errorLog: 'last\n' }],
    })
    const works = [0, 1, 2].map((n) => run.taskAttempts[`work_${n}`]![0]!)
    const collected = run.taskAttempts['collect_0']![0]!
    for (const { stopTime } of works) expect(BigInt(stopTime) <= BigInt(collected.startTime)).toBe(true)
    expect(statesOf(run)).toEqual(['QUEUED', 'RUNNING', 'COMPLETED'])
    expect(run.tasks['collect_0']).toMatchObject({ parents: ['work_0', 'work_1', 'work_2'], children: ['last_0'] })
    const task = await call('GET', `/v1/dagrun/${runID}/task/work_1`)
    expect(task.body).toMatchObject({ job: { environment: ['WORD=w2'], cores: '1', memoryMB: '64' }, children: ['collect_0', 'last_0'] })
    expect((await call('GET', `/v1/dagrun/${runID}/task/work_1/state`)).body).toEqual({ state: 'COMPLETED' })
    expect((await call<RunSummary[]>('GET', '/v1/dagruns?tag=whole')).body).toEqual([])
    const [listed] = (await call<RunSummary[]>('GET', '/v1/dagruns?all=1&tag=whole')).body
    expect(listed).toMatchObject({ runID, tag: 'whole', state: 'COMPLETED', taskCounts: { COMPLETED: 5 } })
  })

  it('is ERRORED when a task fails, and resumed keeps what is done, tries the rest, and all earlier attempts', async () => {
    const fixed = join(folder, 'fixed')
    const done = join(folder, 'done')
    const spec = {
      tag: 'failing',
      tasks: {
        first: { job: sh(`echo ran >> ${done}`) },
        second: { job: sh(`echo tried; test -e ${fixed} || exit 3`), parents: ['first'] },
        third: { job: sh(`cat ${done}`), parents: ['second'] },
      },
    }
    const runID = await submit(spec)
    const run = await reached(runID, 'ERRORED')
    expect(run.taskStates).toEqual({ first_0: 'COMPLETED', second_0: 'ERRORED', third_0: 'QUEUED' })
    expect(run.taskAttempts).toMatchObject({ second_0: [{ rc: 3, outputLog: 'tried\n', executorLog: 'exited with 3' }], third_0: [] })
    const [listed] = (await call<RunSummary[]>('GET', '/v1/dagruns?all=1&tag=failing')).body
    expect(listed?.taskCounts).toEqual({ COMPLETED: 1, ERRORED: 1, QUEUED: 1 })
    writeFileSync(fixed, '')
    expect(await call('PATCH', `/v1/dagrun/${runID}/state/QUEUED`)).toEqual({ status: 200, body: { runID } })
    const after = await reached(runID, 'COMPLETED')
    expect(statesOf(after)).toEqual(['QUEUED', 'RUNNING', 'ERRORED', 'QUEUED', 'RUNNING', 'COMPLETED'])
    expect(after.taskAttempts).toMatchObject({
      second_0: [{ rc: 3, outputLog: 'tried\n' }, { rc: 0 }],
      third_0: [{ rc: 0, outputLog: 'ran\n' }],
    })
    expect((await call('PATCH', `/v1/dagrun/${runID}/state/QUEUED`)).status).toBe(409)
  })

  it('that is killed ends its commands, begins nothing more, and can be resumed', async () => {
    const time = longTime()
    const go = join(folder, 'go')
    const runID = await submit({
      tag: 'killed',
      tasks: { long: { job: sh(`test -e ${go} || exec sleep ${time}`) }, after: { job: sh('true'), parents: ['long'] } },
    })
    await running(time)
    await reached(runID, 'RUNNING')
    expect((await call('PATCH', `/v1/dagrun/${runID}/state/QUEUED`)).status).toBe(409)
    expect((await call('DELETE', `/v1/dagrun/${runID}`)).status).toBe(200)
    await until('the command has ended', () => processesWith(time).length === 0)
    writeFileSync(go, '')
    await until('the attempt is told', async () => (await shown(runID)).taskAttempts['long_0']?.length === 1)
    expect(await shown(runID)).toMatchObject({
      taskStates: { long_0: 'KILLED', after_0: 'KILLED' },
      taskAttempts: { long_0: [{ rc: 9 }], after_0: [] },
    })
    await resumed(runID)
    const run = await reached(runID, 'COMPLETED')
    expect(run.taskAttempts).toMatchObject({ long_0: [{ rc: 9 }, { rc: 0 }], after_0: [{ rc: 0 }] })
    expect(statesOf(run)).toEqual(['QUEUED', 'RUNNING', 'KILLED', 'QUEUED', 'RUNNING', 'COMPLETED'])
  })

  it('tries a task that fails again by itself, after its interval, and goes on once it works', async () => {
    const [tries, times] = [join(folder, 'tries'), join(folder, 'times')]
    const script = `echo x >> ${tries}; date +%s%3N >> ${times}; echo try $(wc -l < ${tries}); test $(wc -l < ${tries}) -ge 3`
    const [flaky, never] = [{ maxRetries: 3, retryIntervalSeconds: 1 }, { maxRetries: 1, retryIntervalSeconds: 0 }]
    const runID = await submit({
      tag: 'retries',
      tasks: {
        flaky: { job: sh(script), ...flaky },
        after: { job: sh(`wc -l < ${tries}`), parents: ['flaky'] },
        hopeless: { job: sh('echo no >&2; exit 7'), ...never },
      },
    })
    const run = await reached(runID, 'ERRORED')
    expect(run.taskStates).toEqual({ flaky_0: 'COMPLETED', after_0: 'COMPLETED', hopeless_0: 'ERRORED' })
    expect(run.tasks['flaky_0']).toMatchObject(flaky)
    expect(run.taskAttempts['flaky_0']).toMatchObject([{ rc: 1, outputLog: 'try 1\n' }, { rc: 1, outputLog: 'try 2\n' }, { rc: 0 }])
    expect(run.taskAttempts['hopeless_0']).toMatchObject([{ rc: 7, errorLog: 'no\n' }, { rc: 7, executorLog: 'exited with 7' }])
    expect(run.taskAttempts['after_0']).toMatchObject([{ outputLog: '3\n' }])
    const begun = readFileSync(times, 'utf8').trim().split('\n').map(Number)
    for (const at of [1, 2]) expect(begun[at]! - begun[at - 1]!).toBeGreaterThanOrEqual(1_000)
    await resumed(runID)
    await until('it is tried twice more', async () => (await shown(runID)).taskAttempts['hopeless_0']?.length === 4)
  })

  it('that is paused begins nothing more, through a kill of the service, and goes on when it is resumed', async () => {
    const [go, log] = [join(folder, 'unpause'), join(folder, 'paused.log')]
    const wait = sh(`echo begun >> ${log}; until test -e ${go}; do sleep 0.1; done`)
    const spec = {
      tag: 'paused',
      parameters: { N: Array.from({ length: 10 }, (_, n) => String(n)) },
      tasks: { wide: { job: { ...wait, environment: ['N={{N}}'] } }, last: { job: sh(`echo last >> ${log}`), parents: ['wide'] } },
    }
    const runID = await submit(spec)
    const begun = (): number => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').length - 1 : 0)
    await until('some of them run', () => begun() === 2)
    await until('as many as may are at the producer', async () => {
      const { queued, running } = (await exec.request('GET', '/stats')).body as { readonly queued: number; readonly running: number }
      return queued + running === IN_FLIGHT
    })
    await reached(runID, 'RUNNING')
    expect(await call('PATCH', `/v1/dagrun/${runID}/state/PAUSED`)).toEqual({ status: 200, body: { runID } })
    expect((await call('PATCH', `/v1/dagrun/${runID}/state/PAUSED`)).status).toBe(200)
    expect((await call<RunSummary[]>('GET', '/v1/dagruns?tag=paused')).body).toMatchObject([{ runID, state: 'PAUSED' }])
    await service.child.kill()
    service = await installation.service('service')
    await service.client.ready()
    expect((await call('GET', `/v1/dagrun/${runID}/state`)).body).toEqual({ state: 'PAUSED' })
    writeFileSync(go, '')
    const counts = async (): Promise<object | undefined> => (await call<RunSummary[]>('GET', '/v1/dagruns?tag=paused')).body[0]?.taskCounts
    await expect.poll(counts).toEqual({ COMPLETED: IN_FLIGHT, QUEUED: 11 - IN_FLIGHT })
    expect(begun()).toBe(IN_FLIGHT)
    expect((await call('PATCH', `/v1/dagrun/${runID}/state/QUEUED`)).status).toBe(200)
    const run = await reached(runID, 'COMPLETED')
    expect(new Set(Object.values(run.taskStates))).toEqual(new Set(['COMPLETED']))
    expect(statesOf(run)).toEqual(['QUEUED', 'RUNNING', 'PAUSED', 'RUNNING', 'COMPLETED'])
    expect(readFileSync(log, 'utf8').trim().split('\n')).toEqual([...Array.from({ length: 10 }, () => 'begun'), 'last'])
    expect((await call('PATCH', `/v1/dagrun/${runID}/state/PAUSED`)).status).toBe(409)
  })

  it('is RETRY while a task rests, through a kill of the service, and then goes on', async () => {
    const tried = join(folder, 'tried')
    const runID = await submit({
      tag: 'rests',
      tasks: { once: { job: sh(`test -e ${tried} || { touch ${tried}; exit 1; }`), maxRetries: 1, retryIntervalSeconds: 4 } },
    })
    const state = async (): Promise<string> => (await call<{ state: string }>('GET', `/v1/dagrun/${runID}/task/once_0/state`)).body.state
    await expect.poll(state).toBe('RETRY')
    expect((await call<RunSummary[]>('GET', '/v1/dagruns?tag=rests')).body).toMatchObject([{ state: 'RUNNING', taskCounts: { RETRY: 1 } }])
    await service.child.kill()
    service = await installation.service('service')
    await service.client.ready()
    const run = await reached(runID, 'COMPLETED')
    expect(run.taskAttempts).toMatchObject({ once_0: [{ rc: 1 }, { rc: 0 }] })
  })

  it('of which a task is killed goes on with the others, and does what was killed when it is resumed', async () => {
    const time = longTime()
    const go = join(folder, 'go on')
    const runID = await submit({
      tag: 'task killed',
      tasks: {
        long: { job: sh(`test -e '${go}' || exec sleep ${time}`) },
        other: { job: sh(`until test -e '${go}'; do sleep 0.1; done`) },
        waiting: { job: sh('true'), parents: ['other'] },
        after: { job: sh('true'), parents: ['long'] },
      },
    })
    const killed = async (task: string): Promise<number> => (await call('DELETE', `/v1/dagrun/${runID}/task/${task}`)).status
    const states = async (): Promise<DagRun['taskStates']> => (await shown(runID)).taskStates
    await running(time)
    expect(await killed('long_0')).toBe(200)
    expect(await killed('waiting_0')).toBe(200)
    await until('the command has ended', () => processesWith(time).length === 0)
    await expect.poll(states).toEqual({ long_0: 'KILLED', other_0: 'RUNNING', waiting_0: 'KILLED', after_0: 'QUEUED' })
    expect(await killed('long_0')).toBe(200)
    expect(await killed('nobody_0')).toBe(404)
    writeFileSync(go, '')
    const run = await reached(runID, 'ERRORED')
    expect(run.taskStates).toEqual({ long_0: 'KILLED', other_0: 'COMPLETED', waiting_0: 'KILLED', after_0: 'QUEUED' })
    expect(run.taskAttempts).toMatchObject({ long_0: [{ rc: 9 }], waiting_0: [], after_0: [] })
    expect(await killed('other_0')).toBe(409)
    await resumed(runID)
    expect((await reached(runID, 'COMPLETED')).taskAttempts).toMatchObject({ long_0: [{ rc: 9 }, { rc: 0 }], waiting_0: [{ rc: 0 }] })
  })

  it('goes on when the service is killed in the middle, and no task runs again', async () => {
    const log = join(folder, 'log')
    const names = Array.from({ length: 6 }, (_, level) => `level${level}`)
    const tasks = Object.fromEntries(names.map((name, level) => {
      return [name, { job: sh(`echo ${level}-{{N}} >> ${log}; sleep 0.3`), parents: level === 0 ? [] : [names[level - 1]] }]
    }))
    const runID = await submit({ tag: 'outlives', parameters: { N: ['a', 'b'] }, tasks })
    await until('it is under way', () => existsSync(log))
    await service.child.kill()
    service = await installation.service('service')
    await service.client.ready()
    const run = await reached(runID, 'COMPLETED')
    expect(Object.values(run.taskAttempts).map(([attempt]) => attempt?.rc)).toEqual(Array.from({ length: 12 }, () => 0))
    // Of what ran when the service was killed, the exec producer has the end: nothing was run again.
    expect(readFileSync(log, 'utf8').trim().split('\n').sort()).toEqual(names.flatMap((_, level) => [`${level}-a`, `${level}-b`]))
  }, 120_000)

  it.each<[string, object, string]>([
    ['a cycle', { a: { job: sh('true'), parents: ['b'] }, b: { job: sh('true'), parents: ['a'] } }, 'wait for each other'],
    ['an unknown parent', { a: { job: sh('true'), parents: ['nobody'] } }, '"nobody"'],
    ['a program that is not listed', { a: { job: { command: ['/bin/nothing'] } } }, '"a_0" can’t run'],
  ])('with %s is refused, and is not valid', async (_, tasks, words) => {
    const { status, body } = await call<{ error: string }>('POST', '/v1/dagrun', { tag: 'bad', tasks })
    expect([status, body]).toEqual([400, { error: expect.stringContaining(words) as string }])
    expect((await call('POST', '/v1/dagrun/validate', { tag: 'bad', tasks })).body).toEqual({ valid: false, error: body.error })
  })
})
