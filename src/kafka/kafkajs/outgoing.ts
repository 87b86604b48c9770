import type { RecordMetadata, TopicMessages } from 'kafkajs'
import { dispositionOf } from '../error-dispositions.ts'
import { KafkaFailure, type OutputRecord, type Position } from '../port.ts'
import { messagesOf, type SentMessage } from './sent-message.ts'

// Lengths, deltas and attributes of a record in a batch, at most; of a header, its two lengths.
const RECORD_OVERHEAD_BYTES = 32
const HEADER_OVERHEAD_BYTES = 10
// A batch's own header has 61 bytes (org.apache.kafka.common.record.DefaultRecordBatch).
const BATCH_OVERHEAD_BYTES = 64

/** Bytes of a record in a request, a little more than it will be. */
export function sizeOf({ key, value, headers }: OutputRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + (key === null ? 0 : Buffer.byteLength(key)) + (value?.length ?? 0)
  for (const name in headers) bytes += HEADER_OVERHEAD_BYTES + Buffer.byteLength(name) + Buffer.byteLength(headers[name] ?? '')
  return bytes
}

/**
 * Cuts records, in their order, into runs of at most `bytesMax`, in which no topic has more than it takes in a batch; a larger
 * record is a run by itself.
 */
export function cutIntoRequests(records: readonly OutputRecord[], bytesMax: number): OutputRecord[][] {
  const requests: OutputRecord[][] = []
  let request: OutputRecord[] = []
  let bytes = 0
  const bytesOfTopic = new Map<string, number>()
  for (const record of records) {
    const { topic, batchBytesMax = Infinity } = record
    const size = sizeOf(record)
    const ofTopic = bytesOfTopic.get(topic) ?? BATCH_OVERHEAD_BYTES
    if (request.length > 0 && (bytes + size > bytesMax || ofTopic + size > batchBytesMax)) {
      requests.push(request)
      request = []
      bytes = 0
      bytesOfTopic.clear()
    }
    request.push(record)
    bytes += size
    bytesOfTopic.set(topic, (bytesOfTopic.get(topic) ?? BATCH_OVERHEAD_BYTES) + size)
  }
  if (request.length > 0) requests.push(request)
  return requests
}

/** What kafkajs sends with: a producer, or a transaction of one. */
export interface Sender {
  sendBatch(batch: { acks: -1; topicMessages: TopicMessages[] }): Promise<RecordMetadata[]>
}

/** Sends records in one request for each broker; resolves to their positions, in order, once all replicas in sync have them. */
export async function sendRecords(sender: Sender, records: readonly OutputRecord[]): Promise<Position[]> {
  const messages = messagesOf(records)
  const byTopic = new Map<string, SentMessage[]>()
  for (const [at, { topic }] of records.entries()) {
    const message = messages[at] as SentMessage
    const known = byTopic.get(topic)
    if (known === undefined) byTopic.set(topic, [message])
    else known.push(message)
  }
  const topicMessages = [...byTopic].map(([topic, ofTopic]) => ({ topic, messages: quicklyGrouped(ofTopic) }))
  const next = new OffsetCounter(await sender.sendBatch({ acks: -1, topicMessages }))
  return records.map(({ topic }, at) => {
    const partition = messages[at]?.placement ?? -1
    return { topic, partition, offset: next.of(topic, partition) }
  })
}

/** Counts on from the first offset of each partition, which is what a broker answers with. */
class OffsetCounter {
  readonly #topics = new Map<string, Map<number, number>>()

  constructor(answer: readonly RecordMetadata[]) {
    for (const { topicName, partition, baseOffset } of answer) {
      const partitions = this.#topics.get(topicName) ?? new Map<number, number>()
      this.#topics.set(topicName, partitions.set(partition, Number(baseOffset)))
    }
  }

  of(topic: string, partition: number): number {
    const partitions = this.#topics.get(topic)
    const offset = partitions?.get(partition)
    if (partitions === undefined || offset === undefined) throw incomplete(topic, partition)
    partitions.set(partition, offset + 1)
    return offset
  }
}

type Groups = Record<string, SentMessage[]>

/**
 * kafkajs groups messages by their partition with `reduce`, and makes the group anew for each message that joins it: a thousand cost
 * half a million copies. Here it is asked about the first message of each partition, and of each key that is still to be placed; the
 * others follow those.
 */
function quicklyGrouped(messages: SentMessage[]): SentMessage[] {
  const reduce = (join: (groups: Groups, message: SentMessage) => Groups): Groups => {
    const groups: Groups = {}
    const groupOf = new Map<number | string, SentMessage[]>()
    for (const message of messages) {
      const place = message.placement ?? message.key
      const known = place === null ? undefined : groupOf.get(place)
      if (known !== undefined) {
        message.placement = known[0]?.placement ?? null
        known.push(message)
        continue
      }
      for (const partition of Object.keys(join({}, message))) {
        const group = (groups[partition] ??= [])
        group.push(message)
        if (place !== null) groupOf.set(place, group)
      }
    }
    return groups
  }
  return Object.defineProperty(messages, 'reduce', { value: reduce })
}

// kafkajs repeats a request only to brokers that have not answered yet. A partition that moves to one that has is forgotten.
function incomplete(topic: string, partition: number): KafkaFailure {
  const code = 'ANSWER_INCOMPLETE'
  const message = `no answer for ${topic}[${partition}]: whether its records were written is not known`
  return new KafkaFailure(message, { code, disposition: dispositionOf(code), topic })
}
