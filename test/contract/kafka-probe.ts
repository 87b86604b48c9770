/** Readers for tests of the Kafka port: they remember all they hear, and wait for a condition on it instead of for time to pass. */
import type {
  InputRecord,
  KafkaClient,
  LaneConsumer,
  LaneConsumerOptions,
  OutputRecord,
  Position,
  TailReader,
  TopicPartition,
} from '../../src/kafka/port.ts'

const WAIT_MS_MAX = 60_000

/** Lets tests wait until something they were told makes a condition true. */
class Watch {
  readonly #waiting = new Set<() => void>()

  changed(): void {
    for (const look of [...this.#waiting]) look()
  }

  /** Rejects with the description after some seconds: the condition will not come true any more. */
  until(condition: () => boolean, describe: () => string): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(look)
      }
      const look = (): void => {
        if (!condition()) return
        end()
        resolve()
      }
      const timer = setTimeout(() => {
        end()
        reject(new Error(`waited in vain: ${describe()}`))
      }, WAIT_MS_MAX)
      this.#waiting.add(look)
      look()
    })
  }
}

export interface Heard {
  readonly at: TopicPartition
  readonly records: readonly InputRecord[]
  readonly nextOffset: number
}

/** What a reader was shown. */
class Log {
  readonly calls: Heard[] = []
  readonly crashes: Error[] = []
  readonly watch = new Watch()

  take(call: Heard): void {
    this.calls.push(call)
    this.watch.changed()
  }

  crash(error: Error): void {
    this.crashes.push(error)
    this.watch.changed()
  }

  records(topic: string, partition?: number): readonly InputRecord[] {
    return this.calls
      .filter(({ at }) => at.topic === topic && (partition === undefined || at.partition === partition))
      .flatMap(({ records }) => records)
  }

  values(topic: string, partition?: number): readonly string[] {
    return this.records(topic, partition).map(({ value }) => value?.toString() ?? 'null')
  }

  /** Where reading of the partition stands; 0 before anything was heard. */
  position({ topic, partition }: TopicPartition): number {
    return this.calls.findLast(({ at }) => at.topic === topic && at.partition === partition)?.nextOffset ?? 0
  }

  async reached(ends: readonly Position[]): Promise<void> {
    const behind = (): readonly Position[] => ends.filter((end) => this.position(end) < end.offset)
    await this.watch.until(
      () => behind().length === 0,
      () => `not read to ${JSON.stringify(behind())}; crashes: ${this.crashes.join(', ')}`,
    )
  }
}

export interface TailProbe extends Log {
  readonly reader: TailReader
}

export function tailProbe(
  kafka: KafkaClient,
  topics: readonly string[],
  options: { readonly from?: readonly Position[]; readonly take?: (call: Heard) => Promise<void> } = {},
): TailProbe {
  const log = new Log()
  const reader = kafka.tailReader({
    ...{ name: 'contract', topics, from: options.from ?? [] },
    events: {
      records: async (at, records, nextOffset) => {
        log.take({ at, records, nextOffset })
        await options.take?.({ at, records, nextOffset })
      },
      crashed: (error) => {
        log.crash(error)
      },
    },
  })
  return Object.assign(log, { reader })
}

/** Reads topics from the given positions, or their beginnings, to their ends as they are now, and stops. */
export async function readAll(kafka: KafkaClient, topics: readonly string[], from: readonly Position[] = []): Promise<Log> {
  const admin = await kafka.admin()
  const ends = (await Promise.all(topics.map((topic) => admin.endOffsets(topic)))).flat()
  await admin.close()
  const probe = tailProbe(kafka, topics, { from })
  await probe.reader.start()
  try {
    await probe.reached(ends.filter((end) => end.offset > startOf(from, end)))
  } finally {
    await probe.reader.stop()
  }
  return probe
}

function startOf(from: readonly Position[], at: TopicPartition): number {
  return from.find(({ topic, partition }) => topic === at.topic && partition === at.partition)?.offset ?? 0
}

/** A member of a group that remembers its assignments. */
export class LaneProbe extends Log {
  readonly assignments: (readonly number[])[] = []
  memberId = ''
  readonly consumer: LaneConsumer
  confirmations = 0

  constructor(kafka: KafkaClient, options: Omit<LaneConsumerOptions, 'events'>, hooks: { readonly take?: (call: Heard) => void } = {}) {
    super()
    this.consumer = kafka.laneConsumer({
      ...options,
      events: {
        assigned: (partitions, memberId) => {
          this.memberId = memberId
          this.assignments.push([...partitions].sort((a, b) => a - b))
          this.watch.changed()
        },
        confirmed: () => {
          this.confirmations += 1
          this.watch.changed()
        },
        records: (at, records, nextOffset) => {
          this.take({ at, records, nextOffset })
          hooks.take?.({ at, records, nextOffset })
        },
        crashed: (error) => {
          this.crash(error)
        },
      },
    })
  }

  /** The lanes of the latest generation. */
  get lanes(): readonly number[] {
    return this.assignments.at(-1) ?? []
  }

  resumeAll(topics: readonly string[]): void {
    for (const topic of topics) for (const partition of this.lanes) this.consumer.resume({ topic, partition })
  }
}

/** Waits until members own all lanes between them, as many as the list says of each. */
export async function shared(members: readonly LaneProbe[], sizes: readonly number[]): Promise<void> {
  const count = sizes.reduce((sum, size) => sum + size, 0)
  const isShared = (): boolean => {
    const owned = members.map(({ lanes }) => lanes)
    return new Set(owned.flat()).size === count && String(owned.map(({ length }) => length).sort()) === String([...sizes].sort())
  }
  await Promise.any(members.map(({ watch }) => watch.until(isShared, () => JSON.stringify(members.map(({ lanes }) => lanes)))))
}

export function textRecords(topic: string, partition: number, values: readonly string[]): OutputRecord[] {
  return values.map((value) => ({ topic, partition, key: `key of ${value}`, value: Buffer.from(value) }))
}
