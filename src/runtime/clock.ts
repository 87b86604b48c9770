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

export const systemClock: Clock = { now: () => Date.now() }

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
