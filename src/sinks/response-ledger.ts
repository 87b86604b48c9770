import type { RoutedOperation } from '../domain/operation.ts'
import { isSuccess, messageOf, ResponseCode } from '../domain/response-code.ts'
import type { OperationResponse, PublishedResults, ResultSource, SubjobToPublish } from './sink.ts'

/** Responses that are larger than a limit are shortened, or replaced by ones that say so; null: any may be as large as it is. */
export interface ResponseLimits {
  readonly responseBytesMax: number
  /** The response without what makes it too large, which goes out elsewhere; null when that can't be done. */
  readonly shorten: (response: Buffer) => Buffer | null
  /** All responses of a subjob together. */
  readonly totalBytesMax: number
}

/** Each change of a job is written with its message. */
const FAILURE_LENGTH_MAX = 500
/** A response that is larger is not read once more for its message. */
const READ_BYTES_MAX = 1024 * 1024

/** Keeps account of a subjob's responses: each operation has one in the end, and only one. */
export class ResponseLedger {
  readonly #operations: readonly RoutedOperation[]
  readonly #limits: ResponseLimits | null
  /** Operations without a response, by the text of their id: a producer may write the number 1 as "1". */
  readonly #open: Map<string, RoutedOperation>
  readonly #unmentioned: SubjobToPublish['unmentioned']
  readonly #undone = new Set<RoutedOperation>()
  #succeeded = 0
  #failed = 0
  #foreign = 0
  #tooLarge = 0
  #bytes = 0
  #message: string | null = null
  /** What the producer says of the only operation, where that failed: it is what there is to say of the subjob. */
  #onlyFailure: string | null = null

  constructor({ operations, unmentioned }: Pick<SubjobToPublish, 'operations' | 'unmentioned'>, limits: ResponseLimits | null) {
    this.#operations = operations
    this.#unmentioned = unmentioned
    this.#limits = limits
    this.#open = new Map(operations.map((operation) => [String(operation.operationId), operation]))
  }

  /** Whether the producer gave one response for each operation, nothing else, and none that had to be replaced. */
  get complete(): boolean {
    return this.#foreign === 0 && this.#tooLarge === 0 && this.#message === null
  }

  counts(): Pick<PublishedResults, 'succeeded' | 'failed' | 'failedOperations' | 'foreign' | 'message'> {
    const { length } = this.#operations
    const tooLarge = this.#tooLarge === 0 ? null : `${this.#tooLarge} of ${length} responses are larger than allowed`
    return {
      succeeded: this.#succeeded,
      failed: this.#failed,
      failedOperations: this.#operations.filter((operation) => this.#undone.has(operation)),
      foreign: this.#foreign,
      message: this.#message ?? tooLarge ?? this.#onlyFailure,
    }
  }

  /** The responses to publish, each a JSON text: one for each operation, the producer's own as they came. */
  async *settle(source: ResultSource): AsyncGenerator<Buffer, void, undefined> {
    switch (source.type) {
      case 'failure':
        this.#message = source.message
        yield* this.#rest(source.code, source.message)
        return
      case 'opaque':
        yield* this.#rest(ResponseCode.Success)
        return
      case 'responses':
        for await (const response of source.responses) {
          const settled = this.#take(response)
          if (settled !== null) yield settled
        }
        if (this.#open.size === 0) return
        if (this.#unmentioned !== null) {
          this.#message = this.#unmentioned.message
          yield* this.#rest(this.#unmentioned.code, this.#unmentioned.message)
          return
        }
        this.#message = `${this.#open.size} of ${this.#operations.length} operations are not in the producer's result`
        yield* this.#rest(ResponseCode.UnknownError, "the producer's result does not mention this operation")
    }
  }

  #take({ operationId, statusCode, raw }: OperationResponse): Buffer | null {
    const id = String(operationId)
    const operation = this.#open.get(id)
    if (operation === undefined) {
      this.#foreign += 1
      return null
    }
    this.#open.delete(id)
    const fitting = this.#fitting(raw)
    if (typeof fitting === 'string') {
      this.#tooLarge += 1
      return this.#own(operation, ResponseCode.MessageTooLarge, fitting)
    }
    this.#bytes += raw.length - fitting.length
    // Without a code there is no telling that it was done.
    const succeeded = statusCode !== undefined && isSuccess(statusCode)
    if (!succeeded && this.#operations.length === 1) this.#onlyFailure = failureIn(raw)
    return this.#count(operation, fitting, succeeded)
  }

  /** The response as it goes out, or why it is too large. */
  #fitting(raw: Buffer): Buffer | string {
    if (this.#limits === null) return raw
    const { responseBytesMax, totalBytesMax, shorten } = this.#limits
    if (this.#bytes + raw.length > totalBytesMax) return `the subjob's responses exceed the ${totalBytesMax} bytes allowed`
    if (raw.length <= responseBytesMax) return raw
    return shorten(raw) ?? `the response has ${raw.length} bytes, ${responseBytesMax} are allowed`
  }

  *#rest(code: ResponseCode, detail?: string): Generator<Buffer, void, undefined> {
    for (const operation of this.#open.values()) yield this.#own(operation, code, detail)
    this.#open.clear()
  }

  #own(operation: RoutedOperation, code: ResponseCode, detail?: string): Buffer {
    return this.#count(operation, ownResponse(operation, code, detail), isSuccess(code))
  }

  #count(operation: RoutedOperation, response: Buffer, succeeded: boolean): Buffer {
    if (succeeded) this.#succeeded += 1
    else this.#failed += 1
    if (!succeeded) this.#undone.add(operation)
    this.#bytes += response.length
    return response
  }
}

function failureIn(raw: Buffer): string | null {
  if (raw.length > READ_BYTES_MAX) return null
  const { statusMessage } = JSON.parse(raw.toString()) as { readonly statusMessage?: unknown }
  return typeof statusMessage === 'string' && statusMessage !== '' ? statusMessage.slice(0, FAILURE_LENGTH_MAX) : null
}

/** A response of ours, for an operation that its producer said nothing about, or nothing that can be passed on. */
export function ownResponse({ operationId, op, path }: RoutedOperation, code: ResponseCode, detail?: string): Buffer {
  const response = { operationId, statusCode: code, statusMessage: statusMessageOf(code, detail), request: { op, path } }
  return Buffer.from(JSON.stringify(response))
}

/** The code's own message, and behind it what is known beyond that. */
function statusMessageOf(code: ResponseCode, detail: string | undefined): string {
  const message = messageOf(code)
  if (detail === undefined || detail === message) return message
  return detail.startsWith(message) ? detail : `${message}: ${detail}`
}
