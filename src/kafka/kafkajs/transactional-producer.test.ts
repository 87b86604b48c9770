import type { Kafka, ProducerBatch, RecordMetadata } from 'kafkajs'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Timers } from '../../runtime/clock.ts'
import type { OutputRecord, TransactionalProducer } from '../port.ts'
import { KnownTopics } from './known-topics.ts'
import { kafkaDefaults } from './settings.ts'
import { openTransactionalProducer } from './transactional-producer.ts'
import { Turnstile } from '../../runtime/turnstile.ts'

const atOnce: Timers = {
  after(_, run) {
    queueMicrotask(run)
    return { cancel: () => undefined }
  },
}

const protocolError = (type: string, code: number): Error => Object.assign(new Error(type), { type, code })

describe('the transactional producer', () => {
  let steps: string[]
  /** What the next calls of that name end with. */
  let errors: Record<'transaction' | 'sendBatch' | 'sendOffsets' | 'commit', Error[]>
  let topics: Set<string>
  let largeCommits: Turnstile
  /** Records in each request. */
  let sizes: number[]
  const partitionMetadata = [1, 2].map((leader, partitionId) => ({ partitionId, leader }))

  const at = { topic: 'in', partition: 0, offset: 5 }
  const step = { records: [{ topic: 'out', key: 'k', partition: 0, value: null }], offsets: [at], groupId: 'g' }

  const open = (): Promise<TransactionalProducer> => {
    const call = (name: keyof typeof errors): Promise<void> => {
      steps.push(name)
      const error = errors[name].shift()
      return error === undefined ? Promise.resolve() : Promise.reject(error)
    }
    const create = ({ createPartitioner }: { createPartitioner: () => (at: object) => number }): object => {
      const partitionOf = createPartitioner()
      const transaction = {
        sendBatch: async ({ topicMessages = [] }: ProducerBatch): Promise<RecordMetadata[]> => {
          await call('sendBatch')
          for (const { topic, messages } of topicMessages) {
            for (const message of messages) partitionOf({ topic, message, partitionMetadata })
            sizes.push(messages.length)
          }
          return topicMessages.flatMap(({ topic }) =>
            partitionMetadata.map(({ partitionId }) => ({ topicName: topic, partition: partitionId, errorCode: 0, baseOffset: '0' })),
          )
        },
        sendOffsets: () => call('sendOffsets'),
        commit: () => call('commit'),
      }
      return {
        connect: () => Promise.resolve(steps.push('connect')),
        disconnect: () => Promise.resolve(steps.push('disconnect')),
        transaction: () => call('transaction').then(() => transaction),
      }
    }
    const logger = { debug: (): void => undefined, info: (): void => undefined, warn: (): void => undefined }
    const settings = { ...kafkaDefaults, brokers: [], clientId: 'test', logger, timers: atOnce }
    const knownTopics = new KnownTopics((topic) => Promise.resolve(topics.has(topic)), atOnce)
    const createKafka = () => ({ producer: create }) as unknown as Kafka
    return openTransactionalProducer({ createKafka, settings, knownTopics, largeCommits }, 'id')
  }

  beforeEach(() => {
    steps = []
    sizes = []
    errors = { transaction: [], sendBatch: [], sendOffsets: [], commit: [] }
    topics = new Set(['out', 'in'])
    largeCommits = new Turnstile()
  })

  it('fences when it is opened, and begins its first transaction only once', async () => {
    const producer = await open()
    expect(steps).toEqual(['connect', 'transaction'])
    await producer.commit(step)
    await producer.commit({ ...step, records: [] })
    expect(steps.slice(2)).toEqual(['sendOffsets', 'sendBatch', 'commit', 'transaction', 'sendOffsets', 'commit'])
  })

  it('leaves no connection behind when it can not be opened', async () => {
    errors.transaction = [protocolError('INVALID_TRANSACTION_TIMEOUT', 50)]
    await expect(open()).rejects.toMatchObject({ code: 'INVALID_TRANSACTION_TIMEOUT', disposition: 'fatal' })
    expect(steps.at(-1)).toBe('disconnect')
  })

  it('does nothing for a step without records and offsets', async () => {
    const producer = await open()
    await producer.commit({ records: [], offsets: [], groupId: 'g' })
    expect(steps).toEqual(['connect', 'transaction'])
  })

  it('opens a transaction without offsets with one record alone, unless all go to one broker', async () => {
    const producer = await open()
    const to = (partition: number): OutputRecord => ({ topic: 'out', key: null, value: null, partition })
    await producer.commit({ records: [to(0), to(0)], offsets: [], groupId: 'g' })
    await producer.commit({ records: [to(0), to(0), to(0)], offsets: [], groupId: 'g' })
    await producer.commit({ records: [to(0), to(1), to(1)], offsets: [], groupId: 'g' })
    await producer.commit({ records: [to(0), to(1), to(1)], offsets: [at], groupId: 'g' })
    expect(sizes).toEqual([1, 1, 3, 1, 2, 3])
  })

  it('begins a large transaction when no other is under way, a small one at once', async () => {
    const other = Promise.withResolvers<undefined>()
    void largeCommits.pass(() => other.promise)
    const [large, small] = [await open(), await open()]
    steps = []
    const value = Buffer.alloc(5 * 1024 * 1024)
    const committed = large.commit({ ...step, records: [{ topic: 'out', key: 'k', partition: 0, value }] })
    await small.commit(step)
    expect(steps.filter((name) => name === 'commit')).toHaveLength(1)
    other.resolve(undefined)
    await committed
    expect(steps.filter((name) => name === 'commit')).toHaveLength(2)
  })

  it('sends offsets again while the broker is busy with the transaction before, or looks for the coordinator', async () => {
    errors.sendOffsets = [protocolError('CONCURRENT_TRANSACTIONS', 51), protocolError('NOT_COORDINATOR_FOR_GROUP', 16)]
    await (await open()).commit({ ...step, records: [] })
    expect(steps.slice(2)).toEqual(['sendOffsets', 'sendOffsets', 'sendOffsets', 'commit'])
  })

  it('sends offsets again so many times only', async () => {
    errors.sendOffsets = Array.from({ length: 1_000 }, () => protocolError('CONCURRENT_TRANSACTIONS', 51))
    const producer = await open()
    await expect(producer.commit(step)).rejects.toMatchObject({ code: 'CONCURRENT_TRANSACTIONS', disposition: 'restart' })
  })

  it.each([
    ['sendBatch', protocolError('OUT_OF_ORDER_SEQUENCE_NUMBER', 45), 'restart'],
    ['sendOffsets', protocolError('INVALID_PRODUCER_EPOCH', 47), 'fenced'],
    ['commit', Object.assign(new Error('closed'), { name: 'KafkaJSConnectionClosedError' }), 'restart'],
    ['commit', new TypeError('a defect of the library'), 'restart'],
  ] as const)('is spent by an error in %s: nothing is tried with it again', async (name, error, disposition) => {
    errors[name] = [error]
    const producer = await open()
    await expect(producer.commit(step)).rejects.toMatchObject({ disposition })
    const before = [...steps]
    await expect(producer.commit(step)).rejects.toMatchObject({ code: 'PRODUCER_SPENT', disposition })
    expect(steps).toEqual(before)
  })

  it('refuses a missing topic before the transaction begins', async () => {
    topics.delete('out')
    const producer = await open()
    await expect(producer.commit(step)).rejects.toMatchObject({ topic: 'out', disposition: 'reject' })
    expect(steps).toEqual(['connect', 'transaction'])
  })

  it('names the topic that was deleted since it was written to before', async () => {
    const producer = await open()
    await producer.commit(step)
    topics.delete('out')
    errors.sendBatch = [protocolError('UNKNOWN_TOPIC_OR_PARTITION', 3)]
    await expect(producer.commit(step)).rejects.toMatchObject({ topic: 'out', disposition: 'reject' })
  })

  it('refuses to run two transactions at once', async () => {
    const producer = await open()
    const first = producer.commit(step)
    await expect(producer.commit(step)).rejects.toThrow('broken invariant')
    await first
  })

  it('refuses to commit once it is closed', async () => {
    const producer = await open()
    await producer.close()
    await expect(producer.commit(step)).rejects.toMatchObject({ code: 'PRODUCER_SPENT', disposition: 'restart' })
  })
})
