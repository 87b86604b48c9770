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
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  #isEscaped = false
  #hexDigitsLeft = 0

  /** All bytes of the document, chunk by chunk. */
  bytes(chunk: Buffer, offset: number): void {
    this.#decode(offset, chunk)
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
    this.#decode(position)
  }

  #decode(position: number, chunk?: Buffer): void {
    try {
      this.#utf8.decode(chunk, { stream: chunk !== undefined })
    } catch {
      fail(position, 'it is not UTF-8')
    }
  }
}

function fail(position: number, reason: string): never {
  throw new JsonScanError('malformed', position, `The document is not valid JSON: ${reason}`)
}
