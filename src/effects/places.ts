import { WaitingLine } from '../stages/waiting-line.ts'

/** Whoever may hang: a service, an object store. */
export interface Party {
  readonly name: string
  /** The part of all places that it may take; below 1. */
  readonly share: number
}

/** Waits for places of the same parties, first come, first served. */
interface Line {
  readonly parties: readonly Party[]
  readonly waiting: WaitingLine<() => void>
}

/**
 * Bounds what is under way at a time, as a whole and for each party, so that one that hangs fills its own places and leaves
 * the others theirs. Several that hang leave some as well: the fewer places are free, the fewer a party may hold, in the proportion
 * in which one alone comes to its share (as switches share their buffers: Choudhury and Hahne, "Dynamic queue length thresholds",
 * 1998). What waits is bounded by what a lane holds.
 */
export class Places {
  readonly #max: number
  #free: number
  // Names come from the operator's registry, so there are not many.
  readonly #held = new Map<string, number>()
  /** Lines in which somebody waits; who has waited for longest since its last turn comes first. */
  readonly #lines = new Map<string, Line>()

  constructor(max: number) {
    this.#max = max
    this.#free = max
  }

  /** Does the work once there is a place for it among those of each party, and among all. */
  run<T>(parties: readonly Party[], work: () => Promise<T>): Promise<T> {
    const key = keyOf(parties)
    if (!this.#lines.has(key) && this.#admits(parties)) {
      this.#take(parties)
      return this.#inPlace(parties, work)
    }
    // As little as can be: after a restart a hundred thousand may wait.
    return new Promise((resolve) => {
      this.#lineOf(key, parties).waiting.append(() => {
        resolve(this.#inPlace(parties, work))
      })
    })
  }

  async #inPlace<T>(parties: readonly Party[], work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } finally {
      this.#leave(parties)
    }
  }

  #admits(parties: readonly Party[]): boolean {
    if (this.#free === 0) return false
    return parties.every(({ name, share }) => (this.#held.get(name) ?? 0) < this.#limitOf(share))
  }

  #limitOf(share: number): number {
    const whole = Math.max(1, Math.floor(this.#max * share))
    return Math.min(whole, Math.ceil((this.#free * share) / (1 - share)))
  }

  #lineOf(key: string, parties: readonly Party[]): Line {
    const known = this.#lines.get(key)
    if (known !== undefined) return known
    const line = { parties, waiting: new WaitingLine<() => void>() }
    this.#lines.set(key, line)
    return line
  }

  #take(parties: readonly Party[]): void {
    this.#free -= 1
    for (const { name } of parties) this.#held.set(name, (this.#held.get(name) ?? 0) + 1)
  }

  #leave(parties: readonly Party[]): void {
    this.#free += 1
    for (const { name } of parties) {
      const held = (this.#held.get(name) ?? 0) - 1
      if (held > 0) this.#held.set(name, held)
      else this.#held.delete(name)
    }
    this.#admitWaiting()
  }

  // A line that had its turn goes to the end, where this meets it again.
  #admitWaiting(): void {
    for (const [key, line] of this.#lines) {
      if (this.#free === 0) return
      if (!this.#admits(line.parties)) continue
      this.#lines.delete(key)
      const next = line.waiting.takeFirst()
      if (next === undefined) continue
      this.#take(line.parties)
      if (line.waiting.first !== undefined) this.#lines.set(key, line)
      next()
    }
  }
}

function keyOf(parties: readonly Party[]): string {
  const [only] = parties
  return parties.length === 1 && only !== undefined ? only.name : parties.map(({ name }) => name).join('\n')
}
