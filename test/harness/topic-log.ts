import { randomUUID } from 'node:crypto'
import kafkajs, { type Consumer, type IHeaders, type Kafka } from 'kafkajs'
import { until } from './until.ts'

/** A committed record. */
export interface LoggedRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
}

const SENTINEL = 'test_sentinel'

/**
 * What a consumer that reads committed records sees of a topic, from its beginning on. A record that is delivered again,
 * as after a rebalance, is the same record: its place tells.
 */
export class TopicLog {
  readonly topic: string
  readonly #kafka: Kafka
  readonly #consumer: Consumer
  readonly #records = new Map<string, LoggedRecord>()
  readonly #sentinels = new Set<string>()

  private constructor(kafka: Kafka, topic: string) {
    this.topic = topic
    this.#kafka = kafka
    this.#consumer = kafka.consumer({
      ...{ groupId: `test-${topic}-${randomUUID()}`, readUncommitted: false, maxWaitTimeInMs: 100 },
      // After a crash of the broker the consumer joins as a new member, once the group has given up the one that it was.
      ...{ sessionTimeout: 3_000, heartbeatInterval: 500, rebalanceTimeout: 5_000 },
    })
  }

  static async open(kafka: Kafka, topic: string): Promise<TopicLog> {
    const log = new TopicLog(kafka, topic)
    await log.#start()
    return log
  }

  /** In the order of the log, partition by partition. */
  get records(): readonly LoggedRecord[] {
    return [...this.#records.values()].sort((a, b) => a.partition - b.partition || a.offset - b.offset)
  }

  async until(what: string, condition: (records: readonly LoggedRecord[]) => boolean, waitMsMax?: number): Promise<void> {
    await until(`${what} on ${this.topic}`, () => condition(this.records), waitMsMax).catch((cause: unknown) => {
      throw new Error(`${this.#records.size} records on ${this.topic}`, { cause })
    })
  }

  /** All records that were committed before the call: reads up to records of its own, behind which nothing is open. */
  async settled(waitMsMax?: number): Promise<readonly LoggedRecord[]> {
    const producer = this.#kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner })
    const admin = this.#kafka.admin()
    await Promise.all([producer.connect(), admin.connect()])
    try {
      const partitions = await admin.fetchTopicOffsets(this.topic)
      const ids = partitions.map(({ partition }) => ({ partition, id: randomUUID() }))
      const messages = ids.map(({ partition, id }) => ({ partition, key: SENTINEL, value: null, headers: { [SENTINEL]: id } }))
      // Each by itself: kafkajs forgets the records of a partition that moves to a broker which has answered for others already.
      for (const message of messages) await producer.send({ topic: this.topic, acks: -1, messages: [message] })
      await until(`${this.topic} is read to its end`, () => ids.every(({ id }) => this.#sentinels.has(id)), waitMsMax)
    } finally {
      await Promise.all([producer.disconnect(), admin.disconnect()])
    }
    return this.records
  }

  async close(): Promise<void> {
    await this.#consumer.disconnect()
  }

  async #start(): Promise<void> {
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topics: [this.topic], fromBeginning: true })
    await this.#consumer.run({
      eachMessage: ({ topic, partition, message }) => {
        const headers = textsOf(message.headers ?? {})
        const sentinel = headers[SENTINEL]
        if (sentinel !== undefined) {
          this.#sentinels.add(sentinel)
          return Promise.resolve()
        }
        const offset = Number(message.offset)
        const key = message.key?.toString() ?? null
        this.#records.set(`${partition}/${offset}`, { topic, partition, offset, key, value: message.value, headers })
        return Promise.resolve()
      },
    })
  }
}

function textsOf(headers: IHeaders): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
