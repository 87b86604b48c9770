/** What every adapter behind src/kafka/port.ts promises. */
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type KafkaAdmin, type KafkaClient, KafkaFailure, type OutputRecord, type Position, type RecordProducer,
} from '../../src/kafka/port.ts'
import { type Clock, delay, type Timers } from '../../src/runtime/clock.ts'
import { exercisePartitionReader } from './kafka-port-partition-reader.ts'
import { exerciseReaders } from './kafka-port-readers.ts'
import { exerciseTransactions } from './kafka-port-transactions.ts'
import { readAll, textRecords } from './kafka-probe.ts'

/** A transaction as a process leaves it that is killed in the middle. */
export interface OpenTransaction {
  /** Ends it after all, by whoever left it. */
  abort(): Promise<void>
}

export interface KafkaPortHarness {
  /** The time that the broker has, or nearly; it passes by itself while a test waits. */
  readonly clock: Clock
  readonly timers: Timers
  /** Members of groups of this client may be silent for a few seconds only, or the tests take long. */
  readonly kafka: KafkaClient
  /** Writes records in a transaction, and leaves it open. By other means than the adapter under test. */
  leaveOpen(transactionalId: string, records: readonly OutputRecord[]): Promise<OpenTransaction>
  /** Makes the position the first one of its partition, as retention does. */
  deleteRecords(before: Position): Promise<void>
  deleteTopic(topic: string): Promise<void>
}

/** Topics and clients of one test. */
export interface KafkaTest extends KafkaPortHarness {
  readonly admin: KafkaAdmin
  topic(partitions: number, config?: Readonly<Record<string, string>>): Promise<string>
  uniqueName(what: string): string
  /** Called when the test ends, latest first. */
  atEnd(close: () => Promise<void>): void
}

export function exerciseKafkaPort(name: string, harness: KafkaPortHarness): void {
  describe(`${name} behind the Kafka port`, () => {
    const closers: (() => Promise<void>)[] = []
    let admin: KafkaAdmin
    const test: KafkaTest = {
      ...harness,
      get admin() {
        return admin
      },
      leaveOpen: (id, records) => harness.leaveOpen(id, records),
      deleteRecords: (before) => harness.deleteRecords(before),
      deleteTopic: (topic) => harness.deleteTopic(topic),
      uniqueName: (what) => `contract.${what}.${randomUUID()}`,
      atEnd: (close) => {
        closers.push(close)
      },
      async topic(partitions, config = {}) {
        const topic = test.uniqueName('topic')
        await admin.createTopics([{ name: topic, partitions, replicationFactor: -1, config }])
        return topic
      },
    }

    beforeEach(async () => {
      admin = await harness.kafka.admin()
      test.atEnd(() => admin.close())
    })

    afterEach(async () => {
      for (const close of closers.splice(0).reverse()) await close()
    })

    exerciseProducer(test)
    exerciseTransactions(test)
    exerciseReaders(test)
    exercisePartitionReader(test)
    exerciseAdmin(test)
  })
}

function exerciseProducer(test: KafkaTest): void {
  describe('a producer', () => {
    let producer: RecordProducer

    beforeEach(async () => {
      producer = await test.kafka.producer()
      test.atEnd(() => producer.close())
    })

    it('has written what it acknowledged: keys, values, headers and order', async () => {
      const topic = await test.topic(1)
      const headers = { plain: 'text', 'utf-8': 'Grüße', ['__proto__']: 'a name like any other' }
      await producer.send([
        { topic, key: 'a', value: Buffer.from('first'), headers },
        { topic, key: null, value: Buffer.alloc(0) },
        { topic, key: 'a', value: null },
      ])
      const records = (await readAll(test.kafka, [topic])).records(topic)
      expect(records.map(({ key, value }) => [key?.toString(), value?.toString()])).toEqual([
        ['a', 'first'],
        [undefined, ''],
        ['a', undefined],
      ])
      expect(Object.entries(records[0]?.headers ?? {})).toEqual(Object.entries(headers))
      expect(records.map(({ offset }) => offset)).toEqual([0, 1, 2])
      for (const { timestampMs } of records) expect(Math.abs(timestampMs - test.clock.now())).toBeLessThan(60_000)
    })

    it('resolves to the position of each record, in the order of the call', async () => {
      const [one, two] = [await test.topic(3), await test.topic(2)]
      await producer.send(textRecords(one, 1, ['already there']))
      const records = Array.from({ length: 60 }, (_, at) => {
        return { topic: at % 2 === 0 ? one : two, key: `k${at % 7}`, value: Buffer.from(`${at}`) }
      })
      const positions = await producer.send(records)
      const log = await readAll(test.kafka, [one, two])
      const found = positions.map((at) => log.records(at.topic, at.partition).find(({ offset }) => offset === at.offset)?.value?.toString())
      expect(found).toEqual(records.map(({ value }) => value.toString()))
    })

    it('keeps many calls at once apart', async () => {
      const topic = await test.topic(3)
      const values = Array.from({ length: 300 }, (_, at) => `call ${at}`)
      const positions = await Promise.all(values.map((value) => producer.send([{ topic, key: value, value: Buffer.from(value) }])))
      const log = await readAll(test.kafka, [topic])
      expect([...log.values(topic)].sort()).toEqual([...values].sort())
      for (const [call, [at]] of positions.entries()) {
        expect(log.records(topic, at!.partition)[at!.offset]?.value?.toString()).toBe(values[call])
      }
    })

    it('places a record where partitionOf says', async () => {
      const topic = await test.topic(6)
      const keys = Array.from({ length: 40 }, (_, at) => `job-${at}`)
      const positions = await producer.send(keys.map((key) => ({ topic, key, value: null })))
      expect(positions.map(({ partition }) => partition)).toEqual(keys.map((key) => test.kafka.partitionOf(key, 6)))
    })

    it('takes more in one call than one request may hold', async () => {
      const topic = await test.topic(1)
      const records = Array.from({ length: 30 }, (_, at) => ({ topic, key: `${at}`, value: Buffer.alloc(100_000, at) }))
      const positions = await producer.send(records)
      expect(positions.map(({ offset }) => offset)).toEqual(records.map((_, at) => at))
      const keys = (await readAll(test.kafka, [topic])).records(topic).map(({ key }) => key?.toString())
      expect(keys).toEqual(records.map(({ key }) => key))
    })

    it('refuses a topic that does not exist, by name', async () => {
      const topic = test.uniqueName('missing')
      expect(await failureOf(producer.send([{ topic, key: null, value: null }]))).toMatchObject({
        ...{ code: 'UNKNOWN_TOPIC_OR_PARTITION', disposition: 'reject', topic },
      })
      expect(await test.admin.topicExists(topic)).toBe(false)
    })

    it('refuses a record that is too large, by topic, and no other that is sent beside it', async () => {
      const [topic, narrow] = [await test.topic(1), await test.topic(1, { 'max.message.bytes': '1000' })]
      const small = producer.send(textRecords(topic, 0, ['small']))
      const large = failureOf(producer.send([{ topic: narrow, key: 'large', value: Buffer.alloc(2_000) }]))
      const after = producer.send(textRecords(narrow, 0, ['fits']))
      expect(await large).toMatchObject({ code: 'MESSAGE_TOO_LARGE', disposition: 'reject', topic: narrow })
      await Promise.all([small, after])
      const log = await readAll(test.kafka, [topic, narrow])
      expect(new Set(log.values(topic))).toEqual(new Set(['small']))
      expect(new Set(log.values(narrow))).toEqual(new Set(['fits']))
    })

    it('refuses what the topic does not take: a compacted one wants keys', async () => {
      const topic = await test.topic(1, { 'cleanup.policy': 'compact' })
      const failure = await failureOf(producer.send([{ topic, key: null, value: Buffer.from('x') }]))
      expect(failure).toMatchObject({ code: 'INVALID_RECORD', disposition: 'reject', topic })
    })

    it('refuses to send once it is closed', async () => {
      const topic = await test.topic(1)
      await producer.close()
      expect(await failureOf(producer.send(textRecords(topic, 0, ['late'])))).toMatchObject({ code: 'CLOSED' })
    })
  })
}

function exerciseAdmin(test: KafkaTest): void {
  describe('an admin', () => {
    it('describes those topics that exist', async () => {
      const topic = await test.topic(4, { 'retention.ms': '12345' })
      const described = await test.admin.describeTopics([test.uniqueName('missing'), topic])
      expect(described).toMatchObject([{ name: topic, partitions: 4, config: { 'retention.ms': '12345' } }])
      expect(described[0]?.replicationFactor).toBeGreaterThan(0)
    })

    it('tells of topics what there is to tell, though another that it was asked about is there no more', async () => {
      const [gone, topic] = await Promise.all([test.topic(1), test.topic(2)])
      await test.admin.endOffsets(gone)
      await test.deleteTopic(gone)
      expect(await test.admin.describeTopics([gone, topic])).toMatchObject([{ name: topic, partitions: 2 }])
      expect((await test.admin.endOffsets(topic)).map(({ offset }) => offset)).toEqual([0, 0])
      // A broker lists a topic no more before its partitions know that they are gone.
      while (await test.admin.endOffsets(gone).then(() => true, () => false)) await delay(test.timers, 50)
      expect(await failureOf(test.admin.endOffsets(gone))).toMatchObject({ disposition: 'reject', topic: gone })
    })

    it('knows the ids of topics: of each its own, and another of one that was made again', async () => {
      const [one, other] = await Promise.all([test.topic(1), test.topic(7)])
      const ids = await test.admin.topicIds([one, test.uniqueName('missing'), other])
      expect([...ids.keys()].sort()).toEqual([one, other].sort())
      expect(ids.get(one)).not.toBe(ids.get(other))
      expect(await test.admin.topicIds([one])).toEqual(new Map([[one, ids.get(one)]]))
      await test.deleteTopic(one)
      while (await test.admin.topicExists(one)) await delay(test.timers, 50)
      const admin = await test.kafka.admin()
      test.atEnd(() => admin.close())
      await admin.createTopics([{ name: one, partitions: 1, replicationFactor: -1, config: {} }])
      expect((await test.admin.topicIds([one])).get(one)).toMatch(/./)
      expect((await test.admin.topicIds([one])).get(one)).not.toBe(ids.get(one))
    })

    it('knows the id of its cluster, which stays the same', async () => {
      const other = await test.kafka.admin()
      test.atEnd(() => other.close())
      const id = await test.admin.clusterId()
      expect(id).toMatch(/^[\w-]{22}$/)
      expect(await other.clusterId()).toBe(id)
    })

    it('tells whether a topic exists, also for names that none can have', async () => {
      expect(await test.admin.topicExists(await test.topic(1))).toBe(true)
      expect(await test.admin.topicExists(test.uniqueName('missing'))).toBe(false)
      expect(await test.admin.topicExists('no topic!')).toBe(false)
    })

    it('creates a topic that exists already without an error, and leaves it as it is', async () => {
      const topic = await test.topic(2)
      await test.admin.createTopics([{ name: topic, partitions: 5, replicationFactor: -1, config: {} }])
      expect(await test.admin.describeTopics([topic])).toMatchObject([{ partitions: 2 }])
    })

    it('gives starts and ends of all partitions in order, also asked many times at once', async () => {
      const topics = await Promise.all([test.topic(12), test.topic(1), test.topic(3)])
      const producer = await test.kafka.producer()
      test.atEnd(() => producer.close())
      await producer.send([...textRecords(topics[0], 10, ['a', 'b']), ...textRecords(topics[2], 2, ['c'])])
      const [many, , few] = await Promise.all(topics.map((topic) => test.admin.endOffsets(topic)))
      const ends = Array.from({ length: 12 }, (_, partition) => ({ topic: topics[0], partition, offset: partition === 10 ? 2 : 0 }))
      expect(many).toEqual(ends)
      expect(few?.map(({ offset }) => offset)).toEqual([0, 0, 1])
      expect((await test.admin.startOffsets(topics[2])).map(({ offset }) => offset)).toEqual([0, 0, 0])
    })

    it('gives where a time begins in each partition: its first record of that time or later, else its end', async () => {
      const topic = await test.topic(3)
      const producer = await test.kafka.producer()
      test.atEnd(() => producer.close())
      await producer.send([...textRecords(topic, 0, ['early']), ...textRecords(topic, 1, ['early', 'early'])])
      const written = (await readAll(test.kafka, [topic])).records(topic)
      const since = 1 + Math.max(...written.map(({ timestampMs }) => timestampMs))
      while (test.clock.now() < since) await delay(test.timers, 1)
      await producer.send([...textRecords(topic, 1, ['late', 'late']), ...textRecords(topic, 2, ['late'])])
      const offsetsAt = async (timestampMs: number): Promise<readonly number[]> =>
        (await test.admin.offsetsAt(topic, timestampMs)).map(({ offset }) => offset)
      expect(await test.admin.offsetsAt(topic, 0)).toEqual([0, 1, 2].map((partition) => ({ topic, partition, offset: 0 })))
      expect(await offsetsAt(since)).toEqual([1, 2, 0])
      expect(await offsetsAt(since + 3_600_000)).toEqual([1, 4, 1])
      expect(await failureOf(test.admin.offsetsAt(test.uniqueName('missing'), 0))).toMatchObject({ disposition: 'reject' })
    })

    it('counts to the end what was written in a transaction that has not ended: readers wait for it', async () => {
      const topic = await test.topic(1)
      const open = await test.leaveOpen(test.uniqueName('producer'), textRecords(topic, 0, ['a', 'b']))
      expect(await test.admin.endOffsets(topic)).toEqual([{ topic, partition: 0, offset: 2 }])
      await open.abort()
    })

    it('refuses to give the end of a topic that does not exist', async () => {
      const topic = test.uniqueName('missing')
      expect(await failureOf(test.admin.endOffsets(topic))).toMatchObject({ disposition: 'reject', topic })
    })

    it('gives -1 where a group has committed nothing', async () => {
      const topic = await test.topic(2)
      expect(await test.admin.committedOffsets(test.uniqueName('group'), [topic])).toEqual([
        { topic, partition: 0, offset: -1 },
        { topic, partition: 1, offset: -1 },
      ])
    })
  })
}

/** The failure that a call must end with. */
export async function failureOf(call: Promise<unknown>): Promise<KafkaFailure> {
  const outcome = await call.then(
    () => 'the call succeeded',
    (error: unknown) => error,
  )
  expect(outcome).toBeInstanceOf(KafkaFailure)
  return outcome as KafkaFailure
}
