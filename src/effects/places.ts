import { bulkhead, type BulkheadPolicy } from 'cockatiel'

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
  readonly #all: BulkheadPolicy
  // Names come from the operator's registry, so there are not many.
  readonly #ofParty = new Map<string, BulkheadPolicy>()

  constructor(max: number) {
    this.#max = max
    this.#all = bulkhead(max, Number.MAX_SAFE_INTEGER)
  }

  /** Does the work once there is a place for it among those of each party, in that order, and among all. */
  run<T>([party, ...others]: readonly Party[], work: () => Promise<T>): Promise<T> {
    if (party === undefined) return this.#all.execute(work)
    return this.#placesOf(party).execute(() => this.run(others, work))
  }

  #placesOf({ name, share }: Party): BulkheadPolicy {
    const known = this.#ofParty.get(name)
    if (known !== undefined) return known
    const places = bulkhead(Math.max(1, Math.floor(this.#max * share)), Number.MAX_SAFE_INTEGER)
    this.#ofParty.set(name, places)
    return places
  }
}
