import type { ICustomPartitioner, Message, PartitionMetadata } from 'kafkajs'
import { dispositionOf } from '../error-dispositions.ts'
import { KafkaFailure, type OutputRecord } from '../port.ts'
import { partitionOfKey } from './murmur2.ts'

/** One call of kafkajs's sendBatch: what it was first asked about, and the leaders that it goes to this time. */
interface Call {
  readonly first: Message | undefined
  readonly leaders: Set<number>
}

/**
 * Places messages by the partition that they name, else by their key, else one after the other; and, because kafkajs asks
 * again each time it repeats a request, keeps it from repeating one wrongly.
 *
 * A message stays where it was placed. In another partition its batch would have a sequence number that the broker has seen
 * with other content, and would be taken for a duplicate.
 *
 * A call that went to several brokers is not repeated. kafkajs repeats it as soon as one of them fails, also to those whose
 * answers are still on their way, with new sequence numbers: what they write then stands in the log twice.
 */
export class StickyPartitioner {
  readonly #partitions = new WeakMap<Message, number>()
  readonly #calls = new WeakMap<Message, Call>()
  readonly #metadata = new Map<string, readonly PartitionMetadata[]>()
  #turn = 0

  readonly create: ICustomPartitioner =
    () =>
    ({ topic, message, partitionMetadata }) => {
      this.#metadata.set(topic, partitionMetadata)
      const partition = this.#partitions.get(message) ?? this.#place(message, partitionMetadata.length)
      this.#partitions.set(message, partition)
      this.#follow(message, leaderOf(partition, partitionMetadata))
      return partition
    }

  /** Told before each call which messages are in it. */
  begin(messages: readonly Message[]): void {
    const call: Call = { first: messages[0], leaders: new Set() }
    for (const message of messages) this.#calls.set(message, call)
  }

  /** Where a message was sent; null if kafkajs has not asked. */
  chosen(message: Message): number | null {
    return this.#partitions.get(message) ?? null
  }

  /** Whether records are known to go to one and the same broker, as far as leaders were seen before. */
  isForOneBroker(records: readonly OutputRecord[]): boolean {
    const leaders = new Set(records.map((record) => this.#expectedLeader(record)))
    return leaders.size <= 1 && !leaders.has(null)
  }

  #place({ partition, key }: Message, count: number): number {
    if (partition !== undefined) return partition
    return key === undefined || key === null ? this.#turn++ % count : partitionOfKey(key, count)
  }

  #follow(message: Message, leader: number | null): void {
    const call = this.#calls.get(message)
    if (call === undefined) return
    if (message === call.first) {
      if (call.leaders.size > 1) throw notRepeated()
      call.leaders.clear()
    }
    if (leader !== null) call.leaders.add(leader)
  }

  #expectedLeader({ topic, partition, key }: OutputRecord): number | null {
    const metadata = this.#metadata.get(topic)
    if (metadata === undefined || (partition === undefined && key === null)) return null
    return leaderOf(partition ?? partitionOfKey(key ?? '', metadata.length), metadata)
  }
}

function leaderOf(partition: number, metadata: readonly PartitionMetadata[]): number | null {
  return metadata.find(({ partitionId }) => partitionId === partition)?.leader ?? null
}

function notRepeated(): KafkaFailure {
  const code = 'ANSWER_INCOMPLETE'
  const message = 'one of several brokers has refused: to ask all of them again would write some records twice'
  return new KafkaFailure(message, { code, disposition: dispositionOf(code) })
}
