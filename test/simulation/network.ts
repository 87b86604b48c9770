/** The way between a process and a kind of server: how long it takes, what is lost on it, and what comes too late. */
import type { Random } from '../../src/runtime/random.ts'

/** No answer came from a server other than Kafka. */
export class LostMessage extends Error {
  override readonly name = 'LostMessage'
}

export interface NetworkOptions {
  readonly random: Random
  readonly delayMinMs: number
  readonly delayMaxMs: number
  readonly timeoutMs: number
  /** What a caller is told when no answer came. */
  readonly lost: () => Error
}

/** How long a request and its answer take; null for one that is lost. A request may take longer than its caller waits. */
export interface Fate {
  readonly requestDelayMs: number | null
  readonly answerDelayMs: number | null
}

export class Network {
  readonly #options: NetworkOptions
  /** Parts of the requests, and of the answers, that are lost; 0 for a good network. */
  lossRatio = 0
  /** Part of the requests that arrive when nobody waits for their answers any more. */
  lateRatio = 0
  /** Nothing arrives. */
  isDown = false

  constructor(options: NetworkOptions) {
    this.#options = options
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs
  }

  /** The longest that a request takes that is in time. */
  get delayMaxMs(): number {
    return this.#options.delayMinMs + this.#options.delayMaxMs
  }

  lost(): Error {
    return this.#options.lost()
  }

  heal(): void {
    this.isDown = false
    this.lossRatio = 0
    this.lateRatio = 0
  }

  // Most messages are quick, some take long: that is how they come to overtake each other.
  delayMs(): number {
    const { random, delayMinMs, delayMaxMs } = this.#options
    const spread = random() < 0.1 ? delayMaxMs : delayMinMs
    return delayMinMs + Math.floor(random() * spread)
  }

  fate(): Fate {
    const { random, timeoutMs } = this.#options
    const way = (): number | null => (random() < this.lossRatio ? null : this.delayMs())
    const isLate = this.lateRatio > 0 && random() < this.lateRatio
    return { requestDelayMs: isLate ? timeoutMs + Math.ceil(random() * timeoutMs) : way(), answerDelayMs: way() }
  }
}
