import { isUtf8 } from 'node:buffer'
import { JsonArrayScanner } from '../codec/json-array-scanner.ts'
import { OPEN_OBJECT } from '../codec/json-bytes.ts'
import { membersOf } from '../codec/json-members.ts'
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
  | OpaqueResult

/** A result of any size. What is wrong with it further on is only found as it is read: reading it may fail as a stream does. */
export interface OpaqueResult {
  readonly type: 'opaque'
  /**
   * `json`: it is a JSON document, or the reading fails. `text`: it is UTF-8. A result that does not say that it is JSON is
   * only looked at when it is small; a large one is `binary`.
   */
  readonly format: 'json' | 'text' | 'binary'
  readonly contentType: string
  /** To be read once. The stream is open until all are read; to give up, destroy the stream. */
  readonly chunks: AsyncGenerator<Uint8Array, void, undefined>
}

export interface ResultLimits {
  /** The most bytes that a response, or what surrounds the responses, may have; how much is looked at to see what a result is. */
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
  readonly #contentType: string
  readonly #isJson: boolean
  readonly #limits: ResultLimits
  readonly #scanner: JsonArrayScanner
  /** All that came, until it is clear what it is. */
  #held: Uint8Array[] = []
  #heldBytes = 0

  constructor(chunks: AsyncIterator<Uint8Array>, contentType: string, limits: ResultLimits) {
    this.#chunks = chunks
    this.#contentType = contentType
    this.#isJson = JSON_TYPE.test(contentType)
    this.#limits = limits
    this.#scanner = scannerOf(limits, RESPONSES_PATHS)
  }

  async read(): Promise<SubjobResult> {
    try {
      for (let next = await this.#chunks.next(); next.done !== true; next = await this.#chunks.next()) {
        this.#hold(next.value)
        const elements = this.#scanner.push(next.value)
        if (elements[0] !== undefined) {
          if (responseOf(elements[0], this.#limits) === undefined) return await this.#opaque([])
          return { type: 'responses', responses: this.#responses(elements) }
        }
        this.#checkHeld()
      }
      const { found, value } = this.#scanner.end()
      if (found) return { type: 'responses', responses: this.#responses([]) }
      const resulturi = resulturiOf(value)
      return resulturi === undefined ? this.#small() : { type: 'resulturi', resulturi }
    } catch (error) {
      // Too much came before any responses. There may still be some, which must not be taken for done.
      if (error instanceof JsonScanError && error.code === 'envelope-too-large') return this.#opaque(RESPONSES_PATHS)
      if (this.#isJson || !isNotJson(error)) throw error
      return this.#opaque([])
    }
  }

  /** @param paths where there must be no responses any more */
  async #opaque(paths: readonly (readonly string[])[]): Promise<OpaqueResult> {
    while (this.#heldBytes <= this.#limits.valueBytesMax) {
      const next = await this.#chunks.next()
      if (next.done === true) return this.#small()
      this.#hold(next.value)
    }
    const checker = this.#isJson || paths.length > 0 ? scannerOf(this.#limits, paths, false) : null
    const format = this.#isJson ? 'json' : 'binary'
    return { type: 'opaque', format, contentType: this.#contentType, chunks: this.#large(checker) }
  }

  #small(): OpaqueResult {
    const bytes = Buffer.concat(this.#held)
    return { type: 'opaque', format: formatOf(bytes), contentType: this.#contentType, chunks: this.#all(bytes) }
  }

  async *#all(bytes: Buffer): AsyncGenerator<Uint8Array, void, undefined> {
    if (bytes.length > 0) yield bytes
    await this.#chunks.return?.()
  }

  async *#large(checker: JsonArrayScanner | null): AsyncGenerator<Uint8Array, void, undefined> {
    const held = this.#held
    this.#held = []
    let checking = checker
    try {
      for (const chunk of held) {
        checking = this.#checked(checking, chunk)
        yield chunk
      }
      held.length = 0
      for (let next = await this.#chunks.next(); next.done !== true; next = await this.#chunks.next()) {
        checking = this.#checked(checking, next.value)
        yield next.value
      }
      this.#checked(checking, null)
    } finally {
      await this.#chunks.return?.()
    }
  }

  /** Null: what comes further on needs no check, for it has turned out not to be the JSON that it need not be. */
  #checked(checker: JsonArrayScanner | null, chunk: Uint8Array | null): JsonArrayScanner | null {
    if (checker === null) return null
    let found: boolean
    try {
      found = chunk === null ? checker.end().found : checker.push(chunk).length > 0
    } catch (error) {
      if (this.#isJson || !isNotJson(error)) throw error
      return null
    }
    if (!found) return checker
    throw new SubjobResultError('too-large', `what stands before the responses is larger than valueBytesMax, ${this.#limits.valueBytesMax}`)
  }

  #hold(chunk: Uint8Array): void {
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
  }

  // A first response and what stands before it may both be as large as allowed. More than that are spaces between them.
  #checkHeld(): void {
    const { valueBytesMax } = this.#limits
    if (this.#heldBytes <= 2 * valueBytesMax) return
    throw new SubjobResultError('too-large', `the first response comes after more than valueBytesMax, ${valueBytesMax}`)
  }

  async *#responses(first: readonly Buffer[]): AsyncGenerator<SubjobResponse, void, undefined> {
    this.#held = []
    let count = 0
    try {
      let elements = first
      for (;;) {
        for (const element of elements) {
            yield identified(element, count, this.#limits)
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

function scannerOf(limits: ResultLimits, paths: readonly (readonly string[])[], keepsEnvelope = true): JsonArrayScanner {
  const { valueBytesMax, depthMax } = limits
  return new JsonArrayScanner({ paths, elementBytesMax: valueBytesMax, envelopeBytesMax: valueBytesMax, depthMax, keepsEnvelope })
}

function formatOf(bytes: Buffer): OpaqueResult['format'] {
  if (!isUtf8(bytes)) return 'binary'
  try {
    JSON.parse(bytes.toString())
    return 'json'
  } catch {
    return 'text'
  }
}

/**
 * The responses of a result that is there as a whole.
 * @throws JsonScanError, SubjobResultError, the latter also for a result without responses
 */
export function responsesIn(bytes: Buffer, limits: ResultLimits): readonly SubjobResponse[] {
  const scanner = scannerOf(limits, RESPONSES_PATHS)
  const responses = scanner.push(bytes).map((element, count) => identified(element, count, limits))
  if (!scanner.end().found) throw new SubjobResultError('unparsable', 'there are no responses in it')
  return responses
}

/** The same, without looking at why there are none; null for a result that {@link readSubjobResult} has more to say about. */
export function responsesIfAny(bytes: Buffer, limits: ResultLimits): readonly SubjobResponse[] | null {
  try {
    return responsesIn(bytes, limits)
  } catch (error) {
    if (error instanceof JsonScanError || error instanceof SubjobResultError) return null
    throw error
  }
}

function identified(element: Buffer, count: number, limits: ResultLimits): SubjobResponse {
  const response = responseOf(element, limits)
  if (response === undefined) throw new SubjobResultError('unparsable', `response ${count} has no operationId`)
  return response
}

/** Undefined when the element is not an object with an operationId. */
function responseOf(raw: Buffer, limits: ResultLimits): SubjobResponse | undefined {
  const { operationId, statusCode } = parsed(raw, limits)
  if (typeof operationId !== 'string' && !Number.isSafeInteger(operationId)) return undefined
  return { operationId: operationId as string | number, statusCode: codeOf(statusCode), raw }
}

function parsed(raw: Buffer, limits: ResultLimits): Readonly<Record<string, unknown>> {
  // What is published on is JSON: a response that only looks like it would break its consumers.
  if (!isUtf8(raw)) throw new SubjobResultError('unparsable', 'a response is not UTF-8')
  try {
    if (raw.length > PARSED_BYTES_MAX) return headOf(raw, limits)
    const value: unknown = JSON.parse(raw.toString())
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : ''
    throw new SubjobResultError('unparsable', `a response is not JSON: ${reason.slice(0, 200)}`)
  }
}

// Of a larger one, texts and objects would be made that nobody needs.
const PARSED_BYTES_MAX = 64 * 1024
const HEAD: ReadonlySet<string> = new Set(['operationId', 'statusCode'])

/** Checks all of a response and parses what is needed of it; the last of a name counts, as in JSON.parse. */
function headOf(raw: Buffer, limits: ResultLimits): Readonly<Record<string, unknown>> {
  const checker = scannerOf(limits, [], false)
  checker.push(raw)
  checker.end()
  if (raw[0] !== OPEN_OBJECT) return {}
  const members = membersOf(raw, limits.depthMax).filter(({ name }) => HEAD.has(name))
  return Object.fromEntries(members.map(({ name, raw: value }) => [name, JSON.parse(value.toString()) as unknown]))
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
