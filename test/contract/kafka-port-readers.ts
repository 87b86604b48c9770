import { beforeEach, describe, expect, it } from 'vitest'
import type { RecordProducer } from '../../src/kafka/port.ts'
import { failureOf, type KafkaTest } from './kafka-port.ts'
import { type Heard, LaneProbe, shared, tailProbe, textRecords } from './kafka-probe.ts'

const numbered = (count: number, from = 0): string[] => Array.from({ length: count }, (_, at) => `${from + at}`)

export function exerciseReaders(test: KafkaTest): void {
  let producer: RecordProducer

  const write = async (topic: string, partition: number, values: readonly string[]): Promise<void> => {
    await producer.send(textRecords(topic, partition, values))
  }

  const commit = async (topic: string, partition: number, values: readonly string[], offset: number, groupId: string): Promise<void> => {
    const transactional = await test.kafka.transactionalProducer(test.uniqueName('producer'))
    await transactional.commit({ records: textRecords(topic, partition, values), offsets: [{ topic, partition, offset }], groupId })
    await transactional.close()
  }

  beforeEach(async () => {
    producer = await test.kafka.producer()
    test.atEnd(() => producer.close())
  })

  exerciseLaneConsumer({ test, write, commit })
  exerciseTailReader({ test, write, commit })
}

interface ReaderTest {
  readonly test: KafkaTest
  readonly write: (topic: string, partition: number, values: readonly string[]) => Promise<void>
  readonly commit: (topic: string, partition: number, values: readonly string[], offset: number, groupId: string) => Promise<void>
}

function exerciseLaneConsumer({ test, write, commit }: ReaderTest): void {
  describe('a lane consumer', () => {
    let groupId: string

    beforeEach(() => {
      groupId = test.uniqueName('group')
    })

    const member = async (topics: readonly string[], take?: (call: Heard) => void): Promise<LaneProbe> => {
      const probe = new LaneProbe(test.kafka, { groupId, topics }, take === undefined ? {} : { take })
      test.atEnd(() => probe.consumer.stop())
      await probe.consumer.start()
      return probe
    }

    it('has every lane when it is alone, confirmed, and paused until resumed', async () => {
      const topics = [await test.topic(3), await test.topic(3)]
      for (const topic of topics) await write(topic, 1, ['a'])
      const probe = await member(topics)
      expect(probe.assignments).toEqual([[0, 1, 2]])
      await probe.watch.until(() => probe.confirmations >= 2, () => 'no confirmation')
      expect(probe.calls).toEqual([])
      probe.consumer.resume({ topic: topics[1]!, partition: 1 })
      await probe.reached([{ topic: topics[1]!, partition: 1, offset: 1 }])
      expect(probe.calls.map(({ at }) => at)).toEqual([{ topic: topics[1], partition: 1 }])
    })

    it('is a member no more once somebody dismisses it, and joins again as another if it lives', async () => {
      const topic = await test.topic(2)
      const probe = await member([topic])
      const { memberId } = probe
      await test.admin.dismissMember(groupId, memberId)
      await probe.watch.until(() => probe.assignments.length === 2, () => 'it has not joined again')
      expect(probe.memberId).not.toBe(memberId)
      await test.admin.dismissMember(groupId, memberId)
      await test.admin.dismissMember(test.uniqueName('group'), memberId)
      await write(topic, 0, ['a'])
      probe.resumeAll([topic])
      await probe.reached([{ topic, partition: 0, offset: 1 }])
      expect(probe.crashes).toEqual([])
    })

    it('begins at the committed position, else at the first record', async () => {
      const topic = await test.topic(2)
      await write(topic, 0, numbered(5))
      await commit(topic, 1, numbered(5), 3, groupId)
      const probe = await member([topic])
      probe.resumeAll([topic])
      await probe.reached(await test.admin.endOffsets(topic))
      expect([probe.values(topic, 0), probe.values(topic, 1)]).toEqual([numbered(5), ['3', '4']])
    })

    it('reads from where it is told to, and not what was read before', async () => {
      const topic = await test.topic(1)
      const at = { topic, partition: 0 }
      await write(topic, 0, numbered(400))
      const targets = [100, 390, 0, 250, 399]
      const probe = await member([topic], () => {
        const offset = targets.shift()
        if (offset !== undefined) probe.consumer.seek({ ...at, offset })
      })
      const expected = [...targets]
      probe.consumer.seek({ ...at, offset: 50 })
      probe.consumer.resume(at)
      await probe.watch.until(() => probe.calls.length > expected.length, () => `${probe.calls.length} calls`)
      expect(probe.calls.map(({ records }) => records[0]?.offset)).toEqual([50, ...expected])
    })

    it('shows nothing of a partition from its pause to its resumption, and then goes on without a gap', async () => {
      const topic = await test.topic(2)
      const probe = await member([topic], ({ at }) => {
        if (at.partition === 0) probe.consumer.pause(at)
      })
      probe.resumeAll([topic])
      await write(topic, 0, ['0'])
      await probe.reached([{ topic, partition: 0, offset: 1 }])
      await write(topic, 0, ['1', '2'])
      await write(topic, 1, ['other'])
      await probe.reached([{ topic, partition: 1, offset: 1 }])
      expect(probe.values(topic, 0)).toEqual(['0'])
      // What was asked for in between does not come any more.
      probe.consumer.resume({ topic, partition: 0 })
      probe.consumer.pause({ topic, partition: 0 })
      await write(topic, 1, ['another'])
      await probe.reached([{ topic, partition: 1, offset: 2 }])
      expect(probe.values(topic, 0)).toEqual(['0'])
      probe.consumer.resume({ topic, partition: 0 })
      await probe.reached([{ topic, partition: 0, offset: 3 }])
      expect(probe.values(topic, 0)).toEqual(['0', '1', '2'])
    })

    it('comes to the end of a partition whose last record is a marker, and of one with nothing but markers', async () => {
      const topic = await test.topic(2)
      const producerId = test.uniqueName('producer')
      await commit(topic, 0, ['a', 'b'], 0, test.uniqueName('group'))
      const open = await test.leaveOpen(producerId, textRecords(topic, 1, ['aborted']))
      await open.abort()
      const probe = await member([topic])
      for (const partition of [0, 1]) probe.consumer.seek({ topic, partition, offset: 0 })
      probe.resumeAll([topic])
      await probe.reached([
        { topic, partition: 0, offset: 3 },
        { topic, partition: 1, offset: 2 },
      ])
      expect(probe.values(topic)).toEqual(['a', 'b'])
      // From the marker on, which is where a lane's committed position is.
      probe.consumer.seek({ topic, partition: 0, offset: 2 })
      await commit(topic, 0, ['c'], 0, test.uniqueName('group'))
      await probe.reached([{ topic, partition: 0, offset: 5 }])
      expect(probe.values(topic)).toEqual(['a', 'b', 'c'])
    })

    it('shares lanes with a second member evenly, moves only what must move, and gets all back when it leaves', async () => {
      const topics = [await test.topic(6), await test.topic(6)]
      const first = await member(topics)
      expect(first.lanes).toEqual([0, 1, 2, 3, 4, 5])
      const second = await member(topics)
      await shared([first, second], [3, 3])
      const kept = second.lanes
      const third = await member(topics)
      await shared([first, second, third], [2, 2, 2])
      expect(kept).toEqual(expect.arrayContaining([...second.lanes]))
      await third.consumer.stop()
      await shared([first, second], [3, 3])
      await second.consumer.stop()
      await shared([first], [6])
    })

    it('keeps the place of a lane that it keeps, also in a new generation', async () => {
      const topic = await test.topic(2)
      const first = await member([topic])
      for (const partition of first.lanes) {
        first.consumer.seek({ topic, partition, offset: 0 })
        await write(topic, partition, ['old'])
      }
      first.resumeAll([topic])
      await first.reached(await test.admin.endOffsets(topic))
      const second = await member([topic])
      await shared([first, second], [1, 1])
      const kept = first.lanes[0]!
      await write(topic, kept, ['new'])
      expect(first.values(topic, kept)).toEqual(['old'])
      first.resumeAll([topic])
      await first.reached([{ topic, partition: kept, offset: 2 }])
      expect(first.values(topic, kept)).toEqual(['old', 'new'])
    })

    it('is silent once it has stopped', async () => {
      const topic = await test.topic(1)
      const probe = await member([topic])
      probe.resumeAll([topic])
      await probe.consumer.stop()
      const successor = await member([topic])
      await write(topic, 0, ['late'])
      successor.resumeAll([topic])
      await successor.reached([{ topic, partition: 0, offset: 1 }])
      expect([probe.calls, probe.crashes, probe.assignments.length]).toEqual([[], [], 1])
    })

    it('refuses topics with different numbers of partitions', async () => {
      const topics = [await test.topic(2), await test.topic(3)]
      const failure = await failureOf(new LaneProbe(test.kafka, { groupId, topics }).consumer.start())
      expect(failure).toMatchObject({ code: 'PARTITION_COUNTS_DIFFER', disposition: 'fatal' })
      expect(failure.message).toContain(`${topics[0]} has 2, ${topics[1]} has 3`)
    })

    it('refuses a topic that does not exist', async () => {
      const probe = new LaneProbe(test.kafka, { groupId, topics: [test.uniqueName('missing')] })
      expect(await failureOf(probe.consumer.start())).toMatchObject({ disposition: 'reject' })
    })

    it('dies of a defect in what it calls, and tells it', async () => {
      const topic = await test.topic(1)
      const defect = new Error('a defect')
      const probe = await member([topic], () => {
        throw defect
      })
      await write(topic, 0, ['a'])
      probe.resumeAll([topic])
      await probe.watch.until(() => probe.crashes.length > 0, () => 'no crash')
      expect([probe.crashes, probe.calls.length]).toEqual([[defect], 1])
    })
  })
}

function exerciseTailReader({ test, write, commit }: ReaderTest): void {
  describe('a tail reader', () => {
    it('reads every partition from its position, else from its first record, and goes on with what comes', async () => {
      const [topic, other, empty] = [await test.topic(2), await test.topic(1), await test.topic(1)]
      await write(topic, 0, numbered(5))
      await write(topic, 1, numbered(5))
      await write(other, 0, ['a'])
      const probe = tailProbe(test.kafka, [topic, other, empty], { from: [{ topic, partition: 1, offset: 3 }] })
      test.atEnd(() => probe.reader.stop())
      await probe.reader.start()
      await probe.reached(await test.admin.endOffsets(topic))
      await write(empty, 0, ['first'])
      await write(topic, 1, ['last'])
      await probe.reached([...(await test.admin.endOffsets(topic)), ...(await test.admin.endOffsets(empty))])
      expect([probe.values(topic, 0), probe.values(topic, 1)]).toEqual([numbered(5), ['3', '4', 'last']])
      expect([probe.values(other), probe.values(empty)]).toEqual([['a'], ['first']])
    })

    it('moves its position over what it does not show: markers and aborted records', async () => {
      const topic = await test.topic(1)
      await commit(topic, 0, ['a'], 0, test.uniqueName('group'))
      const probe = tailProbe(test.kafka, [topic])
      test.atEnd(() => probe.reader.stop())
      await probe.reader.start()
      await probe.reached([{ topic, partition: 0, offset: 2 }])
      const open = await test.leaveOpen(test.uniqueName('producer'), textRecords(topic, 0, ['aborted']))
      await open.abort()
      await probe.reached([{ topic, partition: 0, offset: 4 }])
      expect(probe.values(topic)).toEqual(['a'])
    })

    it('stops before a transaction that is open, and shows what is behind once that has ended', async () => {
      const topic = await test.topic(1)
      await write(topic, 0, ['before'])
      const open = await test.leaveOpen(test.uniqueName('producer'), textRecords(topic, 0, ['aborted']))
      await write(topic, 0, ['behind'])
      const probe = tailProbe(test.kafka, [topic])
      test.atEnd(() => probe.reader.stop())
      await probe.reader.start()
      await probe.reached([{ topic, partition: 0, offset: 1 }])
      expect([probe.values(topic), probe.position({ topic, partition: 0 })]).toEqual([['before'], 1])
      await open.abort()
      await probe.reached([{ topic, partition: 0, offset: 3 }])
      expect(probe.values(topic)).toEqual(['before', 'behind'])
    })

    it('waits for what it calls before it shows more', async () => {
      const topic = await test.topic(1)
      const atWork = { now: 0, most: 0 }
      const take = async (): Promise<void> => {
        atWork.now += 1
        atWork.most = Math.max(atWork.most, atWork.now)
        await write(topic, 0, atWork.most === 1 && probe.calls.length < 4 ? ['more'] : [])
        atWork.now -= 1
      }
      const probe = tailProbe(test.kafka, [topic], { take })
      test.atEnd(() => probe.reader.stop())
      await write(topic, 0, ['begin'])
      await probe.reader.start()
      await probe.watch.until(() => probe.calls.length >= 4, () => `${probe.calls.length} calls`)
      expect([atWork.most, probe.values(topic)]).toEqual([1, ['begin', 'more', 'more', 'more']])
    })

    it('dies of a failure in what it calls, and shows nothing more', async () => {
      const topic = await test.topic(1)
      const failure = new Error('the disk is full')
      const probe = tailProbe(test.kafka, [topic], { take: () => Promise.reject(failure) })
      test.atEnd(() => probe.reader.stop())
      await write(topic, 0, ['a'])
      await probe.reader.start()
      await probe.watch.until(() => probe.crashes.length > 0, () => 'no crash')
      await write(topic, 0, ['b'])
      await probe.reader.stop()
      expect([probe.crashes, probe.values(topic)]).toEqual([[failure], ['a']])
    })

    it('refuses a topic that does not exist', async () => {
      const probe = tailProbe(test.kafka, [test.uniqueName('missing')])
      expect(await failureOf(probe.reader.start())).toMatchObject({ disposition: 'reject' })
    })
  })
}
