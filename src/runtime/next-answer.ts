/**
 * Answers that many want at once: each gets one that was asked for after its own call, and those that come while a question is on its
 * way share the next one.
 */
export class NextAnswer<Answer> {
  readonly #ask: () => Promise<Answer>
  #running: Promise<Answer> | null = null
  #next: Promise<Answer> | null = null

  constructor(ask: () => Promise<Answer>) {
    this.#ask = ask
  }

  /** Rejects as the question does. */
  get(): Promise<Answer> {
    if (this.#running === null) return this.#begin()
    this.#next ??= this.#running.then(
      () => this.#begin(),
      () => this.#begin(),
    )
    return this.#next
  }

  #begin(): Promise<Answer> {
    this.#next = null
    const asked = this.#ask().finally(() => {
      if (this.#running === asked) this.#running = null
    })
    this.#running = asked
    return asked
  }
}
