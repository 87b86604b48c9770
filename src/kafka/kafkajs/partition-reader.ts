import { delay } from '../../runtime/clock.ts'
import { KafkaFailure, type PartitionReader, type PartitionStretch, type Position, type TopicPartition } from '../port.ts'
import { type Cluster, clusterOf } from './cluster.ts'
import { toKafkaFailure } from './failure.ts'
import { toInputRecord } from './incoming.ts'
import { PASSING_ATTEMPTS_MAX, PASSING_INTERVAL_MS, passingStates } from './passing-states.ts'
import type { CreateKafka, KafkaSettings } from './settings.ts'

const READ_COMMITTED = 1
/** Leaders that are remembered; then all are asked for anew. */
const LEADERS_MAX = 10_000
// Kafka protocol, ListOffsets: these stand for a time.
const EARLIEST = -2
const LATEST = -1
const BEYOND = 'OFFSET_OUT_OF_RANGE'

/**
 * Reads with the requests that kafkajs's consumers read with, but as a member of no group: a group for each question would
 * take the broker longer than the answer, and leave something behind. kafkajs has no door for that; `clusterOf` opens one.
 */
export class KafkajsPartitionReader implements PartitionReader {
  readonly #settings: KafkaSettings
  readonly #cluster: Cluster
  readonly #leaders = new Map<string, string>()

  constructor(createKafka: CreateKafka, settings: KafkaSettings) {
    this.#settings = settings
    this.#cluster = clusterOf(createKafka())
  }

  async read(from: Position, { bytesMax }: { readonly bytesMax: number }): Promise<PartitionStretch> {
    const action = `reading ${from.topic}-${from.partition} from ${from.offset} on`
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#cluster.connect()
        return await this.#fetch(from, bytesMax)
      } catch (error) {
        const failure = toKafkaFailure(error, action, 'call')
        this.#leaders.delete(keyOf(from))
        if (failure.code === BEYOND) return await this.#fromStart(from, bytesMax)
        if (!passingStates.has(failure.code) || attempt >= PASSING_ATTEMPTS_MAX) throw failure
        await delay(this.#settings.timers, PASSING_INTERVAL_MS)
      }
    }
  }

  async close(): Promise<void> {
    await this.#cluster.disconnect().catch(() => undefined)
  }

  async #fetch({ topic, partition, offset }: Position, bytesMax: number): Promise<PartitionStretch> {
    const broker = await this.#cluster.findBroker({ nodeId: await this.#leaderOf({ topic, partition }) })
    const { responses } = await broker.fetch({
      ...{ isolationLevel: READ_COMMITTED, maxWaitTime: 0, minBytes: 1, maxBytes: bytesMax },
      topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes: bytesMax }] }],
    })
    const fetched = responses[0]?.partitions[0]
    if (fetched === undefined) throw new Error(`broken invariant: an answer without ${topic}-${partition}, which was asked for`)
    const { messages, highWatermark } = fetched
    const last = messages.at(-1)
    return {
      // A batch that begins before the position comes whole.
      records: messages
        .filter((message) => !message.isControlRecord && Number(message.offset) >= offset)
        .map((message) => toInputRecord({ topic, partition }, message)),
      nextOffset: last === undefined ? offset : Math.max(offset, Number(last.offset) + 1),
      endOffset: Number(highWatermark),
    }
  }

  /** The position is not there any more, or not yet. */
  async #fromStart(from: Position, bytesMax: number): Promise<PartitionStretch> {
    const { topic, partition, offset } = from
    try {
      const start = await this.#boundOf(from, EARLIEST)
      if (offset < start) return await this.#fetch({ ...from, offset: start }, bytesMax)
      return { records: [], nextOffset: offset, endOffset: await this.#boundOf(from, LATEST) }
    } catch (error) {
      throw toKafkaFailure(error, `reading ${topic}-${partition} from its beginning on`, 'call')
    }
  }

  async #boundOf({ topic, partition }: TopicPartition, timestamp: number): Promise<number> {
    const broker = await this.#cluster.findBroker({ nodeId: await this.#leaderOf({ topic, partition }) })
    const { responses } = await broker.listOffsets({ topics: [{ topic, partitions: [{ partition, timestamp }] }] })
    return Number(responses[0]?.partitions[0]?.offset)
  }

  async #leaderOf(at: TopicPartition): Promise<string> {
    const known = this.#leaders.get(keyOf(at))
    if (known !== undefined) return known
    const { topic, partition } = at
    const metadata = await this.#cluster.metadata({ topics: [topic] })
    const partitions = metadata?.topicMetadata.find((each) => each.topic === topic)?.partitionMetadata
    const found = partitions?.find(({ partitionId }) => partitionId === partition)
    if (partitions !== undefined && found === undefined) {
      const message = `there is no partition ${partition} of topic ${topic}, which has ${partitions.length}`
      throw new KafkaFailure(message, { code: 'UNKNOWN_TOPIC_OR_PARTITION', disposition: 'reject', topic })
    }
    if (found === undefined || found.leader === null || found.leader < 0) {
      const details = { code: 'NOT_LEADER_OR_FOLLOWER', disposition: 'retry', topic } as const
      throw new KafkaFailure(`${topic}-${partition} has no leader at the moment`, details)
    }
    if (this.#leaders.size >= LEADERS_MAX) this.#leaders.clear()
    this.#leaders.set(keyOf(at), String(found.leader))
    return String(found.leader)
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
