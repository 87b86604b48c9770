const INITIAL_BYTES = 256

/**
 * Bytes appended piece by piece. The pieces are copied, so that many small ones cost no more than their bytes and none
 * keeps the network's buffer that it came in alive.
 */
export class GrowingBytes {
  #bytes = Buffer.alloc(0)
  #length = 0

  get length(): number {
    return this.#length
  }

  append(source: Buffer, from: number, end: number): void {
    const length = this.#length + end - from
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, this.#bytes.length * 2, INITIAL_BYTES))
      this.#bytes.copy(larger, 0, 0, this.#length)
      this.#bytes = larger
    }
    source.copy(this.#bytes, this.#length, from, end)
    this.#length = length
  }

  /** What was appended from `from` on; a view that the next append or take leaves behind. */
  view(from = 0): Buffer {
    return this.#bytes.subarray(from, this.#length)
  }

  /** Gives a copy of what was appended away and starts empty. What has grown once is used again: it makes the less garbage. */
  take(): Buffer {
    const taken = Buffer.allocUnsafeSlow(this.#length)
    this.#bytes.copy(taken, 0, 0, this.#length)
    this.#length = 0
    return taken
  }
}
