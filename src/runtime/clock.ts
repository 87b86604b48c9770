/** The only place where product code meets the wall clock and the event loop's timers. Everything else is handed these. */

/** Milliseconds since the Unix epoch. */
export interface Clock {
  now(): number
}

/** A timer that was set; cancelling one that already fired changes nothing. */
export interface TimerHandle {
  cancel(): void
}

/** One-shot timers. `run` is called once, at the earliest `delayMs` milliseconds from now. */
export interface Timers {
  after(delayMs: number, run: () => void): TimerHandle
}

// Node fires a timer with a longer delay at once, instead of late.
const DELAY_MS_MAX = 2 ** 31 - 1

/**
 * A wall clock that never goes back. When the machine's is set back, timers that were set by it would be due as much later as it was set
 * back by, and polls would stand still: this one goes on at half the speed instead until the machine's has caught up.
 */
export function steadyClock({ wall, stopwatch }: { readonly wall: () => number; readonly stopwatch: () => number }): Clock {
  let shown = wall()
  let seenAt = stopwatch()
  return {
    now: () => {
      const at = stopwatch()
      shown = Math.max(wall(), shown + (at - seenAt) / 2)
      seenAt = at
      return Math.floor(shown)
    },
  }
}

export const systemClock: Clock = steadyClock({ wall: () => Date.now(), stopwatch: () => performance.now() })

/** Milliseconds from some moment on, which nobody sets: for how long something took. */
export const monotonicClock: Clock = { now: () => performance.now() }

export const systemTimers: Timers = {
  after(delayMs, run) {
    const handle = setTimeout(run, Math.min(DELAY_MS_MAX, Math.max(0, delayMs)))
    return {
      cancel: () => {
        clearTimeout(handle)
      },
    }
  },
}

const KEPT_MS = 2_000

/** Calls `run` when this process is still there some time after it was done: with what is left open, but not because of this timer. */
export function whenKept(run: () => void): void {
  setTimeout(run, KEPT_MS).unref()
}

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as it is aborted. */
export function delay(timers: Timers, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    const timer = timers.after(delayMs, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    if (signal?.aborted === true) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}
