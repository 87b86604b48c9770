import type { ICustomPartitioner, PartitionMetadata } from 'kafkajs'
import { dispositionOf } from '../error-dispositions.ts'
import { KafkaFailure, type OutputRecord } from '../port.ts'
import { partitionOfKey } from './murmur2.ts'
import { SentMessage } from './sent-message.ts'

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
  readonly #metadata = new Map<string, readonly PartitionMetadata[]>()
  #turn = 0

  readonly create: ICustomPartitioner =
    () =>
    ({ topic, message, partitionMetadata }) => {
      this.#metadata.set(topic, partitionMetadata)
      if (!(message instanceof SentMessage)) throw new Error('broken invariant: kafkajs was given a message that is not ours')
      message.placement ??= this.#place(message, partitionMetadata.length)
      follow(message, leaderOf(message.placement, partitionMetadata))
      return message.placement
    }

  /** Whether records are known to go to one and the same broker, as far as leaders were seen before. */
  isForOneBroker(records: readonly OutputRecord[]): boolean {
    const leaders = new Set(records.map((record) => this.#expectedLeader(record)))
    return leaders.size <= 1 && !leaders.has(null)
  }

  #place({ key }: SentMessage, count: number): number {
    return key === null ? this.#turn++ % count : partitionOfKey(key, count)
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

function follow(message: SentMessage, leader: number | null): void {
  const { call } = message
  if (message === call.first) {
    if (call.leaders.size > 1) throw notRepeated()
    call.leaders.clear()
  }
  if (leader !== null) call.leaders.add(leader)
}

function notRepeated(): KafkaFailure {
  const code = 'ANSWER_INCOMPLETE'
  const message = 'one of several brokers has refused: to ask all of them again would write some records twice'
  return new KafkaFailure(message, { code, disposition: dispositionOf(code) })
}
