/**
 * Counts the bytes of results that were fetched and wait for the transaction that writes them. While there are too many, no
 * more are fetched: plugins may be quicker than the broker.
 */
export class ResultMemory {
  readonly #bytesMax: number
  #bytes = 0
  #waiting: (() => void)[] = []

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Resolves once less is held than may be. */
  async room(): Promise<void> {
    while (this.#bytes >= this.#bytesMax) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
    }
  }

  /** Returns how to let go of it; doing that again changes nothing. */
  hold(bytes: number): () => void {
    this.#bytes += bytes
    let isHeld = true
    return () => {
      if (!isHeld) return
      isHeld = false
      this.#bytes -= bytes
      const waiting = this.#waiting
      this.#waiting = []
      for (const look of waiting) look()
    }
  }
}
