/** The command topic as a door of its own: anyone may produce to it, with any client, well or badly. */
import { crc32 } from 'node:zlib'
import { type Message as KafkaMessage, Partitioners, type Producer } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Codec, createCodec } from '../../src/codec/codec.ts'
import type { SubmitJob } from '../../src/domain/messages.ts'
import type { NcmpJob } from '../../src/rest/dialects/ncmp/schemas.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, PARTITIONS, type Service } from '../harness/installation.ts'
import { bodyOf, countsOf, FAILING_CELLS, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'

type Format = 'Avro' | 'JSON'

let installation: Installation
let service: Service
let codec: Codec
let producer: Producer
let results: TopicLog
let commands: TopicLog

beforeAll(async () => {
  const stack = givenStack()
  installation = await Installation.open('commands', stack)
  service = await installation.service('service')
  codec = await createCodec({ url: stack.registryUrl, requestTimeoutMs: 5_000, retriesMax: 3 }, { schemas: 'lookUp', clock: systemClock })
  producer = installation.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await service.client.ready()
  await installation.network(service.client, 'north', { 'fail-operations': FAILING_CELLS })
  results = await installation.resultTopic('results')
  commands = await installation.follow(`${installation.prefix}commands`)
})

afterAll(async () => {
  // What was started last may not be there when the start of something before it has failed.
  await installation.close()
  await producer.disconnect()
})

/** Where Java's clients and kafkajs put the key, and where librdkafka and kcat do. */
function murmurPartition(key: string): number {
  const partitionMetadata = Array.from({ length: PARTITIONS }, (_, partitionId) => {
    return { partitionErrorCode: 0, partitionId, leader: 0, replicas: [], isr: [] }
  })
  return Partitioners.DefaultPartitioner()({ topic: 'any', partitionMetadata, message: { key, value: null } })
}

function crcPartition(key: string): number {
  return crc32(key) % PARTITIONS
}

function planned(jobId?: string): PlannedJob {
  const options = { kind: 'READ', destination: `kafka:${results.topic}`, services: ['north'], operations: 30, failEvery: 7 } as const
  return planJob(jobId === undefined ? options : { ...options, jobId })
}

/** A job whose id the two kinds of clients put on different partitions. */
function straying(): PlannedJob {
  for (;;) {
    const job = planned()
    if (murmurPartition(job.jobId) !== crcPartition(job.jobId)) return job
  }
}

function valueOf({ kind, destination, operations }: PlannedJob, format: Format, jobId: string | null): Buffer {
  const sent = operations.map(({ operationId, op, path }) => ({ operationId, op, path }))
  if (format === 'JSON') return Buffer.from(JSON.stringify({ ...(jobId === null ? {} : { jobId }), destination, operations: sent }))
  const message: SubmitJob = {
    ...{ type: 'SubmitJob', jobId, tenant: 'default', dialect: 'kafka', dialectData: null, kind, destination },
    dataAcceptType: 'application/vnd.3gpp.object-tree-hierarchical+json',
    dataContentType: 'application/3gpp-json-patch+json',
    ...{ priority: 100, labels: {}, deadlineAt: null, attemptsMax: null, submittedBy: null },
    ...{ traceparent: null, digest: '', createdAt: null },
    operations: sent.map((operation) => ({ ...operation, value: null, options: null })),
    dependencies: [],
    groups: [],
    ...{ strict: false, authorization: null, submission: null, parts: 0, operationCount: 0, callbacks: {}, held: false },
  }
  return codec.encode(message)
}

async function produce(message: KafkaMessage): Promise<{ readonly partition: number; readonly offset: number }> {
  const [sent] = await producer.send({ topic: commands.topic, acks: -1, messages: [message] })
  return { partition: sent?.partition ?? -1, offset: Number(sent?.baseOffset) }
}

/** What of a job's status does not depend on when and how it came. */
function essence(job: NcmpJob): unknown {
  const { kind, status, destination, dataaccepttype, datacontenttype, priority, labels, counts, deadline, message } = job
  return { kind, status, destination, dataaccepttype, datacontenttype, priority, labels, counts, deadline, message }
}

describe.each(['Avro', 'JSON'] as const)('a job on the command topic, as %s', (format) => {
  it('where librdkafka puts it: is forwarded home once and does exactly what it does over REST', async () => {
    const job = straying()
    const at = await produce({ key: job.jobId, value: valueOf(job, format, job.jobId), partition: crcPartition(job.jobId) })
    const overRest = planned()
    await service.client.submit(bodyOf(overRest), {}, overRest.destination)
    const ended = await service.client.ended(job.jobId)
    expect(essence(ended)).toEqual(essence(await service.client.ended(overRest.jobId)))
    expect(ended.counts.operations).toEqual(countsOf(job))
    const log = await results.settled()
    expect([job, overRest].flatMap((each) => checkTopic(each, log))).toEqual([])
    const places = (await commands.settled()).filter(({ key }) => key === job.jobId)
    expect(places.map(({ partition }) => partition).sort()).toEqual([crcPartition(job.jobId), murmurPartition(job.jobId)].sort())
    const forwarded = places.find(({ partition }) => partition === murmurPartition(job.jobId))
    expect(forwarded?.headers).toEqual({ datajob_forwarded_from: `${commands.topic}-${at.partition}-${at.offset}` })
  })

  it('without a key: does the same, wherever it is put', async () => {
    const jobs = Array.from({ length: PARTITIONS }, () => planned())
    await Promise.all(jobs.map((job, partition) => produce({ value: valueOf(job, format, job.jobId), partition })))
    for (const job of jobs) expect((await service.client.ended(job.jobId)).counts.operations).toEqual(countsOf(job))
    const log = await results.settled()
    expect(jobs.flatMap((job) => checkTopic(job, log))).toEqual([])
  })

  it('without an id: gets one made of its place', async () => {
    const places = await Promise.all(
      Array.from({ length: PARTITIONS }, (_, partition) => produce({ value: valueOf(planned(), format, null), partition })),
    )
    const jobs = places.map(({ partition, offset }) => planned(`${commands.topic}-${partition}-${offset}`))
    for (const job of jobs) expect((await service.client.ended(job.jobId)).counts.operations).toEqual(countsOf(job))
    const log = await results.settled()
    expect(jobs.flatMap((job) => checkTopic(job, log))).toEqual([])
  })

  it('that is there several times, on several partitions, is one job', async () => {
    const job = planned()
    const value = valueOf(job, format, job.jobId)
    for (let n = 0; n < 2 * PARTITIONS; n += 1) await produce({ key: job.jobId, value, partition: n % PARTITIONS })
    await service.client.ended(job.jobId)
    await commands.settled()
    expect(checkTopic(job, await results.settled())).toEqual([])
  })

  it('that names a topic which is not there ends, and says why', async () => {
    const job = { ...planned(), destination: `kafka:${results.topic}-not-there` }
    await produce({ key: job.jobId, value: valueOf(job, format, job.jobId) })
    const ended = await service.client.ended(job.jobId)
    expect(ended).toMatchObject({ status: 'FAILED', counts: { operations: { total: 30, succeeded: 0, failed: 30 } } })
    expect(ended.message).toContain(`topic "${results.topic}-not-there" does not exist`)
  })
})

describe('all of that', () => {
  it('breaks no lane', () => {
    expect(service.child.log().filter((line) => /lane (starts again|fenced|broken)/.test(line))).toEqual([])
  })
})
