/** When to ask a producer again. Delays are in milliseconds; `random` is a number in [0, 1). */

export interface PollRules {
  readonly delayMinMs: number
  readonly delayMaxMs: number
  /** The next delay as a part of the time that the work has taken so far: an answer is found at most this much too late. */
  readonly elapsedRatio: number
  /** The delay varies by this part of itself to either side, so that subjobs that started together drift apart. */
  readonly jitterRatio: number
}

export interface RetryRules {
  readonly delayMinMs: number
  readonly delayMaxMs: number
}

/** Short work is asked after often, long work seldom: the delay grows with the time that the work has taken. */
export function pollDelayMs(rules: PollRules, elapsedMs: number, random: number): number {
  const wanted = Math.max(0, elapsedMs) * rules.elapsedRatio
  const bounded = Math.min(rules.delayMaxMs, Math.max(rules.delayMinMs, wanted))
  return Math.round(bounded * (1 + rules.jitterRatio * (2 * random - 1)))
}

/**
 * Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"): anything up to the doubled bound. A producer that
 * said when to come back (`Retry-After`) is never asked sooner than that.
 */
export function retryDelayMs(rules: RetryRules, failures: number, random: number, retryAfterMs = 0): number {
  const bound = Math.min(rules.delayMaxMs, rules.delayMinMs * 2 ** Math.min(30, Math.max(0, failures - 1)))
  return Math.max(retryAfterMs, Math.round(bound * random))
}
