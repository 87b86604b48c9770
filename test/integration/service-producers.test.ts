/** Producers that fail, are slow or are not there: the client still hears of every operation once. */
import { Partitioners } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBucket } from '../harness/bucket-log.ts'
import { checkBucket, checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service, type SimulatedProducer } from '../harness/installation.ts'
import { bodyOf, handlesOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

interface Stats {
  readonly submissions: number
  readonly duplicates: number
  readonly operations: number
  readonly injectedFailures: number
}

const CALL_TIMEOUT_MS = 400
// Half of what a hundred calls take that nobody answers.
const SOON_MS = 20_000

let installation: Installation
let service: Service
let results: TopicLog

beforeAll(async () => {
  installation = await Installation.open('producers', givenStack(), {
    DATAJOB_ATTEMPTS_MAX: '12',
    DATAJOB_RETRY_DELAY_MIN_MS: '10',
    DATAJOB_RETRY_DELAY_MAX_MS: '200',
    DATAJOB_CALL_TIMEOUT_MS: String(CALL_TIMEOUT_MS),
    DATAJOB_SUBJOB_OPERATIONS_MAX: '10',
  })
  service = await installation.service('service')
  await service.client.ready()
  results = await installation.resultTopic('results')
})

afterAll(async () => {
  await installation.close()
})

async function statsOf({ url }: SimulatedProducer): Promise<Stats> {
  return (await (await fetch(`${url}/stats`)).json()) as Stats
}

/** Submits a job that outlasts its producer: by the command topic, for over REST nobody says how many attempts there are. */
async function submitPatient({ jobId, destination, operations }: PlannedJob): Promise<void> {
  const wanted = operations.map(({ operationId, op, path }) => ({ operationId, op, path }))
  const value = JSON.stringify({ jobId, destination, attemptsMax: 100, operations: wanted })
  const producer = installation.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await producer.send({ topic: `${installation.prefix}commands`, acks: -1, messages: [{ key: jobId, value }] })
  await producer.disconnect()
}

/** Calls that failed and may work later. */
async function failedCalls(): Promise<number> {
  const { body } = await service.client.request('GET', '/metrics')
  const counts = String(body).matchAll(/^datajob_dmi_call_seconds_count\{call="\w+",outcome="retry"\} (\d+)$/gm)
  return Array.from(counts, ([, count]) => Number(count)).reduce((sum, count) => sum + count, 0)
}

describe('a producer that fails many of its calls', () => {
  it('after the work was done as well as before: every operation arrives once, and was done once', async () => {
    // Of 60 subjobs with twelve attempts each, all end well but for one run in thirty thousand.
    const flaky = { 'fail-submits': '0.3', 'fail-status': '0.5' }
    const producers = await Promise.all([
      installation.network(service.client, 'flaky-one', flaky),
      installation.network(service.client, 'flaky-two', { ...flaky, seed: '2' }),
    ])
    const services = ['flaky-one', 'flaky-two']
    const bucket = await installation.bucket('flaky')
    const onTopic = planJob({ kind: 'READ', destination: `kafka:${results.topic}`, services, operations: 400 })
    const inBucket = planJob({ kind: 'WRITE', destination: `s3:${bucket}`, services, operations: 200 })
    for (const job of [onTopic, inBucket]) await service.client.submit(bodyOf(job), {}, job.destination)
    for (const job of [onTopic, inBucket]) expect((await service.client.ended(job.jobId)).status).toBe('FINISHED')
    expect(checkTopic(onTopic, await results.settled())).toEqual([])
    expect(checkBucket(inBucket, await readBucket(installation.s3, bucket, `${inBucket.jobId}/`))).toEqual([])
    const stats = await Promise.all(producers.map(statsOf))
    for (const { injectedFailures, duplicates } of stats) {
      expect(injectedFailures).toBeGreaterThan(20)
      expect(duplicates).toBeGreaterThan(0)
    }
    expect(stats.reduce((sum, { operations }) => sum + operations, 0)).toBe(600)
  })
})

describe('a producer that falls silent', () => {
  it('is asked again until it answers, and every operation arrives once', async () => {
    const producer = await installation.network(service.client, 'silent', { 'delay-ms': '200..400' })
    const job = planJob({ kind: 'READ', destination: `kafka:${results.topic}`, services: ['silent'], operations: 80 })
    const before = await failedCalls()
    producer.child.signal('SIGSTOP')
    try {
      await submitPatient(job)
      await until('ten calls have failed', async () => (await failedCalls()) >= before + 10)
    } finally {
      producer.child.signal('SIGCONT')
    }
    expect((await service.client.ended(job.jobId)).status).toBe('FINISHED')
    expect(checkTopic(job, await results.settled())).toEqual([])
  })

  it('does not hold back the others', async () => {
    const silent = await installation.network(service.client, 'silent-too')
    await installation.network(service.client, 'lively')
    silent.child.signal('SIGSTOP')
    let stuck: PlannedJob
    try {
      stuck = planJob({ kind: 'READ', destination: `kafka:${results.topic}`, services: ['silent-too'], operations: 200 })
      await submitPatient(stuck)
      const job = planJob({ kind: 'READ', destination: `kafka:${results.topic}`, services: ['lively'], operations: 40 })
      await service.client.submit(bodyOf(job), {}, job.destination)
      expect((await service.client.ended(job.jobId, SOON_MS)).status).toBe('FINISHED')
    } finally {
      silent.child.signal('SIGCONT')
    }
    // Its calls are counted by whoever comes next.
    await service.client.ended(stuck.jobId)
  })
})

describe('a producer that is not there', () => {
  const CODE_NOT_RESPONDING = 102

  function unanswered(name: string): PlannedJob {
    const job = planJob({ kind: 'READ', destination: `kafka:${results.topic}`, services: [name], operations: 40 })
    return { ...job, operations: job.operations.map((operation) => ({ ...operation, code: CODE_NOT_RESPONDING })) }
  }

  it('is tried as often as allowed, then its operations are reported with code 102', async () => {
    const gone = await installation.network(service.client, 'gone')
    await gone.child.kill()
    const before = await failedCalls()
    const job = unanswered('gone')
    await service.client.submit(bodyOf(job), {}, job.destination)
    const ended = await service.client.ended(job.jobId)
    expect(ended.status).toBe('FAILED')
    expect(ended.message).toContain('gone')
    // Four producers of ten operations each: four subjobs of twelve attempts.
    expect((await failedCalls()) - before).toBe(48)
    expect(checkTopic(job, await results.settled())).toEqual([])
  })

  it('nor ever was: handles that name no registered service are reported with code 102', async () => {
    await service.client.registerHandles('unheard-of', handlesOf('unheard-of'))
    const job = unanswered('unheard-of')
    await service.client.submit(bodyOf(job), {}, job.destination)
    const ended = await service.client.ended(job.jobId)
    expect(ended.message).toContain('the DMI service "unheard-of" is not registered')
    expect(checkTopic(job, await results.settled())).toEqual([])
  })
})
