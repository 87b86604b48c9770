import type { Subjob } from '../../domain/subjob.ts'

export interface CalledSubjob {
  readonly subjob: Subjob
  /** When the producer was first called, or was about to be, as far as the changelog still tells; null before that. */
  readonly calledSince: number | null
}

/**
 * Since when a subjob's producer may have worked on it: its first call, for a producer that is called again may go by what it
 * did then.
 */
export function calledSince({ subjob, calledSince: known }: CalledSubjob, now: number): number {
  const current = 'attempt' in subjob ? subjob.attempt : null
  const starts = [...subjob.attempts, ...(current === null ? [] : [current])].map(({ startedAt }) => startedAt)
  return Math.min(known ?? now, ...starts)
}
