import { Heap } from './heap.ts'

interface Timer {
  readonly id: string
  readonly at: number
}

/** Timers by id in the order of their times; a moved timer leaves its old entry behind as stale. */
export class TimerQueue {
  /** Those that count. */
  readonly #timers = new Map<string, Timer>()
  #heap = emptyHeap()

  get size(): number {
    return this.#timers.size
  }

  set(id: string, at: number): void {
    const timer = { id, at }
    this.#timers.set(id, timer)
    this.#heap.push(timer)
    // Moved timers leave entries behind; more of them than live ones would be a leak.
    if (this.#heap.size > 2 * this.#timers.size + 64) this.#rebuild()
  }

  /** When the next timer is due; undefined when none is set. */
  nextAt(): number | undefined {
    this.#dropStale()
    return this.#heap.first?.at
  }

  /** Takes a timer that is due, the earliest first; undefined when none is. */
  takeDue(now: number): string | undefined {
    this.#dropStale()
    const { first } = this.#heap
    if (first === undefined || first.at > now) return undefined
    this.#heap.takeFirst()
    this.#timers.delete(first.id)
    return first.id
  }

  #dropStale(): void {
    for (let { first } = this.#heap; first !== undefined; { first } = this.#heap) {
      if (this.#timers.get(first.id) === first) return
      this.#heap.takeFirst()
    }
  }

  #rebuild(): void {
    this.#heap = emptyHeap()
    for (const timer of this.#timers.values()) this.#heap.push(timer)
  }
}

function emptyHeap(): Heap<Timer> {
  return new Heap((one, other) => one.at < other.at)
}
