import type { Outcome } from './job-counts.ts'
import type { ResponseCode } from './response-code.ts'

/** One try at a subjob, from the call that submits it to its published result or its failure. */
export interface Attempt {
  /** 1 for the first. */
  readonly number: number
  /** The process that made it. */
  readonly worker: string
  readonly startedAt: number
  readonly endedAt: number
  readonly outcome: Outcome
  /** What every operation of a failed attempt would be reported with; null for one that had a result. */
  readonly code: ResponseCode | null
  readonly message: string | null
}

/** An attempt that is under way. */
export interface StartedAttempt {
  readonly number: number
  readonly worker: string
  readonly startedAt: number
}

export function endAttempt(
  started: StartedAttempt,
  end: { readonly at: number; readonly outcome: Outcome; readonly code?: ResponseCode; readonly message?: string | null },
): Attempt {
  return { ...started, endedAt: end.at, outcome: end.outcome, code: end.code ?? null, message: end.message ?? null }
}
