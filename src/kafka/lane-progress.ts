/** What a lane waits for at the moment, so that somebody else can see when it waits in vain. */

export interface LaneWait {
  readonly waitsFor: string
  /** Changes with whatever the lane gets done. */
  readonly progress: number
}

export class LaneProgress {
  #waitsFor: string | null = null
  #steps = 0
  /** Those under way, and which of all they are. */
  readonly #effects = new Map<unknown, number>()
  #effectsBegun = 0

  /** The step under way; null between two of them. */
  get step(): LaneWait | null {
    return this.#waitsFor === null ? null : { waitsFor: this.#waitsFor, progress: this.#steps }
  }

  /** How many steps were taken. */
  get steps(): number {
    return this.#steps
  }

  /** The effect that has been under way for longest. */
  get oldestEffect(): LaneWait | null {
    const [oldest] = this.#effects
    return oldest === undefined ? null : { waitsFor: `the end of the effect ${typeOf(oldest[0])}`, progress: oldest[1] }
  }

  async during<T>(what: string, work: Promise<T>): Promise<T> {
    this.#waitsFor = what
    try {
      return await work
    } finally {
      this.advance()
    }
  }

  /** A step is done. */
  advance(): void {
    this.#waitsFor = null
    this.#steps += 1
  }

  effectBegan(effect: unknown): void {
    this.#effectsBegun += 1
    this.#effects.set(effect, this.#effectsBegun)
  }

  effectSettled(effect: unknown): void {
    this.#effects.delete(effect)
  }
}

function typeOf(effect: unknown): string {
  return typeof effect === 'object' && effect !== null && 'type' in effect ? String(effect.type) : 'unnamed'
}
