import type { Timers } from '../../runtime/clock.ts'

interface Watcher {
  readonly look: () => void
  readonly fail: (error: Error) => void
}

/** Those who wait until something comes true that only certain happenings can make true. */
export class Watchers {
  readonly #timers: Timers
  readonly #watchers = new Set<Watcher>()
  #failure: Error | null = null

  constructor(timers: Timers) {
    this.#timers = timers
  }

  get hasFailed(): boolean {
    return this.#failure !== null
  }

  /** Something happened: conditions may be true now. */
  changed(): void {
    for (const { look } of [...this.#watchers]) look()
  }

  /** Nothing will become true any more: everybody who waits, or will wait, is told why. */
  fail(error: Error): void {
    this.#failure ??= error
    for (const { fail } of [...this.#watchers]) fail(error)
  }

  /** Resolves to true once the condition is true, to false after `waitMs`. Rejects with the failure, or the signal's reason. */
  until(condition: () => boolean, waitMs: number, signal: AbortSignal): Promise<boolean> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    if (signal.aborted) return Promise.reject(signal.reason as Error)
    if (condition()) return Promise.resolve(true)
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        timer.cancel()
        signal.removeEventListener('abort', abort)
        this.#watchers.delete(watcher)
        settle()
      }
      const fail = (error: Error): void => {
        end(() => {
          reject(error)
        })
      }
      const abort = (): void => {
        fail(signal.reason as Error)
      }
      const done = (isTrue: boolean): void => {
        end(() => {
          resolve(isTrue)
        })
      }
      const watcher: Watcher = {
        fail,
        look: () => {
          if (condition()) done(true)
        },
      }
      const timer = this.#timers.after(waitMs, () => {
        done(false)
      })
      signal.addEventListener('abort', abort, { once: true })
      this.#watchers.add(watcher)
    })
  }
}
