import { Heap } from './heap.ts'

interface Sharer {
  weight: number
  /** What it has been given so far, divided by its weight, as if it had always been here. */
  pass: number
  /** When it began to wait: of those who are equal, the first one goes first. */
  order: number
  waits: boolean
}

interface Place {
  readonly key: string
  /** Its pass, were it given one more: of those who have had as much, the one who weighs most goes first. */
  readonly pass: number
  readonly order: number
}

// Below that, looking for those who need not be remembered costs more than they do.
const LEFT_MIN = 64

/**
 * Who is next among those who share something by weight: the one who has been given least for its weight (stride scheduling,
 * Waldspurger 1995). Who comes later begins where the others are on the average, neither owed nor owing anything for the time
 * before, so that a stream of newcomers does not keep those who wait from their turn; who leaves early is not forgiven what it had.
 */
export class FairShare {
  readonly #sharers = new Map<string, Sharer>()
  #places = emptyPlaces()
  #waiting = 0
  #weight = 0
  /** What has been given so far for each weight of those who waited. */
  #pass = 0
  #orders = 0
  #lookAgainAt = LEFT_MIN

  /** Whether nobody waits. */
  get idle(): boolean {
    return this.#waiting === 0
  }

  /** It waits for something; nothing happens when it does already. */
  enter(key: string, weight: number): void {
    const known = this.#sharers.get(key)
    if (known?.waits === true) return
    const pass = Math.max(known?.pass ?? 0, this.#pass)
    this.#orders += 1
    this.#sharers.set(key, { weight, pass, order: this.#orders, waits: true })
    this.#places.push(placeOf(key, { weight, pass, order: this.#orders }))
    this.#waiting += 1
    this.#weight += weight
  }

  /** It does not wait any more; nothing happens when it does not. */
  leave(key: string): void {
    const sharer = this.#sharers.get(key)
    if (sharer?.waits !== true) return
    sharer.waits = false
    this.#waiting -= 1
    this.#weight -= sharer.weight
    this.#forgetSome()
  }

  /** Whose turn it is; undefined when nobody waits. */
  next(): string | undefined {
    for (let { first } = this.#places; first !== undefined; { first } = this.#places) {
      const sharer = this.#sharers.get(first.key)
      if (sharer?.waits === true && sharer.order === first.order) return first.key
      this.#places.takeFirst()
    }
    return undefined
  }

  /** Who waits was given that much, and goes on waiting. */
  give(key: string, amount: number): void {
    const sharer = this.#sharers.get(key)
    if (sharer?.waits !== true) throw new Error(`broken invariant: "${key}" was given something that it did not wait for`)
    this.#pass += amount / this.#weight
    this.#orders += 1
    sharer.pass += amount / sharer.weight
    sharer.order = this.#orders
    this.#places.push(placeOf(key, sharer))
  }

  // Who has left is remembered for as long as it has had more than the others; then it may come back as anybody else.
  #forgetSome(): void {
    if (this.#waiting === 0) {
      this.#sharers.clear()
      this.#places = emptyPlaces()
      this.#weight = 0
      this.#pass = 0
      return
    }
    if (this.#places.size > 2 * this.#waiting + LEFT_MIN) this.#rebuild()
    if (this.#sharers.size < this.#lookAgainAt) return
    for (const [key, { waits, pass }] of this.#sharers) if (!waits && pass <= this.#pass) this.#sharers.delete(key)
    this.#lookAgainAt = 2 * this.#sharers.size + LEFT_MIN
  }

  #rebuild(): void {
    this.#places = emptyPlaces()
    for (const [key, sharer] of this.#sharers) if (sharer.waits) this.#places.push(placeOf(key, sharer))
  }
}

function placeOf(key: string, { weight, pass, order }: Pick<Sharer, 'weight' | 'pass' | 'order'>): Place {
  return { key, pass: pass + 1 / weight, order }
}

function emptyPlaces(): Heap<Place> {
  return new Heap((one, other) => one.pass < other.pass || (one.pass === other.pass && one.order < other.order))
}
