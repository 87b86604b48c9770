import type { InputRecord, KafkaClient, Position } from '../../kafka/port.ts'
import { delay, type Timers } from '../../runtime/clock.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'

export interface ReadTopicOptions {
  readonly kafka: KafkaClient
  readonly topic: string
  readonly timers: Timers
  /** Null waits as long as it takes. */
  readonly timeoutMs: number | null
  readonly take: (record: InputRecord) => void
  /** Asked once all that was on the topic at the start is read, and after each batch from then on. */
  readonly isEnough: () => boolean
}

/**
 * Reads a topic from its first record on, committed records only, in the order of each partition. Resolves once there
 * is enough. Throws a CommandFailure `NotFound` without such a topic and `Timeout` when the time is over; KafkaFailure.
 */
export async function readTopic(options: ReadTopicOptions): Promise<void> {
  const { kafka, topic, take, isEnough } = options
  const ends = await unreadOf(kafka, topic)
  const done = Promise.withResolvers<undefined>()
  const check = (): void => {
    if (ends.size === 0 && isEnough()) done.resolve(undefined)
  }
  const reader = kafka.tailReader({
    name: 'cli',
    topics: [topic],
    from: [],
    events: {
      records: ({ partition }, records, nextOffset) => {
        for (const record of records) take(record)
        const end = ends.get(partition)
        if (end !== undefined && nextOffset >= end) ends.delete(partition)
        check()
        return Promise.resolve()
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

/** Where each partition ends that has something to read. */
async function unreadOf(kafka: KafkaClient, topic: string): Promise<Map<number, number>> {
  const admin = await kafka.admin()
  try {
    if (!(await admin.topicExists(topic))) throw new CommandFailure(ExitCode.NotFound, `there is no topic ${topic}`)
    const ends = await admin.endOffsets(topic)
    const starts = await admin.startOffsets(topic)
    const isEmpty = ({ partition, offset }: Position): boolean =>
      starts.find((each) => each.partition === partition)?.offset === offset
    return new Map(ends.filter((end) => !isEmpty(end)).map(({ partition, offset }) => [partition, offset]))
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
