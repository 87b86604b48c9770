import type { Clock, Timers } from '../../runtime/clock.ts'
import { bounded } from './bounded.ts'

export interface ReadLagOptions {
  /** Counts the records that were written and can't be read yet. May reject. */
  readonly count: () => Promise<number>
  readonly clock: Clock
  readonly timers: Timers
  /** How long a count is good for. */
  readonly ttlMs: number
}

// A job's status is answered with Kafka away, too; knowing how old it is is worth no longer wait than this.
const COUNT_TIMEOUT_MS = 200

/** How far what is read is behind what was written. Counted once for all who ask within a while. */
export class ReadLag {
  readonly #options: ReadLagOptions
  #countedAt = Number.NEGATIVE_INFINITY
  #records: Promise<number | null> = Promise.resolve(null)

  constructor(options: ReadLagOptions) {
    this.#options = options
  }

  /** Records; null when Kafka doesn't say. */
  recent(): Promise<number | null> {
    const { count, clock, timers, ttlMs } = this.#options
    if (clock.now() - this.#countedAt >= ttlMs) {
      this.#countedAt = clock.now()
      this.#records = bounded(count(), { timers, timeoutMs: COUNT_TIMEOUT_MS, who: 'Kafka' }).catch(() => null)
    }
    return this.#records
  }
}
