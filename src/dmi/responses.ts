import { isUtf8 } from 'node:buffer'
import { JsonArrayScanner } from '../codec/json-array-scanner.ts'
import { JsonScanError } from '../codec/json-scan-error.ts'

/** What a producer says about one operation. */
export interface SubjobResponse {
  readonly operationId: string | number
  /** As the producer gave it, as a number; undefined where it gave none. */
  readonly statusCode: number | undefined
  /** The response as it came: valid JSON, maybe a view of the network's buffer. */
  readonly raw: Buffer
}

export type SubjobResult =
  /** Each response as soon as it has come. The stream is open until all are read; to give up, destroy the stream. */
  | { readonly type: 'responses'; readonly responses: AsyncGenerator<SubjobResponse, void, undefined> }
  /** A result that names where the producer itself puts the data. */
  | { readonly type: 'resulturi'; readonly resulturi: string }
  /** Anything else: one value for the whole subjob. */
  | { readonly type: 'opaque'; readonly bytes: Buffer }

export interface ResultLimits {
  /** The most bytes that a response, what surrounds the responses, or an opaque result may have. */
  readonly valueBytesMax: number
  readonly depthMax: number
}

/** A result is not what the contract says, or larger than its limit. Fetching it again would fail again: reject. */
export class SubjobResultError extends Error {
  override readonly name = 'SubjobResultError'
  readonly disposition = 'reject'
  readonly code: 'unparsable' | 'too-large'

  constructor(code: SubjobResultError['code'], message: string) {
    super(message)
    this.code = code
  }
}

const RESPONSES_PATHS = [['data', 'responses'], ['responses'], []]

/**
 * Reads a subjob's result as far as it takes to see what it is. It holds responses when the document is
 * `{data:{responses:[…]}}`, `{responses:[…]}` or `[…]` and the first of them has an `operationId`; an empty list holds
 * none. `contentType` only says whether a document that isn't JSON is opaque or broken.
 * @throws JsonScanError, SubjobResultError, or what the stream fails with; the stream is ended then
 */
export async function readSubjobResult(
  stream: AsyncIterable<Uint8Array>,
  contentType: string,
  limits: ResultLimits,
): Promise<SubjobResult> {
  const chunks = stream[Symbol.asyncIterator]()
  const reader = new ResultReader(chunks, contentType, limits)
  try {
    return await reader.read()
  } catch (error) {
    await chunks.return?.()
    throw error
  }
}

/** Empty: services without a Content-Type answer JSON. */
const JSON_TYPE = /^(?:\s*$|\s*(?:application|text)\/(?:[^;\s]+\+)?json\s*(?:;|$))/i

class ResultReader {
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #isJson: boolean
  readonly #limits: ResultLimits
  readonly #scanner: JsonArrayScanner
  /** All that came, until it is clear what it is. */
  readonly #held: Uint8Array[] = []
  #heldBytes = 0

  constructor(chunks: AsyncIterator<Uint8Array>, contentType: string, limits: ResultLimits) {
    const { valueBytesMax, depthMax } = limits
    this.#chunks = chunks
    this.#isJson = JSON_TYPE.test(contentType)
    this.#limits = limits
    const bounds = { elementBytesMax: valueBytesMax, envelopeBytesMax: valueBytesMax, depthMax }
    this.#scanner = new JsonArrayScanner({ paths: RESPONSES_PATHS, ...bounds })
  }

  async read(): Promise<SubjobResult> {
    try {
      for (let next = await this.#chunks.next(); next.done !== true; next = await this.#chunks.next()) {
        this.#hold(next.value)
        const elements = this.#scanner.push(next.value)
        if (elements[0] !== undefined) {
          if (responseOf(elements[0]) === undefined) return await this.#opaque()
          return { type: 'responses', responses: this.#responses(elements) }
        }
        // A first response and what stands before it may both be as large as allowed.
        this.#checkHeld(2 * this.#limits.valueBytesMax)
      }
      const { found, value } = this.#scanner.end()
      if (found) return { type: 'responses', responses: this.#responses([]) }
      const resulturi = resulturiOf(value)
      return resulturi === undefined ? await this.#opaque() : { type: 'resulturi', resulturi }
    } catch (error) {
      if (this.#isJson || !isNotJson(error)) throw error
      return this.#opaque()
    }
  }

  async #opaque(): Promise<SubjobResult> {
    const { valueBytesMax } = this.#limits
    this.#checkHeld(valueBytesMax)
    for (let next = await this.#chunks.next(); next.done !== true; next = await this.#chunks.next()) {
      this.#hold(next.value)
      this.#checkHeld(valueBytesMax)
    }
    return { type: 'opaque', bytes: Buffer.concat(this.#held) }
  }

  #hold(chunk: Uint8Array): void {
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
  }

  #checkHeld(bytesMax: number): void {
    if (this.#heldBytes > bytesMax) {
      throw new SubjobResultError('too-large', `the result is larger than valueBytesMax, ${this.#limits.valueBytesMax}`)
    }
  }

  async *#responses(first: readonly Buffer[]): AsyncGenerator<SubjobResponse, void, undefined> {
    this.#held.length = 0
    let count = 0
    try {
      let elements = first
      for (;;) {
        for (const element of elements) {
          const response = responseOf(element)
          if (response === undefined) throw new SubjobResultError('unparsable', `response ${count} has no operationId`)
          yield response
          count += 1
        }
        const next = await this.#chunks.next()
        if (next.done === true) break
        elements = this.#scanner.push(next.value)
      }
      this.#scanner.end()
    } finally {
      await this.#chunks.return?.()
    }
  }
}

/** Undefined when the element is not an object with an operationId. */
function responseOf(raw: Buffer): SubjobResponse | undefined {
  const { operationId, statusCode } = parsed(raw)
  if (typeof operationId !== 'string' && !Number.isSafeInteger(operationId)) return undefined
  return { operationId: operationId as string | number, statusCode: codeOf(statusCode), raw }
}

function parsed(raw: Buffer): Readonly<Record<string, unknown>> {
  // What is published on is JSON: a response that only looks like it would break its consumers.
  if (!isUtf8(raw)) throw new SubjobResultError('unparsable', 'a response is not UTF-8')
  try {
    const value: unknown = JSON.parse(raw.toString())
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : ''
    throw new SubjobResultError('unparsable', `a response is not JSON: ${reason.slice(0, 200)}`)
  }
}

// Some services write their codes as texts.
function codeOf(statusCode: unknown): number | undefined {
  const code = typeof statusCode === 'string' && /^\d{1,9}$/.test(statusCode) ? Number(statusCode) : statusCode
  return Number.isSafeInteger(code) ? (code as number) : undefined
}

function resulturiOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Object.keys(value).length !== 1) return undefined
  const { resulturi } = value as Readonly<Record<string, unknown>>
  return typeof resulturi === 'string' && resulturi !== '' ? resulturi : undefined
}

function isNotJson(error: unknown): boolean {
  if (error instanceof SubjobResultError) return error.code === 'unparsable'
  return error instanceof JsonScanError && !error.code.endsWith('-large')
}
