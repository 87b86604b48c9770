import { GrowingBytes } from './growing-bytes.ts'
import {
  CLOSE_ARRAY, CLOSE_OBJECT, COLON, COMMA, ENDS_SCALAR, IS_QUOTE_OR_BRACKET, IS_SPACE, OPEN_ARRAY, OPEN_ESCAPED,
  OPEN_OBJECT, QUOTE, SCALAR, STARTS_SCALAR, stringEnd,
} from './json-bytes.ts'
import { JsonNesting } from './json-nesting.ts'
import { JsonScanError } from './json-scan-error.ts'
import { EXPECTED, State } from './json-scan-state.ts'
import { JsonTextChecker } from './json-text-checker.ts'

export interface JsonArrayScannerOptions {
  /**
   * Where the array may be, each path as the member names from the root on; the empty path is a document that is itself
   * an array. At most 30 paths. A document with an array at two of them is refused, for it would be ambiguous.
   */
  readonly paths: readonly (readonly string[])[]
  /** The most bytes that one element may have. */
  readonly elementBytesMax: number
  /** The most bytes that the envelope may have, or a member's name or a number in one that is not kept. */
  readonly envelopeBytesMax: number
  /** The most objects and arrays that may be open at once, the document's own ones counted. */
  readonly depthMax: number
  /**
   * False for an envelope of any size: it is checked as it goes by, all the way down to its texts and numbers, and forgotten.
   * Left out, it is kept and parsed at the end.
   */
  readonly keepsEnvelope?: boolean
}

export interface ScannedEnvelope {
  /** Whether an array was there; if not, the envelope is the whole document. */
  readonly found: boolean
  readonly elements: number
  /** The document as it came, with the array emptied to `[]`; nothing where the envelope is not kept. */
  readonly bytes: Buffer
  /** The same, parsed. */
  readonly value: unknown
}

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Finds the elements of one array in a JSON document that arrives in chunks, without ever holding the document.
 *
 * A job's request and a subjob's result may be far larger than memory allows, yet all of their bulk lies in one array
 * of many small elements. The scanner hands out each element as the bytes that came, and keeps only the envelope: the
 * rest of the document, with the array emptied to `[]`.
 *
 * What it checks: the grammar of the envelope and of what stands between elements. Within an element it checks that
 * strings end and brackets match, which is what it takes to know where the element ends, and no more: whoever needs an
 * element to be valid JSON parses it.
 *
 * One scanner reads one document: push its chunks in order, then call `end` once. After an error it
 * is of no further use.
 */
export class JsonArrayScanner {
  /** The path that the array is at, for whoever reads it; null before it begins. */
  path: readonly string[] | null = null
  readonly #options: JsonArrayScannerOptions
  readonly #nesting = new JsonNesting()
  #state: State = State.Value
  #depth = 0
  /** Bytes of the document before the current chunk. */
  #offset = 0
  #escaped = false

  /** The paths that the latest member name is on, a bit each. */
  #onPath = 0
  #inKey = false
  #keyStart = 0
  readonly #envelope = new GrowingBytes()
  /** Checks what will not be parsed; null where the envelope is kept. */
  readonly #checker: JsonTextChecker | null
  /** Where in the current chunk the bytes begin that belong to the envelope and are not in it yet. */
  #envelopeFrom = 0

  #foundOnPath = 0
  /** Depth of the array while the scan is inside of it, else 0. */
  #arrayDepth = 0
  #elements = 0
  #inElement = false
  #elementPosition = 0
  #elementFrom = 0
  /** The element's bytes from earlier chunks. */
  readonly #elementHead = new GrowingBytes()

  constructor(options: JsonArrayScannerOptions) {
    const paths = options.paths.length
    if (paths > 30) throw new RangeError(`${paths} paths given, at most 30 can be followed`)
    this.#options = options
    this.#checker = options.keepsEnvelope === false ? new JsonTextChecker() : null
    this.#onPath = (1 << paths) - 1
  }

  /**
   * Takes the document's next bytes and returns the elements that end in them.
   * An element may be a view of the chunk: whoever keeps it for long copies it, and nobody writes to a pushed chunk.
   * @throws JsonScanError
   */
  push(bytes: Uint8Array): Buffer[] {
    const chunk = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const elements: Buffer[] = []
    const length = chunk.length
    this.#checker?.bytes(chunk, this.#offset)
    this.#envelopeFrom = 0
    this.#elementFrom = 0
    let i = 0
    while (i < length) {
      if (this.#state === State.InElement) i = this.#container(chunk, i, elements)
      else if (this.#state === State.InString) i = this.#string(chunk, i, elements)
      else if (this.#state === State.InScalar) i = this.#scalar(chunk, i, elements)
      else if (IS_SPACE[chunk[i] as number] === 1) i += 1
      else i = this.#mark(chunk, i)
    }
    if (this.#inElement) this.#keepElement(chunk)
    if (this.#arrayDepth === 0) this.#keepEnvelope(chunk, length)
    this.#offset += length
    return elements
  }

  /**
   * Says that the document is complete.
   * @throws JsonScanError `truncated` when it is not, `malformed` when the envelope isn't valid JSON in UTF-8
   */
  end(): ScannedEnvelope {
    // Only a number that is the whole document ends without a byte that says so.
    const complete = this.#state === State.Done || (this.#state === State.InScalar && this.#depth === 0)
    if (!complete) {
      const expected = EXPECTED[this.#state]
      throw new JsonScanError('truncated', this.#offset, `The document ended where ${expected} was expected`)
    }
    if (this.#checker !== null) {
      if (this.#state === State.InScalar) this.#checker.scalar(this.#envelope.take(), this.#offset)
      this.#checker.end(this.#offset)
      return { found: this.path !== null, elements: this.#elements, bytes: Buffer.alloc(0), value: undefined }
    }
    const bytes = this.#envelope.view()
    return { found: this.path !== null, elements: this.#elements, bytes, value: this.#parse(bytes) }
  }

  #parse(bytes: Buffer): unknown {
    try {
      return JSON.parse(UTF_8.decode(bytes))
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new JsonScanError('malformed', this.#offset, `${this.path === null ? 'It' : 'All but its array'} is not valid JSON: ${reason}`)
    }
  }

  /** Inside an element's objects and arrays: the loop that nearly every byte of a document goes through. */
  #container(chunk: Buffer, from: number, elements: Buffer[]): number {
    const length = chunk.length
    let closers = this.#nesting.closers
    const arrayDepth = this.#arrayDepth
    let depth = this.#depth
    let i = from
    while (i < length) {
      const byte = chunk[i] as number
      i += 1
      if (IS_QUOTE_OR_BRACKET[byte] === 0) continue
      if (byte === QUOTE) {
        const end = stringEnd(chunk, i)
        if (end < 0) {
          this.#escaped = end === OPEN_ESCAPED
          this.#state = State.InString
          i = length
        } else {
          i = end
        }
      } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
        depth += 1
        if (depth > this.#options.depthMax) this.#failTooDeep(i - 1)
        if (depth === closers.length) closers = this.#nesting.deepen()
        closers[depth] = byte + 2
      } else {
        if (closers[depth] !== byte) this.#fail(chunk, i - 1)
        depth -= 1
        if (depth === arrayDepth) {
          this.#depth = depth
          elements.push(this.#endElement(chunk, i))
          return i
        }
      }
    }
    this.#depth = depth
    return i
  }

  #string(chunk: Buffer, from: number, elements: Buffer[]): number {
    const start = this.#escaped ? from + 1 : from
    this.#escaped = false
    const end = stringEnd(chunk, start)
    if (!this.#inElement) this.#checker?.text(chunk, { from, end, offset: this.#offset })
    if (end < 0) {
      this.#escaped = end === OPEN_ESCAPED
      return chunk.length
    }
    if (this.#inKey) this.#endKey(chunk, end)
    else if (!this.#inElement) this.#endValue()
    else if (this.#depth > this.#arrayDepth) this.#state = State.InElement
    else elements.push(this.#endElement(chunk, end))
    return end
  }

  #scalar(chunk: Buffer, from: number, elements: Buffer[]): number {
    let i = from
    while (i < chunk.length && ENDS_SCALAR[chunk[i] as number] === 0) i += 1
    if (i === chunk.length) return i
    if (!this.#inElement) {
      if (this.#checker !== null) {
        this.#keepEnvelope(chunk, i)
        this.#checker.scalar(this.#envelope.take(), this.#offset + i)
      }
      this.#endValue()
      return i
    }
    const element = this.#endElement(chunk, i)
    if (!SCALAR.test(element.toString('latin1'))) {
      throw new JsonScanError('malformed', this.#elementPosition, 'An element is no number, true, false or null')
    }
    elements.push(element)
    return i
  }

  /** One byte that is neither space nor inside a value: a bracket, a comma, a colon, or the start of a value. */
  #mark(chunk: Buffer, i: number): number {
    const byte = chunk[i] as number
    const state = this.#state
    if (state === State.AfterValue) {
      if (byte === COMMA) this.#state = this.#nesting.closers[this.#depth] === CLOSE_OBJECT ? State.Key : State.Value
      else this.#close(chunk, i)
    } else if (state === State.Value || state === State.ValueOrEnd) {
      if (byte === CLOSE_ARRAY && state === State.ValueOrEnd) this.#close(chunk, i)
      else this.#startValue(chunk, i)
    } else if (state === State.Colon) {
      if (byte !== COLON) this.#fail(chunk, i)
      this.#state = State.Value
    } else if (byte === QUOTE && state !== State.Done) {
      this.#inKey = true
      this.#startToken(i)
      this.#keyStart = this.#envelope.length + i - this.#envelopeFrom
      this.#state = State.InString
    } else if (byte === CLOSE_OBJECT && state === State.KeyOrEnd) {
      this.#close(chunk, i)
    } else {
      this.#fail(chunk, i)
    }
    return i + 1
  }

  #startValue(chunk: Buffer, i: number): void {
    const byte = chunk[i] as number
    if (this.#arrayDepth > 0) this.#startElement(i)
    if (byte === QUOTE) this.#state = State.InString
    else if (STARTS_SCALAR[byte] === 1) this.#startScalar(i)
    else if (byte !== OPEN_OBJECT && byte !== OPEN_ARRAY) this.#fail(chunk, i)
    else this.#open(chunk, i, byte)
  }

  #startScalar(i: number): void {
    this.#state = State.InScalar
    if (!this.#inElement) this.#startToken(i)
  }

  /** Where the envelope is not kept, the name or number that is being read still is, until it has ended. */
  #startToken(i: number): void {
    if (this.#checker === null) return
    this.#envelope.take()
    this.#envelopeFrom = i
  }

  #open(chunk: Buffer, i: number, byte: number): void {
    const { depthMax, paths } = this.#options
    const outerDepth = this.#depth
    this.#depth += 1
    if (this.#depth > depthMax) this.#failTooDeep(i)
    this.#nesting.open(this.#depth, byte + 2)
    if (this.#inElement) {
      this.#state = State.InElement
      return
    }
    // Values of an array are on no path; those of an object are where their member's name has led, the root is on all.
    const onPath = this.#nesting.closers[outerDepth] === CLOSE_ARRAY ? 0 : this.#onPath
    this.#nesting.leading[this.#depth] = byte === OPEN_OBJECT ? onPath : 0
    this.#state = byte === OPEN_OBJECT ? State.KeyOrEnd : State.ValueOrEnd
    const found = paths.find((path, bit) => path.length === outerDepth && (onPath & (1 << bit)) !== 0)
    if (byte === OPEN_OBJECT || found === undefined) return
    if (this.path !== null) this.#failAmbiguous(i)
    this.path = found
    this.#foundOnPath = onPath
    this.#keepEnvelope(chunk, i + 1)
    this.#arrayDepth = this.#depth
  }

  #close(chunk: Buffer, i: number): void {
    if (this.#depth === 0 || this.#nesting.closers[this.#depth] !== chunk[i]) this.#fail(chunk, i)
    if (this.#depth === this.#arrayDepth) {
      this.#arrayDepth = 0
      this.#envelopeFrom = i
    }
    this.#depth -= 1
    this.#endValue()
  }

  #endValue(): void {
    this.#state = this.#depth === 0 ? State.Done : State.AfterValue
  }

  #endKey(chunk: Buffer, end: number): void {
    const leading = this.#nesting.leading[this.#depth] as number
    if (leading !== 0) this.#keepEnvelope(chunk, end)
    this.#inKey = false
    this.#state = State.Colon
    this.#onPath = 0
    if (leading === 0) return
    const name = this.#parse(this.#envelope.view(this.#keyStart))
    this.#options.paths.forEach((path, bit) => {
      if (path[this.#depth - 1] === name) this.#onPath |= leading & (1 << bit)
    })
    // The same name a second time: readers differ in which of the two they take.
    if ((this.#onPath & this.#foundOnPath) !== 0) this.#failAmbiguous(end)
  }

  #startElement(i: number): void {
    this.#inElement = true
    this.#elementFrom = i
    this.#elementPosition = this.#offset + i
  }

  #endElement(chunk: Buffer, end: number): Buffer {
    this.#checkElement(this.#elementHead.length + end - this.#elementFrom)
    this.#inElement = false
    this.#elements += 1
    this.#state = State.AfterValue
    if (this.#elementHead.length === 0) return chunk.subarray(this.#elementFrom, end)
    this.#elementHead.append(chunk, this.#elementFrom, end)
    return this.#elementHead.take()
  }

  #keepElement(chunk: Buffer): void {
    this.#checkElement(this.#elementHead.length + chunk.length - this.#elementFrom)
    this.#elementHead.append(chunk, this.#elementFrom, chunk.length)
  }

  #checkElement(bytes: number): void {
    const { elementBytesMax } = this.#options
    if (bytes <= elementBytesMax) return
    const message = `Element ${this.#elements} is larger than the ${elementBytesMax} bytes allowed`
    throw new JsonScanError('element-too-large', this.#elementPosition, message)
  }

  /** Copies what of the chunk belongs to the envelope and is not in it yet, up to `end`. */
  #keepEnvelope(chunk: Buffer, end: number): void {
    if (this.#checker !== null && !this.#inKey && this.#state !== State.InScalar) return
    const { envelopeBytesMax } = this.#options
    const excess = this.#envelope.length + end - this.#envelopeFrom - envelopeBytesMax
    if (excess > 0) {
      const message = `What surrounds the array is larger than the ${envelopeBytesMax} bytes allowed`
      throw new JsonScanError('envelope-too-large', this.#offset + end - excess, message)
    }
    this.#envelope.append(chunk, this.#envelopeFrom, end)
    this.#envelopeFrom = end
  }

  #failAmbiguous(i: number): never {
    throw new JsonScanError('ambiguous', this.#offset + i, 'The document has a second place where the array could be')
  }

  #failTooDeep(i: number): never {
    const message = `Objects and arrays are nested deeper than the ${this.#options.depthMax} levels allowed`
    throw new JsonScanError('too-deep', this.#offset + i, message)
  }

  #fail(chunk: Buffer, i: number): never {
    const byte = chunk[i] as number
    const named = byte > 0x20 && byte < 0x7f ? `"${String.fromCharCode(byte)}"` : `byte 0x${byte.toString(16)}`
    // RFC 8259, 8.1, forbids it; editors put it there unseen.
    const shown = byte === 0xef && this.#offset + i === 0 ? 'a byte order mark' : named
    throw new JsonScanError('malformed', this.#offset + i, `Found ${shown} where ${EXPECTED[this.#state]} was expected`)
  }
}
