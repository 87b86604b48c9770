import { Client } from 'minio'
import { buffer } from 'node:stream/consumers'
import { describe, expect, inject, test } from 'vitest'
import type { TopicDescription } from '../../src/kafka/port.ts'
import { kafkaSinkDefaults } from '../../src/sinks/kafka/config.ts'
import { KafkaSink } from '../../src/sinks/kafka/sink.ts'
import { s3Client } from '../../src/sinks/s3/client.ts'
import { type S3SinkConfig, s3SinkDefaults } from '../../src/sinks/s3/config.ts'
import { manifestKey, resultsKey } from '../../src/sinks/s3/object-keys.ts'
import { S3Sink } from '../../src/sinks/s3/sink.ts'
import { bodyOf, concludingJob, exerciseSink, operations, responseTo, sourceOf, subjobFor } from './sinks.ts'

const clock = { now: () => 1_700_000_100_000 }
const bucket = `sinks-${process.pid}`

const endpoint = new URL(inject('s3Endpoint'))
const config: S3SinkConfig = {
  endpoint: endpoint.href,
  region: 'us-east-1',
  accessKey: inject('s3AccessKey'),
  secretKey: inject('s3SecretKey'),
  ...s3SinkDefaults,
}

/** What a client of ours would look into the bucket with. */
const reader = new Client({
  endPoint: endpoint.hostname,
  port: Number(endpoint.port),
  useSSL: endpoint.protocol === 'https:',
  accessKey: config.accessKey,
  secretKey: config.secretKey,
  region: config.region,
})

function isThere(topic: string): boolean {
  return topic === 'results'
}

function topicOf(name: string): TopicDescription {
  return { name, partitions: 1, replicationFactor: 1, config: {} }
}

async function startBucket(): Promise<void> {
  if (!(await reader.bucketExists(bucket))) await reader.makeBucket(bucket)
}

async function contentOf(key: string): Promise<Buffer | null> {
  try {
    return await buffer(await reader.getObject(bucket, key))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'NoSuchKey') return null
    throw error
  }
}

async function uploadsUnderWay(): Promise<unknown[]> {
  return reader.listIncompleteUploads(bucket, '', true).toArray()
}

exerciseSink('the topic sink', () => {
  const admin = { describeTopics: (names: readonly string[]) => Promise.resolve(names.filter(isThere).map(topicOf)) }
  return Promise.resolve({
    sink: new KafkaSink({ admin, clock, config: kafkaSinkDefaults }),
    destination: 'results',
    missing: 'absent',
    readValues: (_, published) => Promise.resolve(published?.records.map(({ value }) => value ?? Buffer.alloc(0)) ?? []),
  })
})

// Small values, so that nearly everything takes several.
exerciseSink('the topic sink with small events', () => {
  const admin = { describeTopics: (names: readonly string[]) => Promise.resolve(names.filter(isThere).map(topicOf)) }
  return Promise.resolve({
    sink: new KafkaSink({ admin, clock, config: { ...kafkaSinkDefaults, valueBytesMax: 3_300 } }),
    destination: 'results',
    missing: 'absent',
    readValues: (_, published) => Promise.resolve(published?.records.map(({ value }) => value ?? Buffer.alloc(0)) ?? []),
  })
})

exerciseSink('the bucket sink', async () => {
  await startBucket()
  return {
    sink: new S3Sink({ client: s3Client(config), clock, config }),
    destination: bucket,
    missing: 'nobody-made-this',
    readValues: async ({ jobId, index }) => {
      const content = await contentOf(resultsKey(jobId, index, 1))
      return content === null ? [] : [content]
    },
  }
})

describe('the bucket sink', () => {
  const sink = new S3Sink({ client: s3Client(config), clock, config })

  test('an object larger than a part is whole, each response as it came, and no upload is left open', async () => {
    await startBucket()
    const subjob = subjobFor(bucket, 300)
    const responses = operations(301).map((operation) => responseTo(operation, { result: 'x'.repeat(40_000) }))
    const published = await sink.publish(subjob, await sourceOf(sink, bodyOf(responses), 64 * 1024))
    const content = await contentOf(resultsKey(subjob.jobId, subjob.index, subjob.run))
    expect(content?.toString()).toBe(bodyOf(responses.slice(0, 300)))
    expect(content?.length).toBeGreaterThan(2 * config.partBytes)
    expect(published).toMatchObject({ succeeded: 300, failed: 0, foreign: 1, object: { bytes: content?.length } })
    expect(await uploadsUnderWay()).toEqual([])
  })

  test('a body that breaks off after its first parts leaves neither an object nor an upload', async () => {
    await startBucket()
    const subjob = subjobFor(bucket, 300)
    const responses = operations(300).map((operation) => responseTo(operation, { result: 'x'.repeat(40_000) }))
    const body = bodyOf(responses).slice(0, -1000)
    await expect(sink.publish(subjob, await sourceOf(sink, body, 64 * 1024))).rejects.toThrow(/ended where/)
    expect(await contentOf(resultsKey(subjob.jobId, subjob.index, subjob.run))).toBeNull()
    expect(await uploadsUnderWay()).toEqual([])
  })

  test('the object says what it is, and what was published is what is there', async () => {
    await startBucket()
    const subjob = { ...subjobFor(bucket, 1), jobId: 'Ünï/..' }
    const { object } = await sink.publish(subjob, { type: 'failure', code: 100, message: 'm' })
    const stat = await reader.statObject(bucket, '%C3%9Cn%C3%AF%2F../0000003.json')
    expect(stat).toMatchObject({ size: object?.bytes, etag: object?.etag })
    expect(stat.metaData).toMatchObject({ 'content-type': 'application/json', 'job-id': '%C3%9Cn%C3%AF%2F..', subjob: '3' })
  })

  test('the manifest names the status, the counts and every object', async () => {
    await startBucket()
    const objects = [{ subjob: 0, key: 'job-7/0000000.json', bytes: 12, etag: 'e', operations: 5 }]
    expect(await sink.conclude({ job: concludingJob('job-7'), destination: bucket, objects })).toEqual([])
    expect(JSON.parse(String(await contentOf(manifestKey('job-7'))))).toEqual({
      jobId: 'job-7',
      status: 'PARTIALLY_FAILED',
      counts: {
        operations: { total: 5, succeeded: 4, failed: 1 },
        subjobs: { total: 2, succeeded: 1, partiallyFailed: 1, failed: 0, cancelled: 0 },
      },
      startedAt: '2023-11-14T22:13:20.000Z',
      finishedAt: '2023-11-14T22:15:00.000Z',
      objects,
    })
  })

  test('a server that is not there: retry', async () => {
    const gone = { ...config, endpoint: 'http://127.0.0.1:1/' }
    const unreachable = new S3Sink({ client: s3Client(gone), clock, config: gone })
    const failure = { type: 'failure', code: 100, message: 'm' } as const
    await expect(unreachable.publish(subjobFor(bucket, 1), failure)).rejects.toMatchObject({ disposition: 'retry', code: 'ECONNREFUSED' })
    await expect(unreachable.destinationExists(bucket)).rejects.toMatchObject({ disposition: 'retry', code: 'ECONNREFUSED' })
  })
})
