/** A job in steps, as its coordinator holds it: what becomes of a step when it is split, and when another one has ended. */
import type { Assignment } from '../../domain/assignment.ts'
import type { Job } from '../../domain/job.ts'
import type { Operation } from '../../domain/operation.ts'
import type { LinkedPlan } from '../../domain/plan.ts'
import { type FindHandle, managedObjectOf, routeOf } from '../../domain/split.ts'
import type { SubmitJob } from '../../domain/messages.ts'
import type { JobEntry } from './job-book.ts'

/** Each operation as a subjob of its own, the first with the number `from`. Which wait for which is the groups' to say. */
export function planSteps(
  { tenant, kind, operations }: Pick<SubmitJob, 'tenant' | 'kind'> & { readonly operations: readonly Operation[] },
  findHandle: FindHandle,
  from: number,
): readonly LinkedPlan[] {
  return operations.map((operation, position) => {
    const handle = findHandle(managedObjectOf(operation.path), tenant)
    const routed = { ...operation, moduleSetTag: handle?.moduleSetTag ?? '' }
    return { index: from + position, ...routeOf(handle, kind), operations: [routed], parents: [], children: [] }
  })
}

/** Whether what it waits for is done, is to come, or never comes in this run. Of a job without groups nothing is known of it here. */
export function standingOf({ steps }: JobEntry, index: number): 'free' | 'waits' | 'lost' {
  if (steps === null) return 'free'
  if (index >= steps.total || steps.isLost(index)) return 'lost'
  return steps.mayBegin(index) ? 'free' : 'waits'
}

/** The subjobs that this one's end means something to: those that may begin now, or never will. */
export function awaitingSteps({ steps }: JobEntry, ended: Assignment): readonly number[] {
  if (steps === null || ended.state !== 'ended' || ended.index >= steps.total) return []
  return ended.outcome === 'succeeded' ? steps.succeed(ended.index) : steps.fail(ended.index)
}

/** Counts anew what the changelog has of it: subjobs that are not there any more have succeeded. */
export function recountSteps(entry: JobEntry): void {
  const { steps, job, assignments } = entry
  if (steps === null) return
  const submitted = steps.total - generatedSteps(job)
  for (let index = 0; index < steps.total; index += 1) {
    // What is in parts that were not read yet has not begun.
    if (index >= submittedSoFar(job) && index < submitted) continue
    const assignment = assignments.get(index)
    if (assignment === undefined) steps.succeed(index)
    else awaitingSteps(entry, assignment)
  }
}

/** How many of the steps that the job was submitted with are known: one in parts has the others after these. */
export function submittedSoFar(job: Job): number {
  return job.subjobs.total - generatedSteps(job)
}

function generatedSteps({ generated }: Job): number {
  return generated.reduce((sum, { steps }) => sum + steps, 0)
}

/** Whether each of its steps is where its groups say that it is. One of which a part is lost is not carried on. */
export function hasAllSteps({ steps, job }: JobEntry): boolean {
  return steps === null || steps.total === job.subjobs.total
}
