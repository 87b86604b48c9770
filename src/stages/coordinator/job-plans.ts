/** Makes a job's subjobs of its operations, and says what each of them waits for. */
import { type Assignment, newAssignment } from '../../domain/assignment.ts'
import type { DispatchSubjob, SubmitJob } from '../../domain/messages.ts'
import type { Operation } from '../../domain/operation.ts'
import { type LinkedPlan, linkPlans, plansFrom } from '../../domain/plan.ts'
import { type FindHandle, splitJob, type SplitLimits } from '../../domain/split.ts'
import type { JobEntry } from './job-book.ts'
import { planSteps, standingOf, submittedSoFar } from './job-steps.ts'
import { orderOf, type OrderTerms, refused } from './subjob-orders.ts'

interface Splitting {
  readonly findHandle: FindHandle
  readonly splits: SplitLimits
}

export interface PlannedOrder {
  readonly assignment: Assignment
  readonly order: DispatchSubjob
  readonly plan: LinkedPlan
}

/** Of a job whose operations are all there. */
export function plansOf(
  job: Pick<SubmitJob, 'tenant' | 'kind' | 'operations' | 'dependencies' | 'groups'>,
  { findHandle, splits }: Splitting,
): readonly LinkedPlan[] {
  if (job.groups.length > 0) return planSteps(job, findHandle, 0)
  return linkPlans(splitJob(job, findHandle, splits), job.dependencies)
}

/** Of a part of a job, whose subjobs come behind those that it has. */
export function plansOfPart(entry: JobEntry, operations: readonly Operation[], { findHandle, splits }: Splitting): readonly LinkedPlan[] {
  const { job, steps } = entry
  if (steps !== null) return planSteps({ ...job, operations }, findHandle, submittedSoFar(job))
  return plansFrom(job.subjobs.total, splitJob({ ...job, operations }, findHandle, splits))
}

export const PARENT_FAILED = 'an operation that it waits for failed'

/** What is to be handed out of the plans, and when. `refusal` says why none of it is done, if so. */
export function plannedOrders(
  entry: JobEntry,
  plans: readonly LinkedPlan[],
  { refusal, ...terms }: Omit<OrderTerms, 'steps'> & { readonly refusal: string | null },
): readonly PlannedOrder[] {
  return plans.map((plan) => {
    const { index, producerKey, children, operations, parents } = plan
    const order = orderOf(entry.job, plan, { ...terms, steps: entry.steps })
    const standing = standingOf(entry, index)
    const reason = refusal ?? (standing === 'lost' ? PARENT_FAILED : null)
    const awaited = reason === null ? parents.length + (standing === 'waits' ? 1 : 0) : 0
    const facts = { index, producerKey, children, operations: operations.length, run: terms.run }
    const assignment = newAssignment(facts, awaited + (entry.job.held ? 1 : 0))
    return { assignment, order: reason === null ? order : refused(order, reason), plan }
  })
}
