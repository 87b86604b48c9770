/** Plugins that put their results on a topic of their own and answer with its name. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBucket } from '../harness/bucket-log.ts'
import { checkBucket, checkTopic, isCompletion, isOf } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, FAILING_CELLS, handlesOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import { PluginWithTopic, responsesTo, type SubmittedPart } from '../harness/plugin-with-topic.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

const WAIT_MS = 8_000
const CODE_UNABLE_TO_READ = 103
const CODE_UNKNOWN = 108

let installation: Installation
let service: Service
let results: TopicLog
const plugins: PluginWithTopic[] = []

beforeAll(async () => {
  installation = await Installation.open('named', givenStack(), {
    DATAJOB_SUBJOB_OPERATIONS_MAX: '10',
    DATAJOB_RESULT_TOPIC_TIMEOUT_MS: String(WAIT_MS),
    DATAJOB_RETRY_DELAY_MIN_MS: '10',
  })
  service = await installation.service('service')
  await service.client.ready()
  results = await installation.resultTopic('results')
})

afterAll(async () => {
  await installation.close()
  await Promise.all(plugins.map((plugin) => plugin.close()))
})

/** A plugin that is registered, with handles behind it. */
async function plugin(name: string, topic?: string): Promise<PluginWithTopic> {
  const internal = topic ?? (await installation.resultTopic(`internal-${name}`)).topic
  const started = await PluginWithTopic.start(internal, installation.kafka)
  plugins.push(started)
  await service.client.registerService(name, started.url)
  await service.client.registerHandles(name, handlesOf(name))
  return started
}

function planned(name: string, operations: number, destination = `kafka:${results.topic}`): PlannedJob {
  return planJob({ kind: 'READ', destination, services: [name], operations })
}

async function submit(job: PlannedJob): Promise<void> {
  expect((await service.client.submit(bodyOf(job), {}, job.destination)).status).toBe(202)
}

/** The job, if none of these operations went well. */
function failing(job: PlannedJob, code: number, isFailing: (operationId: string | number) => boolean = () => true): PlannedJob {
  return { ...job, operations: job.operations.map((each) => (isFailing(each.operationId) ? { ...each, code } : each)) }
}

function writesAll(name: string, writer: PluginWithTopic): (part: SubmittedPart) => Promise<void> {
  return ({ jobId, operations }) => writer.write({ correlationId: jobId, source: `dmi.${name}`, responses: responsesTo(operations) })
}

/** The messages of a job's responses on the topic. */
async function statusMessages(job: PlannedJob): Promise<readonly string[]> {
  const own = (await results.settled()).filter((record) => isOf(job)(record) && !isCompletion(record))
  return own.flatMap(({ value }) => {
    const { data } = JSON.parse(String(value)) as { data: { responses: { statusMessage: string }[] } }
    return data.responses.map(({ statusMessage }) => statusMessage)
  })
}

describe('results that simulated producers put on one topic', () => {
  it('arrive on a topic and in a bucket, each operation once', async () => {
    const internal = await installation.resultTopic('internal-shared')
    const options = { 'result-topic': internal.topic, 'fail-operations': FAILING_CELLS, 'result-bytes': '2000' }
    const services = ['sim-one', 'sim-two']
    for (const name of services) await installation.network(service.client, name, options)
    const bucket = await installation.bucket('named')
    const toTopic = { kind: 'READ', destination: `kafka:${results.topic}`, services, operations: 600, failEvery: 7 } as const
    const onTopic = [planJob(toTopic), planJob(toTopic)]
    const inBucket = planJob({ kind: 'WRITE', destination: `s3:${bucket}`, services, operations: 300, failEvery: 5 })
    for (const job of [...onTopic, inBucket]) await submit(job)
    for (const job of [...onTopic, inBucket]) expect((await service.client.ended(job.jobId)).status).toBe('PARTIALLY_FAILED')
    const log = await results.settled()
    for (const job of onTopic) expect(checkTopic(job, log)).toEqual([])
    expect(checkBucket(inBucket, await readBucket(installation.s3, bucket, `${inBucket.jobId}/`))).toEqual([])
  })
})

describe('events on a topic of a plugin', () => {
  it('count whether they come at the submission, before the answer that names the topic, or after it', async () => {
    const writer = await plugin('timely')
    const all = writesAll('timely', writer)
    const early = planned('timely', 60)
    writer.onSubmit = all
    await submit(early)
    expect((await service.client.ended(early.jobId)).status).toBe('FINISHED')
    writer.onSubmit = () => Promise.resolve()
    writer.onResult = all
    const prompt = planned('timely', 60)
    await submit(prompt)
    expect((await service.client.ended(prompt.jobId)).status).toBe('FINISHED')
    const late = planned('timely', 60)
    writer.onResult = () => Promise.resolve()
    const asked = writer.asked.length
    await submit(late)
    await until('all results are waited for', () => writer.asked.length >= asked + 8)
    for (const part of writer.parts.filter(({ jobId }) => jobId === late.jobId)) await all(part)
    expect((await service.client.ended(late.jobId)).status).toBe('FINISHED')
    const log = await results.settled()
    for (const job of [early, prompt, late]) expect(checkTopic(job, log)).toEqual([])
  })

  it('that are of other jobs, plugins and operations, twice there, or unreadable, change nothing', async () => {
    const writer = await plugin('noisy')
    const wrong = { foreign: true }
    writer.onResult = async ({ jobId, dataProducerJobId, operations }) => {
      const good = { correlationId: jobId, source: 'noisy', responses: responsesTo(operations.slice(1)) }
      await writer.writeText(jobId, '{"data":')
      await writer.writeText(jobId, 'not JSON')
      await writer.write(
        { correlationId: `other-${jobId}`, responses: responsesTo(operations, wrong) },
        { correlationId: jobId, source: 'dmi.timely', responses: responsesTo(operations, wrong) },
        { correlationId: jobId, responses: [{ operationId: 'of nobody', statusCode: 0, result: wrong }] },
        ...[good, good, good],
        { correlationId: dataProducerJobId, responses: responsesTo(operations.slice(0, 1)) },
      )
    }
    const job = planned('noisy', 80)
    await submit(job)
    expect((await service.client.ended(job.jobId)).status).toBe('FINISHED')
    const log = await results.settled()
    expect(checkTopic(job, log)).toEqual([])
    expect(log.filter(({ value }) => String(value).includes('foreign'))).toEqual([])
  })

  it('that never come are reported once the wait is over, those that came are published', async () => {
    const writer = await plugin('forgetful')
    const isForgotten = (operationId: string | number): boolean => typeof operationId === 'number'
    writer.onResult = ({ jobId, operations }) =>
      writer.write({ correlationId: jobId, responses: responsesTo(operations.filter(({ operationId }) => !isForgotten(operationId))) })
    const job = failing(planned('forgetful', 40), CODE_UNKNOWN, isForgotten)
    await submit(job)
    const ended = await service.client.ended(job.jobId)
    expect(ended.status).toBe('PARTIALLY_FAILED')
    const why = `no event on topic "${writer.topic}" mentions the operation, ${WAIT_MS} ms after the producer named the topic`
    expect(ended.message).toContain(why)
    expect(checkTopic(job, await results.settled())).toEqual([])
    expect(await statusMessages(job)).toContain(`Unknown error: ${why}`)
  })

  it('are found again after a kill -9, also those that were written while nobody was there', async () => {
    const writer = await plugin('patient')
    const bucket = await installation.bucket('patient')
    const jobs = [planned('patient', 60), planned('patient', 60, `s3:${bucket}`)]
    for (const job of jobs) await submit(job)
    await until('all results are waited for', () => new Set(writer.asked).size >= 16)
    const half = writer.parts.slice(0, writer.parts.length / 2)
    for (const part of half) await writesAll('patient', writer)(part)
    await service.child.kill()
    for (const part of writer.parts.slice(half.length)) await writesAll('patient', writer)(part)
    service = await installation.service('service')
    for (const { jobId } of jobs) expect((await service.client.ended(jobId)).status).toBe('FINISHED')
    expect(checkTopic(jobs[0]!, await results.settled())).toEqual([])
    expect(checkBucket(jobs[1]!, await readBucket(installation.s3, bucket, `${jobs[1]!.jobId}/`))).toEqual([])
  })
})

describe('a topic', () => {
  it.each([
    ['that does not exist', () => `nowhere-${installation.prefix}x`, ', which it names, does not exist'],
    ['of ours', () => `${installation.prefix}jobs`, "is no topic's name, or is one of ours"],
    ["that is the job's own destination", () => results.topic, "is the job's own destination"],
    ['with a name that no topic has', () => 's3:bucket', "is no topic's name"],
  ])('%s is refused, and each operation reported', async (_, topic, why) => {
    const name = `astray-${plugins.length}`
    await plugin(name, topic())
    const job = failing(planned(name, 20), CODE_UNABLE_TO_READ)
    await submit(job)
    const ended = await service.client.ended(job.jobId)
    expect(ended.status).toBe('FAILED')
    expect(ended.message).toContain(why)
    expect(checkTopic(job, await results.settled())).toEqual([])
  })

  it('that is deleted while results are waited for ends the wait, and each operation is reported', async () => {
    const writer = await plugin('deleted')
    const job = failing(planned('deleted', 20), CODE_UNABLE_TO_READ)
    await submit(job)
    await until('all results are waited for', () => writer.asked.length >= 4)
    await installation.withAdmin((admin) => admin.deleteTopics({ topics: [writer.topic] }))
    const ended = await service.client.ended(job.jobId)
    expect(ended.message).toContain(', which it names, does not exist')
    expect(checkTopic(job, await results.settled())).toEqual([])
  })
})
