import { RETRY_AFTER_S, unavailable } from '../errors.ts'

/** Bytes of memory that jobs may hold while they come in, all together. */
export class MemoryBudget {
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Throws a 503 when there are not so many left. */
  hold(bytes: number): void {
    if (this.#bytes + bytes > this.#bytesMax) {
      const message = `The jobs that are being taken fill the ${this.#bytesMax} bytes of memory that they may have`
      throw unavailable(message, { retryAfterS: RETRY_AFTER_S, details: 'This one was not taken. Send it again.' })
    }
    this.#bytes += bytes
  }

  release(bytes: number): void {
    this.#bytes -= bytes
  }
}
