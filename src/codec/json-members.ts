import {
  CLOSE_ARRAY, CLOSE_OBJECT, COLON, COMMA, ENDS_SCALAR, IS_QUOTE_OR_BRACKET, IS_SPACE, OPEN_ARRAY, OPEN_OBJECT, QUOTE,
  SCALAR, stringEnd,
} from './json-bytes.ts'
import { JsonScanError } from './json-scan-error.ts'

/** A member of a JSON object, as it stands there. */
export interface JsonMember {
  readonly name: string
  /** The value's own bytes, without the space around them: a view of the bytes that were given. */
  readonly raw: Buffer
}

/**
 * The members of a JSON object in their order, repeated names too, each value as the bytes that came: numbers keep all
 * of their digits, texts their escapes.
 *
 * What it checks: the grammar of the object itself. Within a member's value it checks that strings end and brackets
 * match, and no more: whoever needs a value to be valid JSON in UTF-8 parses it.
 * @param depthMax the most objects and arrays that may be open at once, the object itself counted
 * @throws JsonScanError `malformed`, `truncated` or `too-deep`
 */
export function membersOf(bytes: Buffer, depthMax: number): readonly JsonMember[] {
  const members: JsonMember[] = []
  let i = expect(bytes, skipSpace(bytes, 0), OPEN_OBJECT, '"{"')
  i = skipSpace(bytes, i)
  if (bytes[i] === CLOSE_OBJECT) {
    i += 1
  } else {
    for (;;) {
      const nameEnd = endOfString(bytes, expect(bytes, i, QUOTE, 'a member name'))
      const name = nameOf(bytes, i, nameEnd)
      i = skipSpace(bytes, expect(bytes, skipSpace(bytes, nameEnd), COLON, '":"'))
      const end = endOfValue(bytes, i, depthMax - 1)
      members.push({ name, raw: bytes.subarray(i, end) })
      i = skipSpace(bytes, end)
      if (bytes[i] !== COMMA) break
      i = skipSpace(bytes, i + 1)
    }
    i = expect(bytes, i, CLOSE_OBJECT, '"," or "}"')
  }
  i = skipSpace(bytes, i)
  if (i < bytes.length) fail(bytes, i, 'the end of the object')
  return members
}

function skipSpace(bytes: Buffer, from: number): number {
  let i = from
  while (i < bytes.length && IS_SPACE[bytes[i] as number] === 1) i += 1
  return i
}

function expect(bytes: Buffer, i: number, byte: number, what: string): number {
  if (bytes[i] !== byte) fail(bytes, i, what)
  return i + 1
}

/** The index behind the quote that ends the string whose first byte is at `from`. */
function endOfString(bytes: Buffer, from: number): number {
  const end = stringEnd(bytes, from)
  return end < 0 ? fail(bytes, bytes.length, 'the end of a string') : end
}

function nameOf(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString('utf8', start, end)
  if (PLAIN_NAME.test(text)) return text.slice(1, -1)
  try {
    return JSON.parse(text) as string
  } catch {
    return fail(bytes, start, 'a member name')
  }
}

// JSON forbids bare control characters in strings and gives the backslash a meaning.
const PLAIN_NAME = /^"[^\\\p{Cc}]*"$/u

function endOfValue(bytes: Buffer, from: number, depthMax: number): number {
  const byte = bytes[from]
  if (byte === QUOTE) return endOfString(bytes, from + 1)
  if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) return endOfContainer(bytes, from, depthMax)
  let end = from
  while (end < bytes.length && ENDS_SCALAR[bytes[end] as number] === 0) end += 1
  if (!SCALAR.test(bytes.toString('latin1', from, end))) fail(bytes, from, 'a value')
  return end
}

function endOfContainer(bytes: Buffer, from: number, depthMax: number): number {
  const closers: number[] = []
  let i = from
  while (i < bytes.length) {
    const byte = bytes[i] as number
    i += 1
    if (IS_QUOTE_OR_BRACKET[byte] === 0) continue
    if (byte === QUOTE) {
      i = endOfString(bytes, i)
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      closers.push(byte === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY)
      if (closers.length > depthMax) {
        throw new JsonScanError('too-deep', i - 1, `Objects and arrays are nested deeper than the ${depthMax + 1} levels allowed`)
      }
    } else {
      if (closers.pop() !== byte) fail(bytes, i - 1, 'the bracket that closes what is open')
      if (closers.length === 0) return i
    }
  }
  return fail(bytes, i, 'the bracket that closes what is open')
}

function fail(bytes: Buffer, i: number, expected: string): never {
  const byte = bytes[i]
  if (byte === undefined) throw new JsonScanError('truncated', i, `The object ended where ${expected} was expected`)
  const shown = byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte 0x${byte.toString(16)}`
  throw new JsonScanError('malformed', i, `Found ${shown} where ${expected} was expected`)
}
