import type { Timers } from '../runtime/clock.ts'
import type { Position, TopicPartition } from './port.ts'

interface Waiter {
  readonly targets: Map<string, number>
  readonly settle: (reached: boolean) => void
}

/** How far each partition was read and taken in, and who waits for that. */
export class TailProgress {
  readonly #timers: Timers
  readonly #positions = new Map<string, Position>()
  readonly #waiters = new Map<string, Set<Waiter>>()

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** The offset of the next record of the partition; 0 before anything is known of it. */
  at(place: TopicPartition): number {
    return this.#positions.get(keyOf(place))?.offset ?? 0
  }

  /** All that is known. */
  all(): readonly Position[] {
    return [...this.#positions.values()]
  }

  advance(position: Position): void {
    const key = keyOf(position)
    this.#positions.set(key, position)
    for (const waiter of this.#waiters.get(key) ?? []) {
      if (position.offset < (waiter.targets.get(key) ?? 0)) continue
      this.#drop(waiter, key)
      if (waiter.targets.size === 0) waiter.settle(true)
    }
  }

  /** Resolves to true once every partition has come to its target, to false after `timeoutMs`; null waits for ever. */
  reach(targets: readonly Position[], timeoutMs: number | null): Promise<boolean> {
    const ahead = targets.filter((target) => this.at(target) < target.offset)
    if (ahead.length === 0) return Promise.resolve(true)
    return new Promise((resolve) => {
      const waiter: Waiter = {
        targets: new Map(ahead.map((target) => [keyOf(target), target.offset])),
        settle: (reached) => {
          timer?.cancel()
          for (const key of [...waiter.targets.keys()]) this.#drop(waiter, key)
          resolve(reached)
        },
      }
      const timer =
        timeoutMs === null
          ? null
          : this.#timers.after(timeoutMs, () => {
              waiter.settle(false)
            })
      for (const key of waiter.targets.keys()) this.#waitersAt(key).add(waiter)
    })
  }

  #waitersAt(key: string): Set<Waiter> {
    const known = this.#waiters.get(key)
    if (known !== undefined) return known
    const waiters = new Set<Waiter>()
    this.#waiters.set(key, waiters)
    return waiters
  }

  #drop(waiter: Waiter, key: string): void {
    waiter.targets.delete(key)
    this.#waiters.get(key)?.delete(waiter)
  }
}

// A topic's name holds no space.
function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic} ${partition}`
}
