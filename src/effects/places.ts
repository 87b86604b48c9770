import { WaitingLine } from '../stages/waiting-line.ts'

/** Whoever may hang: a service, an object store. */
export interface Party {
  readonly name: string
  /** The part of all places that it may take. */
  readonly share: number
}

/**
 * Bounds what is under way at a time, as a whole and for each party, so that one that hangs fills its own places and leaves
 * the others theirs. What waits is bounded by what a lane holds.
 */
export class Places {
  readonly #max: number
  readonly #all: Row
  // Names come from the operator's registry, so there are not many.
  readonly #ofParty = new Map<string, Row>()

  constructor(max: number) {
    this.#max = max
    this.#all = new Row(max)
  }

  /** Does the work once there is a place for it among those of each party, in that order, and among all. */
  run<T>([party, ...others]: readonly Party[], work: () => Promise<T>): Promise<T> {
    if (party === undefined) return this.#all.run(work)
    return this.#placesOf(party).run(() => this.run(others, work))
  }

  #placesOf({ name, share }: Party): Row {
    const known = this.#ofParty.get(name)
    if (known !== undefined) return known
    const places = new Row(Math.max(1, Math.floor(this.#max * share)))
    this.#ofParty.set(name, places)
    return places
  }
}

/**
 * As many places, given away in the order in which they were asked for. A place that becomes free goes to who waits first,
 * and the ten thousandth in line costs no more than the second.
 */
class Row {
  #free: number
  readonly #waiting = new WaitingLine<() => void>()

  constructor(places: number) {
    this.#free = places
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await this.#turn()
    try {
      return await work()
    } finally {
      const next = this.#waiting.takeFirst()
      if (next === undefined) this.#free += 1
      else next()
    }
  }

  #turn(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.append(resolve)
    })
  }
}
