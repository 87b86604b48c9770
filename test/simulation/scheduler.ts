/** Virtual time: events in the order of their times, everything that one of them sets off done before the next. */
import type { Clock, TimerHandle, Timers } from '../../src/runtime/clock.ts'

interface ScheduledEvent {
  readonly at: number
  /** Tells events of the same time apart: the one that was set first goes first. */
  readonly sequence: number
  run: (() => void) | undefined
}

export class Scheduler implements Clock, Timers {
  readonly #heap: ScheduledEvent[] = []
  #now: number
  #sequence = 0
  #ran = 0

  constructor(now: number) {
    this.#now = now
  }

  /** Events that ran. */
  get ran(): number {
    return this.#ran
  }

  now(): number {
    return this.#now
  }

  after(delayMs: number, run: () => void): TimerHandle {
    const event = { at: this.#now + Math.max(0, delayMs), sequence: (this.#sequence += 1), run }
    this.#push(event)
    return {
      cancel: () => {
        event.run = (): void => undefined
      },
    }
  }

  /** Lets time pass until `isDone` says so or `until` has come. Returns whether it was done. */
  async run(until: number, isDone: () => boolean): Promise<boolean> {
    for (;;) {
      await promisesSettled()
      if (isDone()) return true
      const event = this.#heap[0]
      if (event === undefined || event.at > until) return false
      this.#pop()
      this.#now = event.at
      this.#ran += 1
      event.run?.()
    }
  }

  #push(event: ScheduledEvent): void {
    const heap = this.#heap
    let child = heap.length
    while (child > 0) {
      const parent = (child - 1) >> 1
      const above = heap[parent]!
      if (isBefore(above, event)) break
      heap[child] = above
      child = parent
    }
    heap[child] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let parent = 0
    for (let child = 1; child < heap.length; child = 2 * parent + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1
      if (isBefore(last, heap[child]!)) break
      heap[parent] = heap[child]!
      parent = child
    }
    heap[parent] = last
  }
}

function isBefore(one: ScheduledEvent, other: ScheduledEvent): boolean {
  return one.at < other.at || (one.at === other.at && one.sequence < other.sequence)
}

// Whatever the last event set off ends before this does: promises are settled before Node turns to its next phase.
function promisesSettled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
