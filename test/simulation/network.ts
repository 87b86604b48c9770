/** The way between a process and a kind of server: how long it takes, and what is lost on it. */
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

export interface Fate {
  readonly requestArrives: boolean
  readonly answerArrives: boolean
}

export class Network {
  readonly #options: NetworkOptions
  /** Parts of the requests, and of the answers, that are lost; 0 for a good network. */
  lossRatio = 0
  /** Nothing arrives. */
  isDown = false

  constructor(options: NetworkOptions) {
    this.#options = options
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs
  }

  get delayMaxMs(): number {
    return this.#options.delayMinMs + this.#options.delayMaxMs
  }

  lost(): Error {
    return this.#options.lost()
  }

  // Most messages are quick, some take long: that is how they come to overtake each other.
  delayMs(): number {
    const { random, delayMinMs, delayMaxMs } = this.#options
    const spread = random() < 0.1 ? delayMaxMs : delayMinMs
    return delayMinMs + Math.floor(random() * spread)
  }

  fate(): Fate {
    const { random } = this.#options
    return { requestArrives: random() >= this.lossRatio, answerArrives: random() >= this.lossRatio }
  }
}
