import type { Timers } from '../../runtime/clock.ts'
import { Watchers } from './watchers.ts'

/** What one subjob has collected, or was given room for. */
export interface Holding {
  bytes: number
  /** Room that is kept for it. */
  reserved: number
  /** Has all that it wants: it only waits to be published, and lets go then. */
  isDone: boolean
  /** Is to give back what it has, and to begin again when there is room. */
  isGivenUp: boolean
}

/**
 * Bounds what all subjobs together have collected. Beyond the bound, the one that came last gives back what it has and begins
 * again later: the topic still has it, and those before it are sure to be finished.
 */
export class CollectedMemory {
  readonly #bytesMax: number
  readonly #onGiveUp: () => void
  /** In the order in which they came. */
  readonly #holdings = new Set<Holding>()
  readonly #room: Watchers
  #bytes = 0

  /** @param onGiveUp somebody was marked as given up */
  constructor(bytesMax: number, timers: Timers, onGiveUp: () => void) {
    this.#bytesMax = bytesMax
    this.#onGiveUp = onGiveUp
    this.#room = new Watchers(timers)
  }

  open(): Holding {
    const holding: Holding = { bytes: 0, reserved: 0, isDone: false, isGivenUp: false }
    this.#holdings.add(holding)
    return holding
  }

  /** Lets go of all that is held; doing that again changes nothing. */
  close(holding: Holding): void {
    if (!this.#holdings.delete(holding)) return
    this.#bytes -= countedOf(holding)
    this.#room.changed()
  }

  grow(holding: Holding, bytes: number): void {
    this.#count(holding, () => {
      holding.bytes += bytes
    })
    if (bytes > 0) this.#giveUpLatest()
  }

  /** Resolves once there is room for as much as one had that was given up, which may go on then. Rejects with the signal's reason. */
  async roomFor(holding: Holding, bytes: number, signal: AbortSignal): Promise<void> {
    const admit = (): boolean => {
      const isAlone = ![...this.#holdings].some((each) => countedOf(each) > 0)
      if (this.#bytes + bytes > this.#bytesMax && !isAlone) return false
      this.#count(holding, () => {
        holding.isGivenUp = false
        holding.reserved = bytes
      })
      return true
    }
    await this.#room.until(admit, Number.POSITIVE_INFINITY, signal)
  }

  #giveUpLatest(): void {
    if (this.#bytes <= this.#bytesMax) return
    const [, ...others] = [...this.#holdings].filter((each) => countedOf(each) > 0)
    const latest = others.findLast(({ isDone }) => !isDone)
    if (latest === undefined) return
    this.#count(latest, () => {
      latest.isGivenUp = true
    })
    this.#onGiveUp()
  }

  #count(holding: Holding, change: () => void): void {
    const before = countedOf(holding)
    change()
    this.#bytes += countedOf(holding) - before
  }
}

// What is given up is let go of in a moment, and counts no more.
function countedOf({ bytes, reserved, isGivenUp }: Holding): number {
  return isGivenUp ? 0 : Math.max(bytes, reserved)
}
