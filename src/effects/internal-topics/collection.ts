import type { RoutedOperation } from '../../domain/operation.ts'
import { ResponseCode } from '../../domain/response-code.ts'
import type { SubjobResponse } from '../../dmi/responses.ts'
import { ownResponse } from '../../sinks/response-ledger.ts'
import type { OperationResponse } from '../../sinks/sink.ts'

/** The subjob whose results are looked for. */
export interface SubjobToCollect {
  /** What `ce_correlationid` may be. */
  readonly correlationIds: readonly string[]
  readonly service: string
  /** Texts of the operations' ids, as the ledger of responses has it: a producer may write the number 1 as "1". */
  readonly operationIds: ReadonlySet<string>
  /**
   * What was written earlier may be of an earlier run of the same operations: it counts only where nothing newer comes. Null:
   * there was none.
   */
  readonly certainSince: number | null
}

/** A response that stands on a topic. */
export interface Answer {
  readonly response: SubjobResponse
  readonly writtenAt: number
}

interface FoundAnswer {
  readonly operationId: string | number
  readonly statusCode: number | undefined
  /** Null: it is beyond the bound of what one subjob may have. */
  readonly raw: Buffer | null
  readonly writtenAt: number
}

/**
 * What was found of one subjob's responses. Plugins write at least once, and a second attempt may write what the first one
 * did: of several responses to an operation the newest counts.
 */
export class Collection {
  readonly subjob: SubjobToCollect
  readonly #found = new Map<string, FoundAnswer>()
  readonly #bytesMax: number
  readonly #onGrowth: (bytes: number) => void
  #bytes = 0
  #certain = 0
  /** Whether all that was written before the collection began has been looked through. */
  isCaughtUp = true

  /**
   * @param bytesMax of all responses together; what is beyond is replaced by a response that says so
   * @param onGrowth hears that so many bytes more are held, or less
   */
  constructor(subjob: SubjobToCollect, bytesMax: number, onGrowth: (bytes: number) => void) {
    this.subjob = subjob
    this.#bytesMax = bytesMax
    this.#onGrowth = onGrowth
  }

  /** Whether every operation has its response, and none may be of an earlier run. */
  get isComplete(): boolean {
    return this.#certain === this.subjob.operationIds.size
  }

  /** Whether the response is to an operation of the subjob. */
  offer({ response: { operationId, statusCode, raw }, writtenAt }: Answer): boolean {
    const id = String(operationId)
    if (!this.subjob.operationIds.has(id)) return false
    const known = this.#found.get(id)
    if (known !== undefined && known.writtenAt > writtenAt) return true
    const before = known?.raw?.length ?? 0
    const fits = this.#bytes - before + raw.length <= this.#bytesMax
    // A copy: what was read is a part of a much larger piece of memory, which would be kept with it.
    this.#found.set(id, { operationId, statusCode, raw: fits ? Buffer.from(raw) : null, writtenAt })
    if (this.#isCertain(writtenAt) && !(known !== undefined && this.#isCertain(known.writtenAt))) this.#certain += 1
    this.#grow((fits ? raw.length : 0) - before)
    return true
  }

  /** What was found, in the order of the subjob's operations. */
  responses(operations: readonly RoutedOperation[]): readonly OperationResponse[] {
    return operations.flatMap((operation) => {
      const found = this.#found.get(String(operation.operationId))
      if (found === undefined) return []
      const { operationId, statusCode, raw } = found
      if (raw !== null) return { operationId, statusCode, raw }
      const code = ResponseCode.MessageTooLarge
      const detail = `the subjob's responses exceed the ${this.#bytesMax} bytes allowed`
      return { operationId, statusCode: code, raw: ownResponse(operation, code, detail) }
    })
  }

  /** Lets go of all that was found. */
  clear(): void {
    this.#found.clear()
    this.#certain = 0
    this.#grow(-this.#bytes)
  }

  #isCertain(writtenAt: number): boolean {
    return writtenAt >= (this.subjob.certainSince ?? Number.NEGATIVE_INFINITY)
  }

  #grow(bytes: number): void {
    this.#bytes += bytes
    this.#onGrowth(bytes)
  }
}
