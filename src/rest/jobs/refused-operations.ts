import type { Operation } from '../../domain/operation.ts'
import { messageOf, type ResponseCode } from '../../domain/response-code.ts'

/** An operation that no producer would be asked about. */
export interface RefusedOperation {
  readonly operationId: string | number
  readonly path: string
  readonly statusCode: number
  readonly statusMessage: string
}

/** Of the operations without a ready handle: how many there are, and the first of them. */
export class RefusedOperations {
  readonly #shownMax: number
  readonly #shown: RefusedOperation[] = []
  #count = 0

  constructor(shownMax: number) {
    this.#shownMax = shownMax
  }

  get count(): number {
    return this.#count
  }

  get shown(): readonly RefusedOperation[] {
    return this.#shown
  }

  add({ operationId, path }: Operation, code: ResponseCode): void {
    this.#count += 1
    if (this.#shown.length < this.#shownMax) this.#shown.push({ operationId, path, statusCode: code, statusMessage: messageOf(code) })
  }
}
