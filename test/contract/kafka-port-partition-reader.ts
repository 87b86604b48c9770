import { beforeEach, describe, expect, it } from 'vitest'
import type { InputRecord, PartitionReader, Position, RecordProducer } from '../../src/kafka/port.ts'
import { failureOf, type KafkaTest } from './kafka-port.ts'
import { textRecords } from './kafka-probe.ts'

const BYTES_MAX = 1_000_000
const numbered = (count: number): string[] => Array.from({ length: count }, (_, at) => `${at}`)
const textsOf = (records: readonly InputRecord[]): readonly string[] => records.map(({ value }) => String(value))

export function exercisePartitionReader(test: KafkaTest): void {
  describe('a partition reader', () => {
    let reader: PartitionReader
    let producer: RecordProducer

    beforeEach(async () => {
      reader = test.kafka.partitionReader()
      test.atEnd(() => reader.close())
      producer = await test.kafka.producer()
      test.atEnd(() => producer.close())
    })

    const readAll = async (from: Position, bytesMax: number): Promise<{ calls: number; texts: readonly string[] }> => {
      const texts: string[] = []
      let position = from
      for (let calls = 1; ; calls += 1) {
        const { records, nextOffset, endOffset } = await reader.read(position, { bytesMax })
        texts.push(...textsOf(records))
        if (nextOffset >= endOffset) return { calls, texts }
        position = { ...position, offset: nextOffset }
      }
    }

    it('reads from any position, whole records with their place', async () => {
      const topic = await test.topic(3)
      await producer.send(textRecords(topic, 2, numbered(10)))
      const at = { topic, partition: 2 }
      const { records, nextOffset, endOffset } = await reader.read({ ...at, offset: 7 }, { bytesMax: BYTES_MAX })
      const facts = records.map((record) => [record.topic, record.partition, record.offset, String(record.key), String(record.value)])
      expect(facts).toEqual([7, 8, 9].map((offset) => [topic, 2, offset, `key of ${offset}`, String(offset)]))
      expect([nextOffset, endOffset]).toEqual([10, 10])
      expect(await reader.read({ ...at, partition: 0, offset: 0 }, { bytesMax: BYTES_MAX })).toEqual({
        ...{ records: [], nextOffset: 0, endOffset: 0 },
      })
    })

    it('gets through a partition in pieces of about the bytes asked for, each record once', async () => {
      const topic = await test.topic(1)
      const values = numbered(60).map((text) => text.padEnd(2_000, '.'))
      for (const value of values) await producer.send(textRecords(topic, 0, [value]))
      const { calls, texts } = await readAll({ topic, partition: 0, offset: 0 }, 10_000)
      expect(texts).toEqual(values)
      expect(calls).toBeGreaterThan(10)
      const { records } = await reader.read({ topic, partition: 0, offset: 5 }, { bytesMax: 1 })
      expect(textsOf(records)).toEqual([values[5]])
    })

    it('shows what was committed, and comes past markers and what was aborted', async () => {
      const topic = await test.topic(1)
      const transactional = await test.kafka.transactionalProducer(test.uniqueName('producer'))
      const groupId = test.uniqueName('group')
      const offsets = [{ topic, partition: 0, offset: 0 }]
      await transactional.commit({ records: textRecords(topic, 0, ['one', 'two']), offsets, groupId })
      const aborted = await test.leaveOpen(test.uniqueName('aborted'), textRecords(topic, 0, ['never']))
      await aborted.abort()
      await transactional.commit({ records: textRecords(topic, 0, ['three']), offsets, groupId })
      await transactional.close()
      expect((await readAll({ topic, partition: 0, offset: 0 }, BYTES_MAX)).texts).toEqual(['one', 'two', 'three'])
    })

    it('stops before a transaction that is open, and does not wait', async () => {
      const topic = await test.topic(1)
      await producer.send(textRecords(topic, 0, ['before']))
      const open = await test.leaveOpen(test.uniqueName('open'), textRecords(topic, 0, ['open']))
      await producer.send(textRecords(topic, 0, ['behind']))
      const first = await reader.read({ topic, partition: 0, offset: 0 }, { bytesMax: BYTES_MAX })
      expect([textsOf(first.records), first.nextOffset, first.endOffset]).toEqual([['before'], 1, 3])
      const second = await reader.read({ topic, partition: 0, offset: 1 }, { bytesMax: BYTES_MAX })
      expect([second.records, second.nextOffset]).toEqual([[], 1])
      await open.abort()
      expect((await readAll({ topic, partition: 0, offset: 1 }, BYTES_MAX)).texts).toEqual(['behind'])
    })

    it('finds nothing behind the end', async () => {
      const topic = await test.topic(1)
      await producer.send(textRecords(topic, 0, ['a']))
      const found = await reader.read({ topic, partition: 0, offset: 50 }, { bytesMax: BYTES_MAX })
      expect(found).toEqual({ records: [], nextOffset: 50, endOffset: 1 })
    })

    it('begins with the first record that is still there', async () => {
      const topic = await test.topic(1)
      await producer.send(textRecords(topic, 0, numbered(10)))
      await test.deleteRecords({ topic, partition: 0, offset: 6 })
      const found = await reader.read({ topic, partition: 0, offset: 2 }, { bytesMax: BYTES_MAX })
      expect([textsOf(found.records), found.nextOffset, found.endOffset]).toEqual([['6', '7', '8', '9'], 10, 10])
    })

    it('refuses a topic or a partition that is not there, and reads others all the same', async () => {
      const topic = await test.topic(1)
      const missing = test.uniqueName('missing')
      for (const at of [{ topic: missing, partition: 0 }, { topic, partition: 1 }]) {
        const failure = await failureOf(reader.read({ ...at, offset: 0 }, { bytesMax: BYTES_MAX }))
        expect([failure.code, failure.disposition]).toEqual(['UNKNOWN_TOPIC_OR_PARTITION', 'reject'])
      }
      expect(await test.admin.topicExists(missing)).toBe(false)
      await producer.send(textRecords(topic, 0, ['a']))
      expect((await readAll({ topic, partition: 0, offset: 0 }, BYTES_MAX)).texts).toEqual(['a'])
    })

    it('answers many at once', async () => {
      const topic = await test.topic(1)
      await producer.send(textRecords(topic, 0, numbered(200)))
      const found = await Promise.all(
        numbered(100).map((offset) => reader.read({ topic, partition: 0, offset: Number(offset) }, { bytesMax: BYTES_MAX })),
      )
      expect(found.map(({ records }) => records[0]?.offset)).toEqual(numbered(100).map(Number))
    })
  })
}
