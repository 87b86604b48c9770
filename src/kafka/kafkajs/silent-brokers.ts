import type { Clock } from '../../runtime/clock.ts'

/** How long nobody connects to a broker that was silent. */
const LEFT_ALONE_MS = 2_000
/** How long one connection may try then, while all others stay away; its first answer lets them in. */
const TRIED_MS = 8_000

/**
 * Which brokers take connections and answer nothing, as one whose process stands still: each client of a process would find that out by
 * itself, for as long as an answer is waited for, whenever it connects. So what one finds out all know: they go elsewhere at once.
 */
export class SilentBrokers {
  readonly #clock: Clock
  readonly #heardAt = new Map<string, number>()
  readonly #leftAloneUntil = new Map<string, number>()

  /** @param clock monotonic */
  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): number {
    return this.#clock.now()
  }

  /** An answer came. */
  heard(address: string): void {
    this.#heardAt.set(address, this.#clock.now())
    this.#leftAloneUntil.delete(address)
  }

  /** A request that was sent then was not answered in time. Another one that was tells that the broker is well, and only slow with this. */
  unanswered(address: string, sentAt: number): void {
    if ((this.#heardAt.get(address) ?? -Infinity) < sentAt) this.#leftAloneUntil.set(address, this.#clock.now() + LEFT_ALONE_MS)
  }

  /** Whether it may be connected to now. */
  mayTry(address: string): boolean {
    const until = this.#leftAloneUntil.get(address)
    if (until === undefined) return true
    const now = this.#clock.now()
    if (now < until) return false
    this.#leftAloneUntil.set(address, now + TRIED_MS)
    return true
  }
}
