/** What became of a job that its state does not show any more: what its client had it do, and how its former runs ended. */
import type { Outcome } from './job-counts.ts'

export const MILESTONE_KINDS = ['held', 'released', 'cancelled', 'abandoned', 'ended', 'retried'] as const

export interface Milestone {
  readonly what: (typeof MILESTONE_KINDS)[number]
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Of a run that ended. */
  readonly outcome: Outcome | null
}

/** Each change of a job is written with all of them. */
export const MILESTONES_MAX = 50

/** Behind those that there are, of which the oldest goes once there are too many. */
export function withMilestones(before: readonly Milestone[], ...added: readonly Milestone[]): readonly Milestone[] {
  return [...before, ...added].slice(-MILESTONES_MAX)
}
