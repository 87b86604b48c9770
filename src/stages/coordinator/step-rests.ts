/** Steps that are tried again by themselves: which, when, and the timers of those that rest until then. */
import type { Assignment } from '../../domain/assignment.ts'
import type { SubjobEnded } from '../../domain/messages.ts'
import type { JobEntry } from './job-book.ts'
import type { StepGroups } from '../../domain/step-groups.ts'
import type { RungTimer } from '../stage.ts'
import { StageTimer } from '../timer-queue.ts'

type RestingStep = Extract<Assignment, { readonly state: 'blocked' }>

/** The kind of timer that rings when a step has rested. */
export const REST = 'rest'

/**
 * When a step that has ended is tried again; null where it is not: it was done, cancelled, or refused without being tried, it was tried as
 * often as it may be, or would begin after the job's deadline.
 */
export function restOf(entry: JobEntry, assignment: Assignment, report: SubjobEnded, now: number): number | null {
  const { job, steps } = entry
  const { outcome, attempts, failedOperations } = report
  if (steps === null || assignment.index >= steps.total || job.state === 'cancelling' || assignment.cancelled) return null
  if (outcome === 'succeeded' || outcome === 'cancelled' || attempts.length === 0 || failedOperations.length === 0) return null
  const { retries, retryIntervalMs } = steps.groupOf(assignment.index)
  if (assignment.retries >= retries) return null
  const at = now + retryIntervalMs
  return job.deadlineAt !== null && job.deadlineAt <= at ? null : at
}

/** When a restored step has rested: no later than after its whole rest, whatever the clock showed where that was decided. */
export function restedAt(steps: StepGroups, { index, restsUntil }: RestingStep, now: number): number {
  const wholeRestAt = now + steps.groupOf(index).retryIntervalMs
  return Math.min(restsUntil ?? now, wholeRestAt)
}

/** Made when it is needed first, and moved from then on. */
export function restTimer({ job, rests }: JobEntry, index: number): StageTimer {
  const known = rests.get(index)
  if (known !== undefined) return known
  const timer = new StageTimer(REST, `${index}/${job.jobId}`)
  rests.set(index, timer)
  return timer
}

/** The step whose timer it is. */
export function restedStep({ key }: RungTimer): { readonly jobId: string; readonly index: number } {
  const slash = key.indexOf('/')
  return { jobId: key.slice(slash + 1), index: Number(key.slice(0, slash)) }
}
