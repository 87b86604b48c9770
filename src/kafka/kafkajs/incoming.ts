import type { Consumer, EachBatchPayload, IHeaders, KafkaMessage } from 'kafkajs'
import type { InputRecord, TopicPartition } from '../port.ts'
import type { PartitionCursor } from './partition-cursor.ts'

export interface TakenBatch {
  readonly at: TopicPartition
  readonly records: readonly InputRecord[]
  readonly nextOffset: number
}

/** The records of a batch that are to be shown; null if it is not its turn, or was asked for once more. */
export function takeBatch(cursor: PartitionCursor | undefined, consumer: Consumer, payload: EachBatchPayload): TakenBatch | null {
  const { batch } = payload
  // What is not resolved is read again when it is its turn.
  if (cursor === undefined || cursor.paused || payload.isStale() || !payload.isRunning()) return null
  const at = { topic: batch.topic, partition: batch.partition }
  const nextOffset = Number(batch.lastOffset()) + 1
  const verdict = cursor.judge(nextOffset, false)
  if (verdict.type === 'seek') {
    consumer.seek({ ...at, offset: String(verdict.offset) })
    return null
  }
  const records = batch.messages.filter(({ offset }) => Number(offset) >= verdict.from)
  return { at, records: records.map((message) => toInputRecord(at, message)), nextOffset }
}

/** Whether a batch without records to show moves the position; if not, it was asked for once more. */
export function takeEmptyBatch(cursor: PartitionCursor | undefined, consumer: Consumer, nextOffset: number): boolean {
  if (cursor === undefined) return false
  const verdict = cursor.judge(nextOffset, true)
  if (verdict.type === 'seek') consumer.seek({ ...cursor.at, offset: String(verdict.offset) })
  return verdict.type === 'show'
}

export function toInputRecord({ topic, partition }: TopicPartition, message: KafkaMessage): InputRecord {
  const { key, value, offset, timestamp, headers } = message
  return { topic, partition, offset: Number(offset), key, value, headers: textsOf(headers ?? {}), timestampMs: Number(timestamp) }
}

// Names come from whoever wrote the record: "__proto__" is one like any other.
function textsOf(headers: IHeaders): Readonly<Record<string, string>> {
  const texts: [string, string][] = []
  for (const [name, values] of Object.entries(headers)) {
    const value = Array.isArray(values) ? values.at(-1) : values
    if (value !== undefined) texts.push([name, value.toString()])
  }
  return Object.fromEntries(texts)
}
