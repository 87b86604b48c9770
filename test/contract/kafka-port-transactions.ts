import { beforeEach, describe, expect, it } from 'vitest'
import type { KafkaFailure, OutputRecord, TransactionalProducer } from '../../src/kafka/port.ts'
import { failureOf, type KafkaTest } from './kafka-port.ts'
import { readAll, textRecords } from './kafka-probe.ts'

export function exerciseTransactions(test: KafkaTest): void {
  describe('a transactional producer', () => {
    let id: string
    let groupId: string

    beforeEach(() => {
      id = test.uniqueName('producer')
      groupId = test.uniqueName('group')
    })

    const open = async (): Promise<TransactionalProducer> => {
      const producer = await test.kafka.transactionalProducer(id)
      test.atEnd(() => producer.close())
      return producer
    }

    const committed = async (topic: string): Promise<readonly number[]> =>
      (await test.admin.committedOffsets(groupId, [topic])).map(({ offset }) => offset)

    // The group may hear of a transaction's end a moment after its producer; by the time the next with its id is open, it has.
    const committedForNext = async (topic: string): Promise<readonly number[]> => {
      await open()
      return committed(topic)
    }

    it('commits records of several topics and offsets as one', async () => {
      const [input, output, changelog] = [await test.topic(2), await test.topic(2), await test.topic(2)]
      const producer = await open()
      await producer.commit({
        records: [...textRecords(output, 0, ['a', 'b']), ...textRecords(changelog, 1, ['c'])],
        offsets: [{ topic: input, partition: 1, offset: 7 }],
        groupId,
      })
      const log = await readAll(test.kafka, [output, changelog])
      expect([log.values(output), log.values(changelog)]).toEqual([['a', 'b'], ['c']])
      expect(await committedForNext(input)).toEqual([-1, 7])
    })

    it('commits one step right after the other, with and without records', async () => {
      const topic = await test.topic(1)
      const producer = await open()
      for (let step = 1; step <= 12; step += 1) {
        const records = step % 3 === 0 ? [] : textRecords(topic, 0, [`step ${step}`])
        await producer.commit({ records, offsets: [{ topic, partition: 0, offset: step }], groupId })
      }
      await producer.commit({ records: [], offsets: [], groupId })
      expect(await committedForNext(topic)).toEqual([12])
      expect((await readAll(test.kafka, [topic])).values(topic)).toHaveLength(8)
    })

    it('takes more in one step than one request may hold', async () => {
      const topic = await test.topic(1)
      const records = Array.from({ length: 25 }, (_, at) => ({ topic, key: `${at}`, value: Buffer.alloc(100_000, at) }))
      await (await open()).commit({ records, offsets: [], groupId })
      const keys = (await readAll(test.kafka, [topic])).records(topic).map(({ key }) => key?.toString())
      expect(keys).toEqual(records.map(({ key }) => key))
    })

    it('is fenced by the next with its id: nothing of its step is visible, no offset moves', async () => {
      const topic = await test.topic(1)
      const first = await open()
      await first.commit({ records: textRecords(topic, 0, ['before']), offsets: [{ topic, partition: 0, offset: 1 }], groupId })
      const second = await open()
      const late = first.commit({ records: textRecords(topic, 0, ['late']), offsets: [{ topic, partition: 0, offset: 2 }], groupId })
      expect(await failureOf(late)).toMatchObject({ disposition: 'fenced' })
      await second.commit({ records: textRecords(topic, 0, ['after']), offsets: [], groupId })
      expect((await readAll(test.kafka, [topic])).values(topic)).toEqual(['before', 'after'])
      expect(await committed(topic)).toEqual([1])
    })

    it('is fenced also with a step of offsets only', async () => {
      const topic = await test.topic(1)
      const first = await open()
      await open()
      const late = first.commit({ records: [], offsets: [{ topic, partition: 0, offset: 2 }], groupId })
      expect(await failureOf(late)).toMatchObject({ disposition: 'fenced' })
      expect(await committed(topic)).toEqual([-1])
    })

    it('has settled what a killed predecessor left open before it is there', async () => {
      const topic = await test.topic(1)
      await test.leaveOpen(id, textRecords(topic, 0, ['left open']))
      const producer = await open()
      const [end] = await test.admin.endOffsets(topic)
      expect(end?.offset).toBe(2)
      await producer.commit({ records: textRecords(topic, 0, ['mine']), offsets: [], groupId })
      expect((await readAll(test.kafka, [topic])).values(topic)).toEqual(['mine'])
    })

    describe('whose step failed', () => {
      const failing = async (): Promise<{ topic: string; narrow: string; producer: TransactionalProducer; failure: KafkaFailure }> => {
        const [topic, narrow] = [await test.topic(1), await test.topic(1, { 'max.message.bytes': '1000' })]
        const producer = await open()
        const large = { topic: narrow, key: 'large', value: Buffer.alloc(2_000) }
        const records = [...textRecords(topic, 0, ['lost']), large]
        const failure = await failureOf(producer.commit({ records, offsets: [{ topic, partition: 0, offset: 5 }], groupId }))
        return { topic, narrow, producer, failure }
      }

      it('names the topic that refused a record', async () => {
        const { narrow, failure } = await failing()
        expect(failure).toMatchObject({ code: 'MESSAGE_TOO_LARGE', disposition: 'reject', topic: narrow })
      })

      it('shows nothing of it, and moves no offset', async () => {
        const { topic } = await failing()
        await (await open()).commit({ records: textRecords(topic, 0, ['next']), offsets: [], groupId })
        expect((await readAll(test.kafka, [topic])).values(topic)).toEqual(['next'])
        expect(await committed(topic)).toEqual([-1])
      })

      it('refuses every further step', async () => {
        const { topic, producer } = await failing()
        const again = producer.commit({ records: textRecords(topic, 0, ['again']), offsets: [], groupId })
        expect(await failureOf(again)).toMatchObject({ code: 'PRODUCER_SPENT' })
      })
    })

    describe('that is handed batch after batch', () => {
      async function* batchesOf(topic: string, count: number): AsyncGenerator<readonly OutputRecord[]> {
        for (let at = 0; at < count; at += 1) {
          yield await Promise.resolve([{ topic, key: 'k', partition: 0, value: Buffer.alloc(300_000, at) }])
        }
      }

      it('commits all of them as one, in order, and says where the first is', async () => {
        const topic = await test.topic(1)
        const producer = await open()
        await producer.commit({ records: textRecords(topic, 0, ['before']), offsets: [], groupId })
        const first = await producer.commitAll(batchesOf(topic, 12))
        const log = await readAll(test.kafka, [topic])
        expect(log.records(topic).slice(1).map(({ value }) => value?.[0])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
        expect(first).toEqual({ topic, partition: 0, offset: log.records(topic)[1]?.offset })
        expect((await producer.commitAll(batchesOf(topic, 1))).offset).toBeGreaterThan(first.offset + 11)
      })

      it('fails with what the batches fail with, and nothing of them is ever visible', async () => {
        const topic = await test.topic(1)
        const broken = new Error('the disk is broken')
        const producer = await open()
        const committing = producer.commitAll((async function* () {
          yield* batchesOf(topic, 3)
          throw broken
        })())
        await expect(committing).rejects.toBe(broken)
        expect(await failureOf(producer.commitAll(batchesOf(topic, 1)))).toMatchObject({ code: 'PRODUCER_SPENT' })
        await (await open()).commit({ records: textRecords(topic, 0, ['next']), offsets: [], groupId })
        expect((await readAll(test.kafka, [topic])).values(topic)).toEqual(['next'])
      })
    })

    it('refuses a step to a topic that does not exist, by name', async () => {
      const [topic, missing] = [await test.topic(1), test.uniqueName('missing')]
      const producer = await open()
      const records = [...textRecords(topic, 0, ['lost']), ...textRecords(missing, 0, ['lost'])]
      const failure = await failureOf(producer.commit({ records, offsets: [], groupId }))
      expect(failure).toMatchObject({ code: 'UNKNOWN_TOPIC_OR_PARTITION', disposition: 'reject', topic: missing })
    })

    it('hides all records of aborted transactions that overlap, from wherever they are read', async () => {
      const topic = await test.topic(1)
      const [one, other] = [test.uniqueName('producer'), test.uniqueName('producer')]
      const first = await test.leaveOpen(one, textRecords(topic, 0, ['aborted 1', 'aborted 2', 'aborted 3']))
      const second = await test.leaveOpen(other, textRecords(topic, 0, ['aborted 4', 'aborted 5', 'aborted 6']))
      // The broker lists them in the order in which they ended, which is not the one in which they began.
      await second.abort()
      await first.abort()
      await (await open()).commit({ records: textRecords(topic, 0, ['committed']), offsets: [], groupId })
      for (const offset of [0, 2, 4, 5]) {
        const log = await readAll(test.kafka, [topic], [{ topic, partition: 0, offset }])
        expect([offset, log.values(topic)]).toEqual([offset, ['committed']])
      }
    })
  })
}
