/** A stage's alarm clock. The stage makes it once and moves it: a lane has hundreds of thousands, and each poll moves one. */
export class StageTimer {
  /** What it is for. */
  readonly kind: string
  /** Whose it is. */
  readonly key: string
  /** Where it stands among those that are set, or -1: the queue's own business. */
  place = -1

  constructor(kind: string, key: string) {
    this.kind = kind
    this.key = key
  }
}

/** So many stand below one: with four of them, next to each other in memory, the heap is half as deep as with two. */
const ARITY = 4
const ROOM_MIN = 64

/**
 * Timers in the order of their times, as a heap in which each knows its place: to set, move and take one makes nothing. What would be
 * made for every poll would live until the next, and have become old by then.
 */
export class TimerQueue {
  readonly #timers: StageTimer[] = []
  #times = new Float64Array(ROOM_MIN)

  get size(): number {
    return this.#timers.length
  }

  /** Sets the timer, or moves it. */
  set(timer: StageTimer, at: number): void {
    const place = timer.place < 0 ? this.#append(timer) : timer.place
    if (at < (this.#times[place] as number)) this.#rise(timer, at, place)
    else this.#sink(timer, at, place)
  }

  /** It does not ring any more. */
  unset(timer: StageTimer): void {
    const { place } = timer
    if (place < 0) return
    timer.place = -1
    const at = this.#times[this.#timers.length - 1] as number
    const last = this.#timers.pop()
    if (last === undefined || last === timer) return
    this.#times[place] = at
    this.#timers[place] = last
    last.place = place
    this.#rise(last, at, place)
    this.#sink(last, at, last.place)
  }

  /** When the next timer is due; undefined when none is set. */
  nextAt(): number | undefined {
    return this.#timers.length === 0 ? undefined : this.#times[0]
  }

  /** Takes a timer that is due, the earliest first; undefined when none is. */
  takeDue(now: number): StageTimer | undefined {
    const [first] = this.#timers
    if (first === undefined || (this.#times[0] as number) > now) return undefined
    this.unset(first)
    return first
  }

  #append(timer: StageTimer): number {
    const place = this.#timers.length
    if (place === this.#times.length) {
      const times = new Float64Array(2 * place)
      times.set(this.#times)
      this.#times = times
    }
    this.#timers.push(timer)
    this.#times[place] = Infinity
    return place
  }

  /** Puts it there or further up. */
  #rise(timer: StageTimer, at: number, from: number): void {
    let place = from
    while (place > 0) {
      const parent = Math.floor((place - 1) / ARITY)
      if ((this.#times[parent] as number) <= at) break
      this.#put(this.#timers[parent] as StageTimer, this.#times[parent] as number, place)
      place = parent
    }
    this.#put(timer, at, place)
  }

  /** Puts it there or further down. */
  #sink(timer: StageTimer, at: number, from: number): void {
    let place = from
    for (;;) {
      const child = this.#earliestBelow(place)
      if (child < 0 || (this.#times[child] as number) >= at) break
      this.#put(this.#timers[child] as StageTimer, this.#times[child] as number, place)
      place = child
    }
    this.#put(timer, at, place)
  }

  #earliestBelow(place: number): number {
    const first = ARITY * place + 1
    const end = Math.min(first + ARITY, this.#timers.length)
    let earliest = first < end ? first : -1
    for (let child = first + 1; child < end; child += 1) {
      if ((this.#times[child] as number) < (this.#times[earliest] as number)) earliest = child
    }
    return earliest
  }

  #put(timer: StageTimer, at: number, place: number): void {
    this.#timers[place] = timer
    this.#times[place] = at
    timer.place = place
  }
}
