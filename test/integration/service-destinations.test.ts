/** A client's topic is the client's: what happens to it must not touch anybody else's jobs. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { checkTopic, isCompletion, isOf } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'

let installation: Installation
let service: Service
let results: TopicLog

beforeAll(async () => {
  installation = await Installation.open('destinations', givenStack(), { DATAJOB_SUBJOB_OPERATIONS_MAX: '20' })
  service = await installation.service('service')
  await service.client.ready()
  await installation.network(service.client, 'north', { 'delay-ms': '300..900' })
  // None of its results is there when the first ones of the others are.
  await installation.network(service.client, 'slow', { 'delay-ms': '5000..6000' })
  await installation.network(service.client, 'large', { 'result-bytes': '1000' })
  results = await installation.resultTopic('results')
})

afterAll(async () => {
  await installation.close()
})

/** Jobs enough to be in every lane. */
async function submitted(topic: string, services: readonly string[], count = 8): Promise<PlannedJob[]> {
  const destination = `kafka:${topic}`
  const jobs = Array.from({ length: count }, () => planJob({ kind: 'READ', destination, services, operations: 80 }))
  const answers = await Promise.all(jobs.map((job) => service.client.submit(bodyOf(job), {}, destination)))
  expect(answers.map(({ status }) => status)).toEqual(jobs.map(() => 202))
  return jobs
}

/** The reasons for which lanes started again since the log had that many lines. */
function restarts(since: number): readonly string[] {
  return service.child.log().slice(since).filter((line) => /lane (starts again|fenced|broken)/.test(line))
}

describe('a destination topic', () => {
  let lines: number

  beforeEach(() => {
    lines = service.child.log().length
  })

  it('that is deleted in the middle: its jobs end with a message, all others go on', async () => {
    const doomed = await installation.resultTopic('doomed')
    const jobs = await submitted(doomed.topic, ['north', 'slow'])
    const others = await submitted(results.topic, ['north'])
    await doomed.until('some results are there', (records) => records.length > 5)
    await doomed.close()
    await installation.withAdmin((admin) => admin.deleteTopics({ topics: [doomed.topic] }))
    for (const { jobId } of others) expect((await service.client.ended(jobId)).status).toBe('FINISHED')
    for (const { jobId } of jobs) {
      const ended = await service.client.ended(jobId)
      expect(ended.message).toContain(`topic "${doomed.topic}" does not exist`)
    }
    const log = await results.settled()
    expect(others.flatMap((job) => checkTopic(job, log))).toEqual([])
    // Each of the two stages has four lanes; none of them is hit for every record.
    expect(restarts(lines).length).toBeLessThanOrEqual(16)
  })

  it('that is made again in the middle, with fewer partitions: what was on it is gone, what comes then is whole', async () => {
    const name = 'again'
    const before = await installation.resultTopic(name)
    const jobs = await submitted(before.topic, ['north'])
    const others = await submitted(results.topic, ['north'])
    await before.until('some results are there', (records) => records.length > 5)
    await before.close()
    await installation.withAdmin((admin) => admin.deleteTopics({ topics: [before.topic] }))
    const topic = await installation.resultTopic(name, {}, 1)
    for (const { jobId } of others) expect((await service.client.ended(jobId)).status).toBe('FINISHED')
    for (const { jobId } of jobs) {
      const { status, message } = await service.client.ended(jobId)
      // Between the two topics there was none.
      if (status !== 'FINISHED') expect(message).toContain(`topic "${topic.topic}" does not exist`)
    }
    const later = await submitted(topic.topic, ['north'])
    for (const { jobId } of later) expect((await service.client.ended(jobId)).status).toBe('FINISHED')
    const log = await results.settled()
    const logAgain = await topic.settled()
    expect([...others.flatMap((job) => checkTopic(job, log)), ...later.flatMap((job) => checkTopic(job, logAgain))]).toEqual([])
    expect(restarts(lines).length).toBeLessThanOrEqual(16)
  })

  it('that is given partitions in the middle: every operation arrives once, and every job is completed once', async () => {
    const growing = await installation.resultTopic('growing')
    const jobs = await submitted(growing.topic, ['north'])
    await growing.until('some results are there', (records) => records.length > 5)
    const topicPartitions = [{ topic: growing.topic, count: 7 }]
    await installation.withAdmin((admin) => admin.createPartitions({ topicPartitions }))
    jobs.push(...(await submitted(growing.topic, ['north'])))
    for (const { jobId } of jobs) expect((await service.client.ended(jobId)).status).toBe('FINISHED')
    await growing.close()
    const log = await (await installation.follow(growing.topic)).settled()
    // Where a job's id is placed is another question once there are more of them, and not all of a job need have been asked then.
    expect(jobs.flatMap((job) => checkTopic(job, log)).filter((found) => !found.startsWith('its records are on partitions'))).toEqual([])
    expect(jobs.map((job) => log.filter((record) => isOf(job)(record) && isCompletion(record)).length)).toEqual(jobs.map(() => 1))
    expect(restarts(lines)).toEqual([])
  })

  it('that takes small records only: results go out as more of them', async () => {
    const small = await installation.resultTopic('small', { 'max.message.bytes': '8000' })
    const jobs = await submitted(small.topic, ['large'])
    for (const { jobId } of jobs) expect((await service.client.ended(jobId)).status).toBe('FINISHED')
    const log = await small.settled()
    expect(jobs.flatMap((job) => checkTopic(job, log))).toEqual([])
    expect(restarts(lines)).toEqual([])
  })

  it('that takes records smaller than one response: each comes in parts', async () => {
    const tiny = await installation.resultTopic('tiny', { 'max.message.bytes': '1700' })
    const jobs = await submitted(tiny.topic, ['large'], 2)
    for (const { jobId } of jobs) expect((await service.client.ended(jobId)).status).toBe('FINISHED')
    const log = await tiny.settled()
    expect(jobs.flatMap((job) => checkTopic(job, log))).toEqual([])
    expect(log.some(({ headers }) => headers['ce_partof'] !== undefined)).toBe(true)
    expect(restarts(lines)).toEqual([])
  })

  it('gets results that are larger than any record, each in parts', async () => {
    await installation.network(service.client, 'huge', { 'result-bytes': '2000000' })
    const job = planJob({ kind: 'READ', destination: `kafka:${results.topic}`, services: ['huge'], operations: 10 })
    await service.client.submit(bodyOf(job), {}, job.destination)
    expect((await service.client.ended(job.jobId)).status).toBe('FINISHED')
    const log = await results.settled()
    expect(checkTopic(job, log)).toEqual([])
    expect(log.filter((record) => isOf(job)(record) && record.headers['ce_partof'] !== undefined).length).toBeGreaterThanOrEqual(30)
  })

  it('that takes nothing at all: its jobs end with a message, all others go on', async () => {
    const closed = await installation.resultTopic('closed', { 'max.message.bytes': '100' })
    const jobs = await submitted(closed.topic, ['large'])
    const others = await submitted(results.topic, ['large'])
    for (const { jobId } of others) expect((await service.client.ended(jobId)).status).toBe('FINISHED')
    for (const { jobId } of jobs) {
      const ended = await service.client.ended(jobId)
      expect(ended.status).toBe('FAILED')
      expect(ended.message).toContain(closed.topic)
    }
    const log = await results.settled()
    expect(others.flatMap((job) => checkTopic(job, log))).toEqual([])
  })

  it('whose limit shrinks in the middle: every operation still arrives once', async () => {
    const shrinking = await installation.resultTopic('shrinking')
    const [first] = await submitted(shrinking.topic, ['large'], 1)
    await service.client.ended(first!.jobId)
    await installation.limitTopic(shrinking.topic, 8_000)
    const jobs = await submitted(shrinking.topic, ['large'])
    for (const { jobId } of jobs) expect((await service.client.ended(jobId)).status).toBe('FINISHED')
    const log = await shrinking.settled()
    expect([first!, ...jobs].flatMap((job) => checkTopic(job, log))).toEqual([])
    expect(log.filter((record) => isCompletion(record) && jobs.some((job) => isOf(job)(record)))).toHaveLength(jobs.length)
  })
})
