/** What the coordinator makes of a job's plans: the order for a subjob's owner, and the word of it for those who look on. */
import type { Assignment } from '../../domain/assignment.ts'
import type { ProducerKey } from '../../domain/ids.ts'
import type { Job } from '../../domain/job.ts'
import type { DispatchSubjob, PlannedSubjob, SubjobEnded } from '../../domain/messages.ts'
import type { LinkedPlan } from '../../domain/plan.ts'
import { ResponseCode } from '../../domain/response-code.ts'
import type { SubjobPlan } from '../../domain/split.ts'
import type { StepGroups } from '../../domain/step-groups.ts'
import type { Turn } from '../stage.ts'

/** What all subjobs of a job or a part of it have in common, beside the job. */
export interface OrderTerms {
  readonly run: number
  readonly authorization: string | null
  /** Of a job in steps, which say themselves what follows what. */
  readonly steps: Pick<StepGroups, 'groupOf'> | null
}

export function orderOf(
  job: Job,
  plan: LinkedPlan & { readonly refusalMessage?: string },
  { steps, ...terms }: OrderTerms,
): DispatchSubjob {
  const { jobId, tenant, kind, destination, dataAcceptType, dataContentType, priority, attemptsMax, deadlineAt, traceparent } = job
  const { index, producerKey, service, dataProducerId, refusal, operations, refusalMessage = null } = plan
  const { dialect, dialectData } = job
  const generator = steps?.groupOf(index).generates === true ? { dialect, dialectData } : null
  return {
    type: 'DispatchSubjob',
    ...{ jobId, tenant, index, producerKey, service, dataProducerId, kind, destination, dataAcceptType, dataContentType },
    ...{ refusal, refusalMessage, cancelled: false, priority, attemptsMax, deadlineAt, traceparent, called: false, operations, ...terms },
    ...{ ordered: steps === null, generator },
  }
}

export const JOB_CANCELLED = 'the job was cancelled'
export const SUBJOB_CANCELLED = 'it was cancelled'
const NOT_ALL_READY = 'the job is strict, and not all of its operations have a handle that is ready'

/** Why none of these is to be done, whoever answers for them. Of a strict job in parts, each part is judged by itself. */
export function refusalOf(job: Job, plans: readonly SubjobPlan[]): string | null {
  if (job.state === 'cancelling') return JOB_CANCELLED
  return job.strict && plans.some(({ refusal }) => refusal !== null) ? NOT_ALL_READY : null
}

/** The order for a subjob that no producer is asked about after all. */
export function refused(order: DispatchSubjob, message: string): DispatchSubjob {
  return order.refusal === null ? { ...order, refusal: ResponseCode.Rejected, refusalMessage: message, service: '' } : order
}

/** The order for a subjob that was cancelled before it was handed out. */
export function cancelled(order: DispatchSubjob, message: string): DispatchSubjob {
  return { ...refused(order, message), cancelled: true }
}

// What no producer is asked for need not gather at one owner.
export function publishOrder(order: DispatchSubjob, turn: Turn<never>): void {
  turn.publish('subjobs', order.service === '' ? order.jobId : order.producerKey, order)
}

/** Asks its owner to end it before its time. */
export function askToStop({ jobId }: Job, { index, run, producerKey }: Assignment, message: string, turn: Turn<never>): void {
  turn.publish('subjobs', producerKey, { type: 'CancelSubjob', jobId, index, run, message })
}

/** Asks its owner to give it back, if its producer was not called yet. */
export function recall({ jobId }: Job, { index, run, producerKey }: Assignment, turn: Turn<never>): void {
  turn.publish('subjobs', producerKey, { type: 'RecallSubjob', jobId, index, run })
}

/** @param retryAt when it is tried again by itself; null of any other */
export function plannedOf(order: DispatchSubjob, parents: readonly number[], retryAt: number | null = null): PlannedSubjob {
  const { index, run, service, dataProducerId, operations } = order
  return { index, run, service, dataProducerId, operations: operations.length, parents, retryAt }
}

// About 100 bytes each, and a record has room for a megabyte.
const PLANNED_MAX = 4_000

export function publishPlanned(jobId: string, subjobs: readonly PlannedSubjob[], turn: Turn<never>): void {
  for (let from = 0; from < subjobs.length; from += PLANNED_MAX) {
    const some = subjobs.slice(from, from + PLANNED_MAX)
    turn.publish('subjobEvents', jobId, { type: 'SubjobsPlanned', jobId, subjobs: some, at: turn.now })
  }
}

/** What is left of an ended subjob for another run; null when nothing is. Who does it then is decided then. */
export function remainderOf(job: Job, { index, producerKey, run }: Assignment, { failedOperations }: SubjobEnded): DispatchSubjob | null {
  if (failedOperations.length === 0) return null
  const nobody = { producerKey: producerKey as ProducerKey, service: '', dataProducerId: '', refusal: null, parents: [], children: [] }
  return orderOf(job, { ...nobody, index, operations: failedOperations }, { run, authorization: null, steps: null })
}
