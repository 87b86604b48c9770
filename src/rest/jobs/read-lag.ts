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
/** Up to that age, in times of its own, an old count is told to whoever asks while the next one is on its way. */
const TOLD_TIMES = 2

/** How far what is read is behind what was written. Counted once for all who ask within a while. */
export class ReadLag {
  readonly #options: ReadLagOptions
  #counting: Promise<number | null> | null = null
  /** The latest, and when it was begun. */
  #counted: { readonly at: number; readonly records: number | null } | null = null

  constructor(options: ReadLagOptions) {
    this.#options = options
  }

  /** Records; null when Kafka doesn't say. */
  async recent(): Promise<number | null> {
    const { clock, ttlMs } = this.#options
    const ageMs = this.#counted === null ? Infinity : clock.now() - this.#counted.at
    if (this.#counted !== null && ageMs < ttlMs) return this.#counted.records
    this.#counting ??= this.#count().finally(() => (this.#counting = null))
    return this.#counted !== null && ageMs < TOLD_TIMES * ttlMs ? this.#counted.records : this.#counting
  }

  async #count(): Promise<number | null> {
    const { count, clock, timers } = this.#options
    const at = clock.now()
    const records = await bounded(count(), { timers, timeoutMs: COUNT_TIMEOUT_MS, who: 'Kafka' }).catch(() => null)
    this.#counted = { at, records }
    return records
  }
}
