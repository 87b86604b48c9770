/** Generators of the daggy dialect on real servers: what a command prints becomes tasks, once, whatever is killed. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DagRun } from '../../src/rest/dialects/daggy/schemas.ts'
import { shortGrace } from '../harness/exec-producer.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { until } from '../harness/until.ts'

let installation: Installation
let service: Service
let folder: string

beforeAll(async () => {
  installation = await Installation.open('daggy-generators', givenStack())
  service = await installation.service('service')
  folder = mkdtempSync(join(tmpdir(), 'daggy-'))
  await service.client.ready()
  const programs = { sh: { path: '/bin/sh', shell: true } }
  const producer = await installation.execProducer('exec', { ...shortGrace, programs, capacity: { cores: 2, memoryMB: 4_096 } })
  await service.client.registerService('exec', producer.url)
})

afterAll(() => installation.close())

interface Answer<T> {
  readonly status: number
  readonly body: T
}

async function call<T>(method: string, path: string, body?: object): Promise<Answer<T>> {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const answer = await fetch(`${service.client.url}${path}`, { method, ...sent })
  return { status: answer.status, body: (await answer.json()) as T }
}

const sh = (script: string): object => ({ command: ['/bin/sh', '-c', script], cores: '1', memoryMB: '64' })

/** A generator that prints these tasks. */
function printing(name: string, tasks: object): object {
  const file = join(folder, `${name}.json`)
  writeFileSync(file, JSON.stringify(tasks))
  return { job: sh(`cat ${file}`), isGenerator: true }
}

async function submit(spec: object): Promise<number> {
  expect((await call('POST', '/v1/dagrun/validate', spec)).body).toEqual({ valid: true })
  const { status, body } = await call<{ runID: number }>('POST', '/v1/dagrun', spec)
  expect(status, JSON.stringify(body)).toBe(200)
  return body.runID
}

async function reached(runID: number, state: string): Promise<DagRun> {
  const path = `/v1/dagrun/${runID}/state`
  await expect.poll(async () => (await call<{ state: string }>('GET', path)).body.state).toBe(state)
  return (await call<DagRun>('GET', `/v1/dagrun/${runID}`)).body
}

const lines = (file: string): readonly string[] => readFileSync(file, 'utf8').trim().split('\n')

describe('a generator', () => {
  it('has the tasks that it prints done before what comes after it, with the parameters of its run', async () => {
    const log = join(folder, 'whole')
    const made = { part: { job: sh(`echo part-{{N}} >> ${log}`) }, sum: { job: sh(`echo sum >> ${log}`), parents: ['part'] } }
    const runID = await submit({
      tag: 'whole',
      parameters: { N: ['1', '2', '3'] },
      tasks: {
        split: { ...printing('whole', made), children: ['last'] },
        last: { job: sh(`echo last >> ${log}`) },
      },
    })
    const run = await reached(runID, 'COMPLETED')
    expect(run.taskStates).toEqual({
      ...{ split_0: 'COMPLETED', last_0: 'COMPLETED', sum_0: 'COMPLETED' },
      ...{ part_0: 'COMPLETED', part_1: 'COMPLETED', part_2: 'COMPLETED' },
    })
    const told = lines(log)
    expect([...told].slice(0, 3).sort()).toEqual(['part-1', 'part-2', 'part-3'])
    expect(told.slice(3)).toEqual(['sum', 'last'])
    expect(run.tasks).toMatchObject({
      split_0: { isGenerator: true, parents: [], children: ['last_0', 'part_0', 'part_1', 'part_2', 'sum_0'] },
      part_1: { isGenerator: false, parents: ['split_0'], children: ['last_0', 'sum_0'], job: sh(`echo part-2 >> ${log}`) },
      sum_0: { parents: ['split_0', 'part_0', 'part_1', 'part_2'], children: ['last_0'] },
      last_0: { parents: ['split_0', 'part_0', 'part_1', 'part_2', 'sum_0'] },
    })
    expect(run.taskAttempts).toMatchObject({ split_0: [{ rc: 0, executorLog: '' }], part_2: [{ rc: 0 }], last_0: [{ rc: 0 }] })
    expect((await call('GET', `/v1/dagrun/${runID}/task/part_2/state`)).body).toEqual({ state: 'COMPLETED' })
    const [listed] = (await call<object[]>('GET', '/v1/dagruns?all=1&tag=whole')).body
    expect(listed).toMatchObject({ state: 'COMPLETED', taskCounts: { COMPLETED: 6 } })
  })

  it('may print generators, and names that are taken', async () => {
    const inner = printing('inner', { work: { job: sh('echo inner') } })
    const outer = printing('outer', { work: inner, idle: { job: sh('true') } })
    const runID = await submit({ tag: 'nested', tasks: { work: outer, last: { job: sh('true'), parents: ['work'] } } })
    const run = await reached(runID, 'COMPLETED')
    expect(Object.keys(run.tasks)).toEqual(['work_0', 'last_0', 'work_0.work_0', 'idle_0', 'work_0.work_0.work_0'])
    expect(run.tasks['last_0']?.parents).toEqual(['work_0', 'work_0.work_0', 'idle_0', 'work_0.work_0.work_0'])
    expect(run.taskAttempts['work_0.work_0.work_0']).toMatchObject([{ outputLog: 'inner\n' }])
  })

  it.each<[string, string, string]>([
    ['no JSON', 'echo nothing', 'it is not valid JSON'],
    ['an unknown parent', 'echo \'{"a": {"job": {"command": ["x"]}, "parents": ["b"]}}\'', 'the parent "b", which is no task'],
    ['an unknown member', 'echo \'{"a": {"job": {"command": ["x"]}, "parent": []}}\'', 'parent'],
    ['a parameter that there is not', 'echo \'{"a": {"job": {"command": ["{\'\'{B}}"]}}}\'', 'uses {{B}}, which is no parameter'],
  ])('that prints %s is ERRORED, and says why; resumed, it may print something else', async (name, script, reason) => {
    const fixed = join(folder, `fixed of ${name}`)
    const well = 'echo \'{"made": {"job": {"command": ["/bin/sh", "-c", "true"]}}}\''
    const tasks = {
      split: { job: sh(`test -e '${fixed}' && ${well} || ${script}`), isGenerator: true },
      last: { job: sh('true'), parents: ['split'] },
    }
    const runID = await submit({ tag: 'wrong', parameters: { A: ['1'] }, tasks })
    const run = await reached(runID, 'ERRORED')
    expect(run.taskStates).toEqual({ split_0: 'ERRORED', last_0: 'QUEUED' })
    expect(run.taskAttempts['split_0']).toMatchObject([{ rc: 0, executorLog: expect.stringContaining(reason) as string }])
    writeFileSync(fixed, '')
    expect((await call('PATCH', `/v1/dagrun/${runID}/state/QUEUED`)).status).toBe(200)
    const after = await reached(runID, 'COMPLETED')
    expect(after.taskStates).toEqual({ split_0: 'COMPLETED', last_0: 'COMPLETED', made_0: 'COMPLETED' })
    expect(after.taskAttempts['split_0']).toHaveLength(2)
  }, 120_000)

  it('that prints more than is kept of it is ERRORED', async () => {
    const job = sh('head -c 600000 /dev/zero | tr "\\0" " "')
    const runID = await submit({ tag: 'large', tasks: { split: { job, isGenerator: true } } })
    const { taskAttempts } = await reached(runID, 'ERRORED')
    const executorLog = expect.stringContaining('of its 600000 bytes only some are kept') as string
    expect(taskAttempts['split_0']).toMatchObject([{ executorLog }])
  })

  it('is not run again, nor are its tasks made again, when one of them fails and the run is resumed', async () => {
    const [log, fixed] = [join(folder, 'resumed'), join(folder, 'may go on')]
    const made = { good: { job: sh(`echo good >> ${log}`) }, bad: { job: sh(`test -e '${fixed}' && echo bad >> ${log}`) } }
    const printer = printing('resumed', made) as { job: { command: string[] } }
    printer.job.command[2] = `echo split >> ${log}; ${printer.job.command[2]}`
    const runID = await submit({ tag: 'resumed', tasks: { split: printer, last: { job: sh(`echo last >> ${log}`), parents: ['split'] } } })
    const run = await reached(runID, 'ERRORED')
    expect(run.taskStates).toEqual({ split_0: 'COMPLETED', last_0: 'QUEUED', good_0: 'COMPLETED', bad_0: 'ERRORED' })
    writeFileSync(fixed, '')
    expect((await call('PATCH', `/v1/dagrun/${runID}/state/QUEUED`)).status).toBe(200)
    const after = await reached(runID, 'COMPLETED')
    expect(Object.keys(after.tasks)).toEqual(Object.keys(run.tasks))
    expect(lines(log)).toEqual(['split', 'good', 'bad', 'last'])
  }, 120_000)

  it('has its tasks once when the service is killed again and again', async () => {
    const log = join(folder, 'killed')
    const made = { work: { job: sh(`echo work-{{N}} >> ${log}; sleep 0.2`) }, sum: { job: sh(`echo sum >> ${log}`), parents: ['work'] } }
    const printer = printing('killed', made) as { job: { command: string[] } }
    printer.job.command[2] = `echo split >> ${log}; sleep 0.5; ${printer.job.command[2]}`
    const tasks = { split: printer, last: { job: sh(`echo last >> ${log}`), parents: ['split'] } }
    const runID = await submit({ tag: 'killed', parameters: { N: ['a', 'b', 'c', 'd'] }, tasks })
    for (const sign of ['split', 'work-a']) {
      await until(`${sign} is under way`, () => existsSync(log) && lines(log).includes(sign))
      await service.child.kill()
      service = await installation.service('service')
      await service.client.ready()
    }
    const run = await reached(runID, 'COMPLETED')
    expect(Object.keys(run.tasks)).toEqual(['split_0', 'last_0', 'work_0', 'work_1', 'work_2', 'work_3', 'sum_0'])
    expect([...lines(log)].sort()).toEqual(['last', 'split', 'sum', 'work-a', 'work-b', 'work-c', 'work-d'])
    expect(lines(log).slice(-2)).toEqual(['sum', 'last'])
  }, 180_000)
})
