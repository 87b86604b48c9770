import type { Clock } from '../runtime/clock.ts'

// Bounds the memory that names take which clients make up; those that are not there are not kept.
const NAMES_MAX = 10_000

/** Remembers for a while which destinations are there, so that not every result asks for its own. */
export class KnownDestinations {
  readonly #ask: (name: string) => Promise<boolean>
  readonly #keptMs: number
  readonly #clock: Clock
  readonly #knownUntil = new Map<string, number>()

  constructor(ask: (name: string) => Promise<boolean>, options: { keptMs: number; clock: Clock }) {
    this.#ask = ask
    this.#keptMs = options.keptMs
    this.#clock = options.clock
  }

  /** Rejects with what asking fails with. */
  async has(name: string): Promise<boolean> {
    const now = this.#clock.now()
    if ((this.#knownUntil.get(name) ?? 0) > now) return true
    const exists = await this.#ask(name)
    if (this.#knownUntil.size >= NAMES_MAX) this.#knownUntil.clear()
    if (exists) this.#knownUntil.set(name, now + this.#keptMs)
    else this.#knownUntil.delete(name)
    return exists
  }
}
