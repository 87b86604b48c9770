import { describe, expect, test } from 'vitest'
import { KafkaFailure, type TopicDescription } from '../../kafka/port.ts'
import { ResultTopics } from './result-topics.ts'

const KEPT_MS = 30_000

/** Topics that a test makes, changes and loses, and a clock that stands still in between. */
class Cluster {
  readonly topics = new Map<string, string>()
  readonly asked: string[] = []
  now = 0
  failure: KafkaFailure | null = null

  readonly known = new ResultTopics(this, { keptMs: KEPT_MS, clock: { now: () => this.now } })

  describeTopics(names: readonly string[]): Promise<readonly TopicDescription[]> {
    this.asked.push(...names)
    if (this.failure !== null) return Promise.reject(this.failure)
    return Promise.resolve(
      names.flatMap((name) => {
        const bytes = this.topics.get(name)
        return bytes === undefined ? [] : [{ name, partitions: 1, replicationFactor: 1, config: { 'max.message.bytes': bytes } }]
      }),
    )
  }
}

function clusterWith(topic: string, batchBytesMax: string): Cluster {
  const cluster = new Cluster()
  cluster.topics.set(topic, batchBytesMax)
  return cluster
}

function refusal(code: string, disposition: 'reject' | 'restart' = 'reject'): KafkaFailure {
  return new KafkaFailure(`transaction: ${code}`, { code, disposition, topic: 't' })
}

describe('a topic', () => {
  test('is asked for once, by however many at a time, and again after a while', async () => {
    const cluster = clusterWith('t', '5000')
    const found = await Promise.all([cluster.known.require('t'), cluster.known.require('t'), cluster.known.isThere('t')])
    expect(found).toEqual([{ batchBytesMax: 5_000 }, { batchBytesMax: 5_000 }, true])
    cluster.now = KEPT_MS - 1
    await cluster.known.require('t')
    expect(cluster.asked).toEqual(['t'])
    cluster.now = KEPT_MS
    await cluster.known.require('t')
    expect(cluster.asked).toEqual(['t', 't'])
  })

  test('that is not there is asked for each time', async () => {
    const cluster = new Cluster()
    expect(await cluster.known.isThere('t')).toBe(false)
    await expect(cluster.known.require('t')).rejects.toMatchObject({ disposition: 'reject', message: 'topic "t" does not exist' })
    cluster.topics.set('t', '5000')
    expect(await cluster.known.isThere('t')).toBe(true)
  })

  test('whose settings are not ours to read is taken as it comes', async () => {
    const cluster = new Cluster()
    cluster.failure = refusal('TOPIC_AUTHORIZATION_FAILED')
    expect(await cluster.known.require('t')).toEqual({ batchBytesMax: null })
  })

  test.each([
    ['retry', 'retry'],
    ['restart', 'retry'],
    ['fatal', 'retry'],
    ['reject', 'reject'],
  ] as const)('that could not be looked up, disposition %s: %s', async (given, disposition) => {
    const cluster = new Cluster()
    cluster.failure = new KafkaFailure('no answer', { code: 'REQUEST_TIMED_OUT', disposition: given })
    const message = 'topic "t" can\'t be looked up: no answer'
    await expect(cluster.known.isThere('t')).rejects.toMatchObject({ name: 'SinkFailure', disposition, code: 'REQUEST_TIMED_OUT', message })
  })
})

describe('a topic that has refused a record', () => {
  test('is asked about anew: it may be gone, or smaller', async () => {
    const cluster = clusterWith('t', '5000')
    await cluster.known.require('t')
    cluster.topics.set('t', '1000')
    cluster.known.refused({ topic: 't', lane: 'a', failure: refusal('MESSAGE_TOO_LARGE') })
    expect(await cluster.known.require('t')).toEqual({ batchBytesMax: 1_000 })
    cluster.topics.delete('t')
    for (const lane of ['a', 'a', 'a']) cluster.known.refused({ topic: 't', lane, failure: refusal('UNKNOWN_TOPIC_OR_PARTITION') })
    await expect(cluster.known.require('t')).rejects.toMatchObject({ message: 'topic "t" does not exist' })
    cluster.topics.set('t', '2000')
    expect(await cluster.known.require('t')).toEqual({ batchBytesMax: 2_000 })
  })

  test('while it was being asked about is asked about once more', async () => {
    const cluster = clusterWith('t', '5000')
    const early = cluster.known.require('t')
    cluster.topics.set('t', '1000')
    cluster.known.refused({ topic: 't', lane: 'a', failure: refusal('MESSAGE_TOO_LARGE') })
    expect(await cluster.known.require('t')).toEqual({ batchBytesMax: 1_000 })
    await early
    expect(await cluster.known.require('t')).toEqual({ batchBytesMax: 1_000 })
  })

  test('of several lanes once each is not closed', async () => {
    const cluster = clusterWith('t', '5000')
    for (const lane of ['a', 'b', 'c']) cluster.known.refused({ topic: 't', lane, failure: refusal('MESSAGE_TOO_LARGE') })
    expect(await cluster.known.require('t')).toEqual({ batchBytesMax: 5_000 })
  })

  test('of the same lane twice is closed for a while, to that one and all others', async () => {
    const cluster = clusterWith('t', '5000')
    for (const lane of ['a', 'b', 'a']) cluster.known.refused({ topic: 't', lane, failure: refusal('INVALID_RECORD') })
    const message = 'topic "t" refuses records: transaction: INVALID_RECORD'
    const closed = { name: 'SinkFailure', disposition: 'reject', code: 'INVALID_RECORD', message }
    await expect(cluster.known.require('t')).rejects.toMatchObject(closed)
    cluster.now = 29_999
    await expect(cluster.known.require('t')).rejects.toMatchObject(closed)
    cluster.now = 30_000
    expect(await cluster.known.require('t')).toEqual({ batchBytesMax: 5_000 })
  })

  test('that may take it later is waited for, and not for long', async () => {
    const cluster = clusterWith('t', '5000')
    for (const lane of ['a', 'a']) cluster.known.refused({ topic: 't', lane, failure: refusal('NOT_ENOUGH_REPLICAS', 'restart') })
    await expect(cluster.known.require('t')).rejects.toMatchObject({ disposition: 'retry' })
    cluster.now = 5_000
    expect(await cluster.known.require('t')).toEqual({ batchBytesMax: 5_000 })
  })

  test('of the same lane long ago starts afresh', async () => {
    const cluster = clusterWith('t', '5000')
    cluster.known.refused({ topic: 't', lane: 'a', failure: refusal('INVALID_RECORD') })
    cluster.now = KEPT_MS
    cluster.known.refused({ topic: 't', lane: 'a', failure: refusal('INVALID_RECORD') })
    expect(await cluster.known.require('t')).toEqual({ batchBytesMax: 5_000 })
  })
})
