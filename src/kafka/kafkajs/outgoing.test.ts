import { createRequire } from 'node:module'
import fc from 'fast-check'
import type { Message, TopicMessages } from 'kafkajs'
import { describe, expect, it } from 'vitest'
import type { OutputRecord } from '../port.ts'
import { cutIntoRequests, sendRecords, type Sender, sizeOf } from './outgoing.ts'
import { StickyPartitioner } from './partitioner.ts'

const PARTITIONS = 3
const partitionMetadata = Array.from({ length: PARTITIONS }, (_, partitionId) => {
  return { partitionErrorCode: 0, partitionId, leader: 1, replicas: [1], isr: [1] }
})

/** A broker that numbers what it is sent, and may forget to answer for one partition. */
function senderOver(partitioner: StickyPartitioner, silentAbout: number | null = null): Sender & { readonly batches: TopicMessages[][] } {
  const partitionOf = partitioner.create()
  const ends = new Map<string, number>()
  const batches: TopicMessages[][] = []
  return {
    batches,
    sendBatch({ topicMessages }) {
      batches.push(topicMessages)
      const firsts = new Map<string, number>()
      for (const { topic, messages } of topicMessages) {
        for (const message of messages) {
          const place = `${topic} ${partitionOf({ topic, partitionMetadata, message })}`
          const end = ends.get(place) ?? 0
          if (!firsts.has(place)) firsts.set(place, end)
          ends.set(place, end + 1)
        }
      }
      const answer = [...firsts].map(([place, first]) => {
        const [topicName = '', partition = ''] = place.split(' ')
        return { topicName, partition: Number(partition), errorCode: 0, baseOffset: String(first) }
      })
      return Promise.resolve(answer.filter(({ partition }) => partition !== silentAbout))
    },
  }
}

const record = (topic: string, partition: number): OutputRecord => ({ topic, partition, key: null, value: null })

describe('sending records', () => {
  it('counts the positions of each partition from the first that the broker names', async () => {
    const partitioner = new StickyPartitioner()
    const sender = senderOver(partitioner)
    await sendRecords(sender, [record('a', 1)])
    const positions = await sendRecords(sender, [record('a', 1), record('b', 1), record('a', 0), record('a', 1)])
    expect(positions.map(({ topic, partition, offset }) => [topic, partition, offset])).toEqual([
      ['a', 1, 1],
      ['b', 1, 0],
      ['a', 0, 0],
      ['a', 1, 2],
    ])
    expect(sender.batches[1]?.map(({ topic, messages }) => [topic, messages.length])).toEqual([['a', 3], ['b', 1]])
  })

  it('hands over messages that kafkajs groups as it groups others, and without a copy for each', async () => {
    const group = createRequire(import.meta.url)('kafkajs/src/producer/groupMessagesPerPartition') as (grouped: {
      readonly topic: string
      readonly partitionMetadata: typeof partitionMetadata
      readonly messages: readonly Message[]
      readonly partitioner: ReturnType<StickyPartitioner['create']>
    }) => Record<string, readonly Message[]>
    const partitioner = new StickyPartitioner()
    const sender = senderOver(partitioner)
    await sendRecords(sender, Array.from({ length: 1_000 }, (_, n) => record('a', (n * 7) % PARTITIONS)))
    const messages = sender.batches[0]?.[0]?.messages ?? []
    const common = { topic: 'a', partitionMetadata, partitioner: partitioner.create() }
    const grouped = group({ ...common, messages })
    expect(grouped).toEqual(group({ ...common, messages: [...messages] }))
    expect(Object.values(grouped).flat()).toHaveLength(1_000)
  })

  it('does not take an answer for whole that leaves out a partition', async () => {
    const partitioner = new StickyPartitioner()
    const sent = sendRecords(senderOver(partitioner, 2), [record('a', 0), record('a', 2)])
    await expect(sent).rejects.toMatchObject({ code: 'ANSWER_INCOMPLETE', topic: 'a', disposition: 'restart' })
  })
})

describe('cutting records into requests', () => {
  const anyRecord = fc.record({
    topic: fc.constantFrom('a', 'b'),
    key: fc.option(fc.string({ maxLength: 5 })),
    value: fc.option(fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))),
    headers: fc.dictionary(fc.string({ maxLength: 3 }), fc.string({ maxLength: 20 }), { maxKeys: 2 }),
  })

  it('keeps all of them, in order, and each request within the limit unless one record alone is above it', () => {
    fc.assert(
      fc.property(fc.array(anyRecord), fc.integer({ min: 1, max: 1_000 }), (records, bytesMax) => {
        const requests = cutIntoRequests(records, bytesMax)
        expect(requests.flat()).toEqual(records)
        for (const request of requests) {
          const bytes = request.reduce((sum, each) => sum + sizeOf(each), 0)
          expect(request.length > 0 && (request.length === 1 || bytes <= bytesMax)).toBe(true)
        }
      }),
    )
  })

  it('keeps the batches of each topic within what it takes', () => {
    const sized = fc.record({ topic: fc.constantFrom('a', 'b', 'c'), length: fc.integer({ min: 0, max: 400 }) })
    const batchBytesMaxOf: Readonly<Record<string, number | undefined>> = { a: 600, b: 300 }
    fc.assert(
      fc.property(fc.array(sized), (sizes) => {
        const records = sizes.map(({ topic, length }): OutputRecord => {
          const batchBytesMax = batchBytesMaxOf[topic]
          return { topic, key: null, value: Buffer.alloc(length), ...(batchBytesMax === undefined ? {} : { batchBytesMax }) }
        })
        const requests = cutIntoRequests(records, 10_000)
        expect(requests.flat()).toEqual(records)
        for (const request of requests) {
          for (const [topic, batchBytesMax = Infinity] of Object.entries(batchBytesMaxOf)) {
            const batch = request.filter((each) => each.topic === topic)
            const bytes = batch.reduce((sum, each) => sum + sizeOf(each), 61)
            expect(batch.length <= 1 || bytes <= batchBytesMax).toBe(true)
          }
        }
      }),
    )
  })
})
