import type { Message, RecordMetadata, TopicMessages } from 'kafkajs'
import { dispositionOf } from '../error-dispositions.ts'
import { KafkaFailure, type OutputRecord, type Position } from '../port.ts'
import type { StickyPartitioner } from './partitioner.ts'

// Lengths, deltas and attributes of a record in a batch, at most; of a header, its two lengths.
const RECORD_OVERHEAD_BYTES = 32
const HEADER_OVERHEAD_BYTES = 10
// A batch's own header has 61 bytes (org.apache.kafka.common.record.DefaultRecordBatch).
const BATCH_OVERHEAD_BYTES = 64

/** Bytes of a record in a request, a little more than it will be. */
export function sizeOf({ key, value, headers }: OutputRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + (key === null ? 0 : Buffer.byteLength(key)) + (value?.length ?? 0)
  for (const [name, text] of Object.entries(headers ?? {})) {
    bytes += HEADER_OVERHEAD_BYTES + Buffer.byteLength(name) + Buffer.byteLength(text)
  }
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
export async function sendRecords(
  sender: Sender,
  partitioner: StickyPartitioner,
  records: readonly OutputRecord[],
): Promise<Position[]> {
  const messages = records.map(toMessage)
  const byTopic = new Map<string, Message[]>()
  for (const [at, { topic }] of records.entries()) {
    const message = messages[at] as Message
    const known = byTopic.get(topic)
    if (known === undefined) byTopic.set(topic, [message])
    else known.push(message)
  }
  partitioner.begin(messages)
  const topicMessages = [...byTopic].map(([topic, ofTopic]) => ({ topic, messages: quicklyGrouped(ofTopic) }))
  const answer = await sender.sendBatch({ acks: -1, topicMessages })
  const next = new Map(answer.map((each) => [placeOf(each.topicName, each.partition), Number(each.baseOffset)]))
  return records.map(({ topic }, at) => {
    const partition = partitioner.chosen(messages[at] as Message) ?? -1
    const place = placeOf(topic, partition)
    const offset = next.get(place)
    if (offset === undefined) throw incomplete(topic, partition)
    next.set(place, offset + 1)
    return { topic, partition, offset }
  })
}

type Groups = Record<string, Message[]>

/**
 * kafkajs groups messages by their partition with `reduce`, and makes the group anew for each message that joins it: a thousand cost
 * half a million copies. Asked about each message by itself, it makes groups of one, which are put together here.
 */
function quicklyGrouped(messages: Message[]): Message[] {
  const reduce = (join: (groups: Groups, message: Message) => Groups): Groups => {
    const groups: Groups = {}
    for (const message of messages) {
      for (const partition of Object.keys(join({}, message))) {
        const known = groups[partition]
        if (known === undefined) groups[partition] = [message]
        else known.push(message)
      }
    }
    return groups
  }
  return Object.defineProperty(messages, 'reduce', { value: reduce })
}

function toMessage({ key, value, headers, partition }: OutputRecord): Message {
  return {
    key,
    value,
    ...(headers === undefined ? {} : { headers: { ...headers } }),
    ...(partition === undefined ? {} : { partition }),
  }
}

function placeOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}

// kafkajs repeats a request only to brokers that have not answered yet. A partition that moves to one that has is forgotten.
function incomplete(topic: string, partition: number): KafkaFailure {
  const code = 'ANSWER_INCOMPLETE'
  const message = `no answer for ${topic}[${partition}]: whether its records were written is not known`
  return new KafkaFailure(message, { code, disposition: dispositionOf(code), topic })
}
