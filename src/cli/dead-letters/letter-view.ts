/** Dead letters as they are printed. */
import { formatInstant } from '../../rest/instant.ts'
import { clientHeadersOf } from '../../kafka/dead-letters.ts'
import type { Pane } from '../output/screen.ts'
import type { Column } from '../output/table.ts'
import { formatBytes, formatInstant as shortInstant } from '../output/units.ts'
import { oneLine } from '../output/width.ts'
import type { KnownLetter } from './letter-log.ts'
import type { ShownValue } from './letter-value.ts'
import { redactedHeaders, withoutCredentials } from './redaction.ts'

/** A letter as JSON, without its headers and value. Instants are ISO 8601. */
export interface LetterFacts {
  readonly id: string
  readonly setAsideAt: string
  readonly stage: string
  readonly cause: string
  readonly origin: {
    readonly topic: string
    readonly partition: number
    readonly offset: number
    readonly writtenAt: string | null
  }
  /** Of a command, the job's id where its client has set it. */
  readonly key: string | null
  readonly bytes: number
  readonly redriven: { readonly times: number; readonly lastAt: string } | null
}

export function factsOf({ letter, redriven }: KnownLetter): LetterFacts {
  const { id, record, origin, stage, cause } = letter
  const { topic, partition, offset, timestampMs } = origin
  return {
    id,
    setAsideAt: formatInstant(record.timestampMs),
    stage,
    cause: withoutCredentials(cause),
    origin: { topic, partition, offset, writtenAt: Number.isNaN(timestampMs) ? null : formatInstant(timestampMs) },
    key: record.key?.toString() ?? null,
    bytes: record.value?.length ?? 0,
    redriven: redriven === null ? null : { times: redriven.times, lastAt: formatInstant(redriven.lastMs) },
  }
}

const KEY_SHOWN_MAX = 40

export const letterColumns: readonly Column<LetterFacts>[] = [
  { title: 'id', cell: ({ id }) => id },
  { title: 'set aside', cell: ({ setAsideAt }) => shortInstant(setAsideAt) },
  { title: 'came from', cell: ({ origin }) => placeOf(origin) },
  { title: 'key', cell: ({ key }) => clip(key ?? '') },
  {
    title: 're-driven',
    cell: ({ redriven }) => (redriven === null ? 'no' : shortInstant(redriven.lastAt)),
    style: ({ redriven }, text, paint) => (redriven === null ? text : paint('dim', text)),
  },
  { title: 'cause', cell: ({ cause }) => cause },
]

/** `topic-partition-offset`, as commands without an id are named. */
export function placeOf({ topic, partition, offset }: LetterFacts['origin']): string {
  return `${topic}-${partition}-${offset}`
}

function clip(text: string): string {
  return text.length > KEY_SHOWN_MAX ? `${text.slice(0, KEY_SHOWN_MAX - 1)}…` : text
}

/** A letter as JSON with all that it holds; what is secret left out. */
export interface FullLetter extends LetterFacts {
  readonly headers: Readonly<Record<string, string>>
  readonly value: ShownValue
}

export function fullLetterOf(known: KnownLetter, value: ShownValue): FullLetter {
  return { ...factsOf(known), headers: redactedHeaders(clientHeadersOf(known.letter.record)), value }
}

export function renderLetter(letter: FullLetter, { paint }: Pick<Pane, 'paint'>): string[] {
  const { id, setAsideAt, stage, origin, key, cause, redriven, headers, value } = letter
  const written = origin.writtenAt === null ? '' : `, written ${shortInstant(origin.writtenAt)}`
  const facts: readonly (readonly [string, string])[] = [
    ['dead letter', `${id}, set aside ${shortInstant(setAsideAt)} by the ${stage}`],
    ['cause', cause],
    ['came from', `${origin.topic}, partition ${origin.partition}, offset ${origin.offset}${written}`],
    ['key', key ?? 'none'],
    ...Object.entries(headers).map(([name, text]) => ['header', `${name}: ${text}`] as const),
    ['re-driven', redriven === null ? 'no' : `${times(redriven.times)}, last ${shortInstant(redriven.lastAt)}`],
    ['value', describe(value)],
  ]
  const lines = facts.map(([name, text]) => `${paint('bold', name.padEnd(11))}  ${oneLine(text)}`)
  // Tabs are the one control character that does no harm.
  const content = value.content === '' ? [] : value.content.split('\n').map((line) => oneLine(line.replaceAll('\t', '  ')))
  return [...lines, ...content, ...(value.truncated ? [paint('dim', '… the rest is not shown')] : [])]
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

const FORMATS: Record<ShownValue['format'], string> = {
  none: 'none',
  avro: 'of Avro, here as JSON',
  json: 'of JSON',
  text: 'of text',
  hex: 'that are neither Avro that can be read, nor JSON, nor text',
}

function describe({ format, bytes, problem }: ShownValue): string {
  if (format === 'none') return FORMATS.none
  return `${formatBytes(bytes)} ${FORMATS[format]}${problem === null ? '' : `: ${problem}`}`
}
