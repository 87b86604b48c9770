/** Processes that come and go in the middle of work, as in a rolling upgrade. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBucket } from '../harness/bucket-log.ts'
import { checkBucket, checkTopic, isCompletion, isOf } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

const SERVICES = ['north', 'south']
/** Of four jobs of 400 operations, ten in each subjob. */
const EVENTS = 160

let installation: Installation
let results: TopicLog

beforeAll(async () => {
  installation = await Installation.open('handover', givenStack(), { DATAJOB_SUBJOB_OPERATIONS_MAX: '10' })
  results = await installation.resultTopic('results')
})

afterAll(async () => {
  await installation.close()
})

async function submitJobs({ client }: Service, destination: string, count: number): Promise<readonly PlannedJob[]> {
  const jobs = Array.from({ length: count }, (_, n) =>
    planJob({ kind: n % 2 === 0 ? 'READ' : 'WRITE', destination, services: SERVICES, operations: 400 }),
  )
  const answers = await Promise.all(jobs.map((job) => client.submit(bodyOf(job), {}, destination)))
  expect(answers.map(({ status }) => status)).toEqual(jobs.map(() => 202))
  return jobs
}

/** How many of the jobs' events are there, completion events aside. */
function eventsOf(jobs: readonly PlannedJob[]): number {
  return results.records.filter((record) => !isCompletion(record) && jobs.some((job) => isOf(job)(record))).length
}

async function members(stage: string): Promise<number> {
  return (await membersOf(installation, stage)).length
}

/** By the names of their clients, which have the process's id in them. */
function membersOf(of: Installation, stage: string): Promise<readonly string[]> {
  const groupId = `${of.prefix.slice(0, -1)}.${stage}`
  return of.withAdmin(async (admin) => (await admin.describeGroups([groupId])).groups[0]?.members.map(({ clientId }) => clientId) ?? [])
}

/** What a graceful stop leaves in the log when it was none. */
function unclean({ child }: Service): readonly string[] {
  return child.log().filter((line) => /not closed cleanly|takes too long|lane (starts again|fenced|broken)/.test(line))
}

describe('two processes that share the lanes', () => {
  let staying: Service
  let leaving: Service

  beforeAll(async () => {
    const started = await Promise.all([installation.service('staying'), installation.service('leaving')])
    staying = started[0]
    leaving = started[1]
    await staying.client.ready()
    await leaving.client.ready()
    for (const name of SERVICES) await installation.network(staying.client, name, { 'delay-ms': '300..900' })
  })

  it('one is stopped in the middle: it exits with 0, work goes on, nothing is lost or doubled', async () => {
    const bucket = await installation.bucket('handed-over')
    const onTopic = await submitJobs(leaving, `kafka:${results.topic}`, 4)
    const inBucket = await submitJobs(leaving, `s3:${bucket}`, 2)
    await until('some results are there', () => eventsOf(onTopic) > 5)
    const stopped = leaving.child.stopCleanly()
    const before = eventsOf(onTopic)
    await stopped
    expect(unclean(leaving)).toEqual([])
    expect(before).toBeLessThan(EVENTS)
    expect([await members('coordinator'), await members('dispatcher')]).toEqual([1, 1])
    for (const { jobId } of [...onTopic, ...inBucket]) expect((await staying.client.ended(jobId)).status).toBe('FINISHED')
    const log = await results.settled()
    expect(onTopic.flatMap((job) => checkTopic(job, log))).toEqual([])
    for (const job of inBucket) expect(checkBucket(job, await readBucket(installation.s3, bucket, `${job.jobId}/`))).toEqual([])
  })

  it('another comes in the middle: it takes its share, nothing is lost or doubled', async () => {
    const jobs = await submitJobs(staying, `kafka:${results.topic}`, 4)
    await until('some results are there', () => eventsOf(jobs) > 5)
    const before = eventsOf(jobs)
    const coming = await installation.service('coming')
    await coming.client.ready()
    expect(before).toBeLessThan(EVENTS)
    for (const { jobId } of jobs) expect((await coming.client.ended(jobId)).status).toBe('FINISHED')
    const log = await results.settled()
    expect(jobs.flatMap((job) => checkTopic(job, log))).toEqual([])
    const assigned = coming.child.log().filter((line) => line.includes('lanes assigned'))
    const all = assigned.map((line) => JSON.parse(line) as { readonly stage: string; readonly partitions: readonly number[] })
    // Commands about many jobs are one lane, which either may have.
    const shared = all.filter(({ stage }) => stage !== 'bulk')
    expect(shared.length).toBeGreaterThanOrEqual(2)
    for (const { partitions } of shared) expect(partitions).toHaveLength(2)
  })
})

describe('processes with one role each', () => {
  it('do together what one process does', async () => {
    const separate = await Installation.open('roles', givenStack())
    try {
      await separate.service('coordinator', { roles: 'coordinator' })
      await separate.service('dispatcher', { roles: 'dispatcher' })
      const facade = await separate.service('facade', { roles: 'facade,projector' })
      await facade.client.ready()
      await separate.network(facade.client, 'north')
      const log = await separate.resultTopic('results')
      const job = planJob({ kind: 'READ', destination: `kafka:${log.topic}`, services: ['north'], operations: 50 })
      await facade.client.submit(bodyOf(job), {}, job.destination)
      expect((await facade.client.ended(job.jobId)).status).toBe('FINISHED')
      expect(checkTopic(job, await log.settled())).toEqual([])
    } finally {
      await separate.close()
    }
  })
})

describe('a process that was killed, and is started again on its data folder', () => {
  const SESSION_MS = 50_000

  it('has its lanes at once, however long its session would last; another beside it keeps its own', async () => {
    const killed = await Installation.open('killed', givenStack(), { DATAJOB_SESSION_TIMEOUT_MS: String(SESSION_MS) })
    try {
      const [beside, one] = await Promise.all([killed.service('beside'), killed.service('one')])
      await Promise.all([beside.client.ready(), one.client.ready()])
      await killed.network(beside.client, 'north', { 'delay-ms': '50..100' })
      const topic = await killed.resultTopic('results')
      const { pid } = one.child
      expect(await membersOf(killed, 'dispatcher')).toContainEqual(expect.stringContaining(`-${pid}-`))
      await one.child.kill()
      const again = await killed.service('one')
      for (const stage of ['coordinator', 'dispatcher']) {
        const members = await membersOf(killed, stage)
        expect(members).toContainEqual(expect.stringContaining(`-${beside.child.pid}-`))
        expect(members).not.toContainEqual(expect.stringContaining(`-${pid}-`))
      }
      await again.client.ready()
      const jobs = Array.from({ length: 12 }, () => {
        return planJob({ kind: 'WRITE', destination: `kafka:${topic.topic}`, services: ['north'], operations: 20 })
      })
      for (const job of jobs) expect((await again.client.submit(bodyOf(job), {}, job.destination)).status).toBe(202)
      for (const { jobId } of jobs) await again.client.ended(jobId)
      const log = await topic.settled()
      expect(jobs.flatMap((job) => checkTopic(job, log))).toEqual([])
    } finally {
      await killed.close()
    }
  }, 240_000)
})
