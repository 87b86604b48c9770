import type { Timers } from '../../runtime/clock.ts'
import { RETRY_AFTER_S, SEND_AGAIN, unavailable } from '../errors.ts'

export interface Bound {
  readonly timers: Timers
  readonly timeoutMs: number
  /** Who is waited for, as the message names it: `Kafka`. */
  readonly who: string
}

/** The work's own outcome, or a 503 once the time is up; what the work does after that is not looked at. */
export function bounded<T>(work: Promise<T>, { timers, timeoutMs, who }: Bound): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = timers.after(timeoutMs, () => {
      const message = `${who} did not answer within ${timeoutMs} ms`
      reject(unavailable(message, { retryAfterS: RETRY_AFTER_S, details: SEND_AGAIN }))
    })
    void work.then(resolve, reject).finally(() => {
      timer.cancel()
    })
  })
}
