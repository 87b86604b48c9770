/** Lets work pass one by one, in the order in which it came. */
export class Turnstile {
  #last: Promise<unknown> = Promise.resolve()

  /** Resolves, or rejects, as the work does. */
  pass<T>(work: () => Promise<T>): Promise<T> {
    const passed = this.#last.then(work)
    this.#last = passed.catch(() => undefined)
    return passed
  }
}
