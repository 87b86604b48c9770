/** The value of a dead letter as a person can read it, bounded, and without secrets. */
import { isUtf8 } from 'node:buffer'
import type { Decoded } from '../../codec/codec.ts'
import { isJson } from '../../codec/command-json.ts'
import { MAGIC_BYTE } from '../../codec/wire-format.ts'
import { redactedJson, redactMember, withLongWordsStarred } from './redaction.ts'

export interface ShownValue {
  /** `avro` was decoded and is shown as JSON; `json` and `text` are as they came; `hex` are bytes that are none of these. */
  readonly format: 'none' | 'avro' | 'json' | 'text' | 'hex'
  /** Of the whole value as it came. */
  readonly bytes: number
  readonly content: string
  /** Whether only the beginning is shown. */
  readonly truncated: boolean
  /** Why Avro can't be decoded now. */
  readonly problem: string | null
}

const CONTENT_LENGTH_MAX = 16_384
const DUMPED_BYTES_MAX = 1_024

/** What a value looks like in Avro, which only a codec can tell; null when there is none to ask. */
export type DecodeAvro = (value: Buffer) => Promise<Decoded>

export function isAvro(value: Buffer | null): boolean {
  return value?.[0] === MAGIC_BYTE
}

export async function showValue(value: Buffer | null, decode: DecodeAvro): Promise<ShownValue> {
  if (value === null) return { format: 'none', bytes: 0, content: '', truncated: false, problem: null }
  if (isAvro(value)) {
    const decoded = await decode(value)
    if (!decoded.ok) return dump(value, decoded.cause)
    return bounded('avro', value, redactedJson(JSON.stringify(decoded.message, redactMember, 2)))
  }
  if (isJson(value) && isUtf8(value)) return bounded('json', value, redactedJson(value.toString()))
  const isText = isUtf8(value) && !/[^\P{Cc}\t\r\n]/u.test(value.toString())
  return isText ? bounded('text', value, redactedJson(value.toString())) : dump(value, null)
}

function bounded(format: ShownValue['format'], value: Buffer, content: string): ShownValue {
  const truncated = content.length > CONTENT_LENGTH_MAX
  return { format, bytes: value.length, content: content.slice(0, CONTENT_LENGTH_MAX), truncated, problem: null }
}

function dump(value: Buffer, problem: string | null): ShownValue {
  // Starred as a whole: a word that is cut where the dump ends would be too short to be one.
  const shown = withLongWordsStarred(value).subarray(0, DUMPED_BYTES_MAX)
  return { format: 'hex', bytes: value.length, content: hexDump(shown), truncated: value.length > shown.length, problem }
}

const DUMP_WIDTH = 16

/** Lines of an offset, the bytes in hexadecimal, and those of them that are ASCII. */
function hexDump(bytes: Buffer): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += DUMP_WIDTH) {
    const row = bytes.subarray(at, at + DUMP_WIDTH)
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const ascii = row.toString('latin1').replaceAll(/[^\x20-\x7e]/g, '.')
    lines.push(`${at.toString(16).padStart(8, '0')}  ${hex.padEnd(DUMP_WIDTH * 3 - 1)}  ${ascii}`)
  }
  return lines.join('\n')
}
