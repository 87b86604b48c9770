/** A disk without room: all that is kept there is a cache, so jobs go on, and what can't be answered says why. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { QUICK_SESSIONS } from '../harness/chaos.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import { checkTopic } from '../harness/checker.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

// A full file system takes rights to make. A limit on the size of its files fails a process's writes as well (EFBIG for ENOSPC).
const FILE_BYTES_MAX = 64 * 1024
const BACK_MS_MAX = 30_000
/** EX_TEMPFAIL, as sysexits.h has it. */
const EXIT_STUCK = 75

let installation: Installation
let service: Service
let results: TopicLog

beforeAll(async () => {
  installation = await Installation.open('full-disk', givenStack(), { DATAJOB_OPERATIONS_MEMORY_BYTES_MAX: '1024' })
  service = await installation.service('service')
  await service.client.ready()
  await installation.network(service.client, 'north')
  results = await installation.resultTopic('results')
})

afterAll(() => installation.close())

async function limitFiles(limits: string, { child }: Service = service): Promise<void> {
  await promisify(execFile)('prlimit', ['--pid', String(child.pid), `--fsize=${limits}`])
}

function planned(operations: number): PlannedJob {
  return planJob({ kind: 'READ', destination: `kafka:${results.topic}`, services: ['north'], operations })
}

async function submit(job: PlannedJob): Promise<{ readonly status: number; readonly body: unknown }> {
  return service.client.submit(bodyOf(job), {}, job.destination)
}

/** Sends jobs until the process's read model has no room. */
async function fill({ client }: Service): Promise<readonly PlannedJob[]> {
  const jobs: PlannedJob[] = []
  await until('the read model waits', async () => {
    const job = planned(200)
    await submit(job)
    jobs.push(job)
    const { checks } = (await client.request('GET', '/readyz')).body as { readonly checks: Readonly<Record<string, string>> }
    return checks['projector']?.includes('the disk is full or fails') === true
  })
  return jobs
}

describe('while the disk is full', () => {
  it('jobs are taken and end, what needs the disk says so, and nothing has to be restarted', async () => {
    const jobs = [planned(20)]
    await submit(jobs[0]!)
    await service.client.ended(jobs[0]!.jobId)
    await limitFiles(`${FILE_BYTES_MAX}:unlimited`)
    jobs.push(...(await fill(service)))
    const waiting = planned(200)
    // Whether its id was free, only the read model can say.
    expect((await submit(waiting)).status).toBe(503)
    jobs.push(waiting)
    expect((await service.client.submit({ ...bodyOf(planned(20)), jobId: undefined }, {}, waiting.destination)).status).toBe(202)
    await results.until('results come all the same', (records) => {
      return records.filter(({ headers }) => headers['ce_correlationid'] === waiting.jobId).length > 1
    })
    const large = await submit(planned(20_000))
    expect(large).toMatchObject({ status: 503 })
    expect(JSON.stringify(large.body)).toContain('there is no place to keep a large job until all of it has come')
    expect(service.child.isRunning).toBe(true)
    await limitFiles('unlimited:unlimited')
    for (const { jobId } of jobs) expect((await service.client.ended(jobId, BACK_MS_MAX)).status).toBe('FINISHED')
    await service.client.ready()
    const log = await results.settled()
    expect(jobs.flatMap((job) => checkTopic(job, log))).toEqual([])
  }, 240_000)
})

describe('while the disk fails', () => {
  it('the process waits for a while only, says why it ends, and is to be started again', async () => {
    const settings = { ...QUICK_SESSIONS, DATAJOB_PROGRESS_TIMEOUT_MS: '3500' }
    const second = await installation.service('second', { settings })
    await second.client.ready()
    await limitFiles(`${FILE_BYTES_MAX}:unlimited`, second)
    const jobs = await fill(second)
    expect((await second.child.exited).code).toBe(EXIT_STUCK)
    expect(second.child.log().join('\n')).toMatch(/the disk is full or fails below [^"]+","msg":"the process stops, to be started again"/)
    for (const { jobId } of jobs) expect((await service.client.ended(jobId, BACK_MS_MAX)).status).toBe('FINISHED')
  }, 240_000)
})
