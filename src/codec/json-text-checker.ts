import { isUtf8 } from 'node:buffer'
import { BACKSLASH, SCALAR, tableOf } from './json-bytes.ts'
import { JsonScanError } from './json-scan-error.ts'

const FIRST_PRINTABLE = 0x20
const LETTER_U = 0x75
const ESCAPED = tableOf('"\\/bfnrtu')
const IS_HEX = tableOf('0123456789abcdefABCDEF')
const HEX_DIGITS = 4

/** A part of a chunk that is within a text. */
export interface TextPart {
  readonly from: number
  /** Behind the closing quote; negative when the text goes on in the next chunk. */
  readonly end: number
  /** Bytes of the document before the chunk. */
  readonly offset: number
}

/**
 * What is left to check of a JSON document whose brackets, commas and colons someone else checks: that it is UTF-8, that its
 * texts have no bare control characters and only escapes that there are, and that its numbers and literals are some.
 * @throws JsonScanError `malformed`, from every method
 */
export class JsonTextChecker {
  /** The beginning of a character that goes on in the next chunk. */
  #begun = Buffer.alloc(0)
  #isEscaped = false
  #hexDigitsLeft = 0

  /** All bytes of the document, chunk by chunk. */
  bytes(chunk: Buffer, offset: number): void {
    const bytes = this.#begun.length === 0 ? chunk : Buffer.concat([this.#begun, chunk])
    const whole = bytes.length - begunBytes(bytes)
    if (!isUtf8(bytes.subarray(0, whole))) fail(offset, 'it is not UTF-8')
    this.#begun = Buffer.from(bytes.subarray(whole))
  }

  text(chunk: Buffer, { from, end, offset }: TextPart): void {
    const to = end < 0 ? chunk.length : end - 1
    for (let i = from; i < to; i += 1) {
      const byte = chunk[i] as number
      if (this.#hexDigitsLeft > 0) {
        if (IS_HEX[byte] === 0) fail(offset + i, 'a text has "\\u" without four hexadecimal digits')
        this.#hexDigitsLeft -= 1
      } else if (this.#isEscaped) {
        if (ESCAPED[byte] === 0) fail(offset + i, 'a text has an escape that JSON does not know')
        this.#isEscaped = false
        if (byte === LETTER_U) this.#hexDigitsLeft = HEX_DIGITS
      } else if (byte === BACKSLASH) {
        this.#isEscaped = true
      } else if (byte < FIRST_PRINTABLE) {
        fail(offset + i, 'a text has a bare control character')
      }
    }
    if (end >= 0 && this.#hexDigitsLeft > 0) fail(offset + to, 'a text has "\\u" without four hexadecimal digits')
  }

  /** @param position behind the number or literal */
  scalar(bytes: Buffer, position: number): void {
    if (!SCALAR.test(bytes.toString('latin1'))) fail(position, 'what stands before it is no number, true, false or null')
  }

  end(position: number): void {
    if (this.#begun.length > 0) fail(position, 'it is not UTF-8')
  }
}

// A character's first byte says how many there are (RFC 3629, 3); all others are between these two.
const FURTHER_BYTE = 0x80
const TWO_BYTES = 0xc0
const THREE_BYTES = 0xe0
const FOUR_BYTES = 0xf0

/** How many of the last bytes are a character's beginning and not all of it. */
function begunBytes(bytes: Buffer): number {
  for (let back = 1; back <= 3; back += 1) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte >= FURTHER_BYTE && byte < TWO_BYTES) continue
    const length = byte >= FOUR_BYTES ? 4 : byte >= THREE_BYTES ? 3 : byte >= TWO_BYTES ? 2 : 1
    return length > back ? back : 0
  }
  return 0
}

function fail(position: number, reason: string): never {
  throw new JsonScanError('malformed', position, `The document is not valid JSON: ${reason}`)
}
