/** What must be closed again, in the reverse order of its opening. */
export class Closing {
  readonly #steps: { readonly name: string; readonly close: () => Promise<void> }[] = []
  readonly #onFailure: (name: string, error: unknown) => void
  #closed: Promise<void> | undefined
  #underWay: string | null = null

  /** Closing goes on when a step fails; `onFailure` hears of it. */
  constructor(onFailure: (name: string, error: unknown) => void) {
    this.#onFailure = onFailure
  }

  later(name: string, close: () => Promise<void>): void {
    this.#steps.push({ name, close })
  }

  /** What is being closed at the moment; null before and afterwards. */
  get underWay(): string | null {
    return this.#underWay
  }

  /** Closes everything, once, however often it is called. */
  close(): Promise<void> {
    this.#closed ??= this.#run()
    return this.#closed
  }

  async #run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const { name, close } = step
      this.#underWay = name
      try {
        await close()
      } catch (error) {
        this.#onFailure(name, error)
      }
    }
    this.#underWay = null
  }
}
