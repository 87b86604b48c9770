/** Bulk commands of Scale on real servers, and processes that are killed in the middle of them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { preload } from '../chaos/world/faults/victims.ts'
import { shortGrace } from '../harness/exec-producer.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { ScaleClient, type ScaleJob } from '../harness/scale-client.ts'

const PROGRAMS = { sh: { path: '/bin/sh', shell: true } }
const JOBS = 40

let installation: Installation
let service: Service
let scale: ScaleClient

beforeAll(async () => {
  installation = await Installation.open('scale-bulk', givenStack(), { DATAJOB_TURN_RECORDS_MAX: String(JOBS / 5) })
  await restart()
  const producer = await installation.execProducer('exec', { ...shortGrace, programs: PROGRAMS })
  await service.client.registerService('exec', producer.url)
}, 120_000)

afterAll(() => installation.close())

async function restart(settings: Readonly<Record<string, string>> = {}): Promise<void> {
  service = await installation.service('service', { settings })
  scale = new ScaleClient(service.client.url)
  await service.client.ready()
}

async function count(query: string): Promise<number> {
  return (await scale.call<{ readonly count: number }>('GET', `jobs/?page_size=1&${query}`)).body.count
}

async function untilCount(query: string, expected: number): Promise<void> {
  await expect.poll(() => count(query), { timeout: 240_000, interval: 200 }).toBe(expected)
}

/** Jobs of a type of that name, each of which has failed once; each run leaves a line with its file’s id. */
async function failedJobs(name: string): Promise<() => readonly string[]> {
  const file = join(installation.folder, `${name}.txt`)
  const inputs = { files: [{ name: 'scene' }] }
  const type = await scale.type(name, { command: `sh 'echo $SCENE >> ${file}; exit 4'`, inputs })
  const scenes = Array.from({ length: JOBS }, (_, n) => ({ files: { scene: [n] } }))
  const batch = await scale.call('POST', 'batches/', { title: name, job_type_id: type, inputs: scenes })
  expect(batch.status, JSON.stringify(batch.body)).toBe(201)
  await untilCount(`job_type_name=${name}&status=FAILED`, JOBS)
  return () => readFileSync(file, 'utf8').trim().split('\n')
}

function failpoint(name: string): Readonly<Record<string, string>> {
  return preload('failpoint', { CHAOS_FAILPOINT: name })
}

async function killed(): Promise<void> {
  expect(await service.child.exited).toEqual({ code: null, signal: 'SIGKILL' })
}

/** A process that is killed by what it finds to do. */
async function startedToDie(at: string): Promise<void> {
  service = await installation.service('service', { settings: failpoint(at) })
  await killed()
}

async function expectRequeued(name: string, lines: () => readonly string[]): Promise<void> {
  await expect.poll(() => lines().length, { timeout: 240_000 }).toBe(2 * JOBS)
  await untilCount(`job_type_name=${name}&status=FAILED`, JOBS)
  await expectRuns(name, lines(), 2)
}

async function expectRuns(name: string, lines: readonly string[], runs: number): Promise<void> {
  const runsOfAll = async (): Promise<ReadonlySet<number>> => {
    const { body } = await scale.call<{ readonly results: readonly ScaleJob[] }>('GET', `jobs/?job_type_name=${name}`)
    return new Set(body.results.map((job) => job.num_exes))
  }
  // A job that has run again may still be read as it was before.
  await expect.poll(runsOfAll).toEqual(new Set([runs]))
  const wanted = Array.from({ length: JOBS * runs }, (_, n) => String(n % JOBS))
  expect([...lines].sort()).toEqual(wanted.sort())
}

describe('a requeue', () => {
  it('is of every job that fails so, once, though it is given twice, with another priority', async () => {
    const lines = await failedJobs('twice')
    const filter = { job_type_names: ['twice'], error_categories: ['ALGORITHM'], priority: 7 }
    const given = await Promise.all([scale.call('POST', 'jobs/requeue/', filter), scale.call('POST', 'jobs/requeue/', filter)])
    expect(given).toMatchObject([{ status: 202, body: null }, { status: 202, body: null }])
    await expect.poll(() => lines().length).toBe(2 * JOBS)
    await untilCount('job_type_name=twice&status=FAILED', JOBS)
    await expectRuns('twice', lines(), 2)
    expect(await count('job_type_name=twice&order=priority')).toBe(JOBS)
  }, 600_000)

  it('whose process is killed before its record is written is of no job, and may be given again', async () => {
    const lines = await failedJobs('none')
    await service.child.kill()
    await restart(failpoint('command.write.before@scale:1'))
    await expect(scale.call('POST', 'jobs/requeue/', { job_type_names: ['none'] })).rejects.toThrow()
    await killed()
    await restart()
    expect(await count('job_type_name=none&status=FAILED')).toBe(JOBS)
    await expectRuns('none', lines(), 1)
    expect((await scale.call('POST', 'jobs/requeue/', { job_type_names: ['none'] })).status).toBe(202)
    await expectRequeued('none', lines)
  }, 600_000)

  it('whose record is acknowledged is of every job, once, whatever is killed before, between and behind its portions', async () => {
    const lines = await failedJobs('all')
    await service.child.kill()
    await restart(failpoint('command.write.after@scale:1'))
    await expect(scale.call('POST', 'jobs/requeue/', { job_type_names: ['all'] })).rejects.toThrow()
    await killed()
    // The first turn or two of a lane have no portion in them, each of those that follow has one of five.
    await startedToDie('transaction.end.before@.bulk.:2')
    await startedToDie('lane.commit.before@bulk:3')
    await startedToDie('lane.commit.after@bulk:3')
    await restart()
    await expectRequeued('all', lines)
  }, 600_000)
})

describe('a cancel', () => {
  it('is of all that waits or runs, and what was cancelled is queued again', async () => {
    const type = await scale.type('long', { command: "sh 'sleep 600'" })
    const ids = [await scale.job(type), await scale.job(type), await scale.job(type)]
    await untilCount('job_type_name=long&status=RUNNING', 3)
    expect((await scale.call('POST', 'jobs/cancel/', { job_type_names: ['long'] })).status).toBe(202)
    await untilCount('job_type_name=long&status=CANCELED', 3)
    expect((await scale.call('POST', 'jobs/requeue/', { job_ids: ids.slice(0, 1) })).status).toBe(202)
    await untilCount('job_type_name=long&status=RUNNING', 1)
    expect(await scale.shown(ids[0] ?? 0)).toMatchObject({ num_exes: 2 })
    expect((await scale.call('POST', 'jobs/cancel/', {})).status).toBe(202)
    await untilCount('job_type_name=long&status=CANCELED', 3)
  }, 600_000)

  it('is of what has failed as well, which is requeued like any other', async () => {
    const lines = await failedJobs('failed')
    expect((await scale.call('POST', 'jobs/cancel/', { job_type_names: ['failed'] })).status).toBe(202)
    await untilCount('job_type_name=failed&status=CANCELED', JOBS)
    await service.child.kill()
    await restart()
    expect(await count('job_type_name=failed&status=CANCELED')).toBe(JOBS)
    expect((await scale.call('POST', 'jobs/requeue/', { job_type_names: ['failed'], status: 'CANCELED' })).status).toBe(202)
    await expectRequeued('failed', lines)
  }, 600_000)
})

describe('a job type that is paused', () => {
  it('begins none of its jobs, new, queued or requeued, through a kill, and all of them once when it is resumed', async () => {
    const lines = await failedJobs('paused')
    const type = { name: 'paused', version: '1.0.0' }
    const pause = async (is_paused: boolean): Promise<void> => {
      const answer = await scale.call('PATCH', `job-types/${type.name}/${type.version}/`, { is_paused })
      expect(answer).toMatchObject({ status: 200, body: { is_paused } })
    }
    await pause(true)
    expect((await scale.call('POST', 'jobs/requeue/', { job_type_names: ['paused'] })).status).toBe(202)
    await untilCount('job_type_name=paused&status=QUEUED', JOBS)
    await service.child.kill()
    await restart()
    // What is not paused runs beside it, also behind it in the queue.
    const other = await scale.job(await scale.type('beside', { command: 'sh true' }))
    await scale.ended(other, 'COMPLETED')
    expect(lines()).toHaveLength(JOBS)
    expect(await count('job_type_name=paused&status=QUEUED')).toBe(JOBS)
    await pause(false)
    await expectRequeued('paused', lines)
  }, 600_000)
})
