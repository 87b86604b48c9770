import type { Clock } from '../runtime/clock.ts'

// Bounds the memory that names take which clients make up; those that are not there are not kept.
const NAMES_MAX = 10_000

/** What is known of a destination that is there, and until when it is taken to be so. */
interface Known<Facts> {
  readonly facts: Facts
  readonly until: number
}

/** Remembers for a while which destinations are there, so that not every result asks for its own. */
export class KnownDestinations<Facts> {
  readonly #ask: (name: string) => Promise<Facts | null>
  readonly #keptMs: number
  readonly #clock: Clock
  readonly #known = new Map<string, Known<Facts>>()
  readonly #asking = new Map<string, Promise<Facts | null>>()

  /** `ask` answers null for a destination that is not there. */
  constructor(ask: (name: string) => Promise<Facts | null>, options: { keptMs: number; clock: Clock }) {
    this.#ask = ask
    this.#keptMs = options.keptMs
    this.#clock = options.clock
  }

  /** Null when it is not there. Rejects with what asking fails with. */
  find(name: string): Promise<Facts | null> {
    const known = this.#known.get(name)
    if (known !== undefined && known.until > this.#clock.now()) return Promise.resolve(known.facts)
    return this.#asking.get(name) ?? this.#learn(name)
  }

  /** What was known was wrong: the next one asks, whoever is asking now. */
  forget(name: string): void {
    this.#known.delete(name)
    this.#asking.delete(name)
  }

  // Results come in flocks: those of one destination share a question.
  #learn(name: string): Promise<Facts | null> {
    const asked = this.#ask(name)
      .then((facts) => {
        if (this.#asking.get(name) === asked) this.#keep(name, facts)
        return facts
      })
      .finally(() => {
        if (this.#asking.get(name) === asked) this.#asking.delete(name)
      })
    this.#asking.set(name, asked)
    return asked
  }

  #keep(name: string, facts: Facts | null): void {
    if (this.#known.size >= NAMES_MAX) this.#known.clear()
    if (facts === null) this.#known.delete(name)
    else this.#known.set(name, { facts, until: this.#clock.now() + this.#keptMs })
  }
}
