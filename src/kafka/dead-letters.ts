/**
 * Dead letters as people handle them: read back from their topic, and put back to where they came from. That a letter was
 * put back is a record of its own on the same topic, a mark, written in the transaction that puts it back.
 */
import { FORWARDED_HEADER } from '../stages/coordinator/forwarding.ts'
import type { InputRecord, OutputRecord, TopicPartition } from './port.ts'
import type { TopicNames } from './topics.ts'
import { DEAD_LETTER_HEADERS } from './turn-recorder.ts'

export interface DeadLetter {
  /** Where it is on the dead-letter topic: `partition-offset`. */
  readonly id: string
  readonly record: InputRecord
  readonly origin: TopicPartition & { readonly offset: number; readonly timestampMs: number }
  /** Whose lane has set it aside. */
  readonly stage: string
  readonly cause: string
}

/** On a mark: the id of the letter that was put back. */
const REDRIVEN_HEADER = 'datajob_redriven_letter'

export function letterIdOf({ partition, offset }: { readonly partition: number; readonly offset: number }): string {
  return `${partition}-${offset}`
}

/** Null for a text that is no letter's id. */
export function parseLetterId(id: string): { readonly partition: number; readonly offset: number } | null {
  const [, partition, offset] = /^(\d{1,9})-(\d{1,15})$/.exec(id) ?? []
  return partition === undefined || offset === undefined ? null : { partition: Number(partition), offset: Number(offset) }
}

/** Null for a record that no lane has set aside: a mark, or what somebody else wrote. */
export function deadLetterOf(record: InputRecord): DeadLetter | null {
  const { headers } = record
  const topic = headers[DEAD_LETTER_HEADERS.topic]
  const [partition, offset, timestampMs] = [DEAD_LETTER_HEADERS.partition, DEAD_LETTER_HEADERS.offset, DEAD_LETTER_HEADERS.timestamp].map(
    (name) => Number(headers[name] ?? 'none'),
  )
  if (topic === undefined || !isPlace(partition) || !isPlace(offset)) return null
  return {
    id: letterIdOf(record),
    record,
    origin: { topic, partition, offset, timestampMs: timestampMs ?? Number.NaN },
    stage: headers[DEAD_LETTER_HEADERS.stage] ?? '',
    cause: headers[DEAD_LETTER_HEADERS.cause] ?? '',
  }
}

function isPlace(number: number | undefined): number is number {
  return Number.isSafeInteger(number) && (number ?? -1) >= 0
}

/** The id of the letter that a mark says was put back; null for any other record. */
export function redrivenLetterOf({ headers }: InputRecord): string | null {
  if (headers[DEAD_LETTER_HEADERS.topic] !== undefined) return null
  return headers[REDRIVEN_HEADER] ?? null
}

/** Whether a stage of ours reads the topic that the letter came from: only those are written to. */
export function canBeRedriven({ origin }: DeadLetter, topics: TopicNames): boolean {
  return [topics.commands, topics.subjobs, topics.subjobEvents].includes(origin.topic)
}

/** What puts a letter back, to be written in one transaction: the record as it was before it was set aside, and the mark. */
export function redriveRecords({ id, record, origin }: DeadLetter, topics: TopicNames): readonly OutputRecord[] {
  const key = record.key === null ? null : record.key.toString('utf8')
  const { topic } = origin
  // A command goes to where its key belongs, wherever its client had put it; forwarded from there once more if need be.
  const place = topic === topics.commands ? {} : { partition: origin.partition }
  return [
    { topic, key, value: record.value, headers: clientHeadersOf(record), ...place },
    { topic: topics.deadLetters, partition: record.partition, key, value: null, headers: { [REDRIVEN_HEADER]: id } },
  ]
}

const OWN_HEADERS: readonly string[] = [...Object.values(DEAD_LETTER_HEADERS), FORWARDED_HEADER]

/** The headers that the record had when it was written by others. */
export function clientHeadersOf({ headers }: InputRecord): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !OWN_HEADERS.includes(name)))
}
