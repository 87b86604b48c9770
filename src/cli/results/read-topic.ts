import type { InputRecord, KafkaClient, Position } from '../../kafka/port.ts'
import { delay, type Timers } from '../../runtime/clock.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'

export interface ReadTopicOptions {
  readonly kafka: Pick<KafkaClient, 'admin' | 'tailReader'>
  readonly topic: string
  /** Where to begin; a partition that is not named begins at its first record. */
  readonly from?: readonly Position[]
  readonly timers: Timers
  /** Null waits as long as it takes. */
  readonly timeoutMs: number | null
  /** Called with one record at a time; what it throws ends the reading. */
  readonly take: (record: InputRecord) => void | Promise<void>
  /** Asked once all that was on the topic at the start is read, and after each batch from then on. */
  readonly isEnough: () => boolean
}

/**
 * Reads a topic, committed records only, in the order of each partition. Resolves once there is enough. Throws a
 * CommandFailure `NotFound` without such a topic and `Timeout` when the time is over; KafkaFailure.
 */
export async function readTopic(options: ReadTopicOptions): Promise<void> {
  const { kafka, topic, take, isEnough } = options
  const spans = await spansOf(options)
  const ends = new Map(spans.filter(({ begin, end }) => begin < end).map(({ partition, end }) => [partition, end]))
  const done = Promise.withResolvers<undefined>()
  let isOver = false
  const check = (): void => {
    if (ends.size === 0 && isEnough()) done.resolve(undefined)
  }
  const reader = kafka.tailReader({
    name: 'cli',
    topics: [topic],
    from: spans.map(({ partition, begin }) => ({ topic, partition, offset: begin })),
    events: {
      records: async ({ partition }, records, nextOffset) => {
        if (isOver) return
        try {
          for (const record of records) await take(record)
        } catch (error) {
          isOver = true
          done.reject(error)
          return
        }
        const end = ends.get(partition)
        if (end !== undefined && nextOffset >= end) ends.delete(partition)
        check()
      },
      crashed: (error) => {
        done.reject(error)
      },
    },
  })
  check()
  try {
    await reader.start()
    await inTime(done.promise, options)
  } finally {
    await reader.stop()
  }
}

/** What of a partition is there to read at the start: nothing when both are the same. */
interface Span {
  readonly partition: number
  readonly begin: number
  readonly end: number
}

async function spansOf({ kafka, topic, from = [] }: ReadTopicOptions): Promise<readonly Span[]> {
  const admin = await kafka.admin()
  try {
    if (!(await admin.topicExists(topic))) throw new CommandFailure(ExitCode.NotFound, `there is no topic ${topic}`)
    const ends = await admin.endOffsets(topic)
    const starts = await admin.startOffsets(topic)
    const offsetIn = (positions: readonly Position[], partition: number): number =>
      positions.find((each) => each.partition === partition)?.offset ?? 0
    return ends.map(({ partition, offset: end }) => {
      const wanted = Math.max(offsetIn(starts, partition), offsetIn(from, partition))
      return { partition, begin: Math.min(wanted, end), end }
    })
  } finally {
    await admin.close()
  }
}

async function inTime(done: Promise<undefined>, { timers, timeoutMs, topic }: ReadTopicOptions): Promise<void> {
  if (timeoutMs === null) {
    await done
    return
  }
  const inTime = new AbortController()
  const timeout = delay(timers, timeoutMs, inTime.signal).then(
    () => {
      throw new CommandFailure(ExitCode.Timeout, `not all of it was on topic ${topic} within ${timeoutMs} ms`)
    },
    () => undefined,
  )
  try {
    await Promise.race([done, timeout])
  } finally {
    inTime.abort()
  }
}
