/** Hands a job's subjobs to their owners, each once what it waits for is there: those before it, its client, or that it is to end. */
import { type Assignment, decideParentEnded, decideRested, evolveAssignment } from '../../domain/assignment.ts'
import { isHeld, type Job } from '../../domain/job.ts'
import type { DispatchSubjob, SubjobEnded } from '../../domain/messages.ts'
import type { LinkedPlan } from '../../domain/plan.ts'
import type { FindHandle } from '../../domain/split.ts'
import type { JobBook, JobEntry } from './job-book.ts'
import { plannedOrders } from './job-plans.ts'
import { planSteps } from './job-steps.ts'
import type { Turn } from '../stage.ts'
import { restedAt, restTimer } from './step-rests.ts'
import {
  askToStop, cancelled, JOB_CANCELLED, orderOf, plannedOf, publishOrder, publishPlanned, recall, refused,
  SUBJOB_CANCELLED,
} from './subjob-orders.ts'

type HandingTurn = Turn<never>

export class SubjobHands {
  readonly #book: JobBook
  readonly #findHandle: FindHandle

  constructor(book: JobBook, findHandle: FindHandle) {
    this.#book = book
    this.#findHandle = findHandle
  }

  /** What a job, or a part of it, was split into. */
  assignAll(entry: JobEntry, plans: readonly LinkedPlan[], terms: Parameters<typeof plannedOrders>[2], turn: HandingTurn): void {
    const planned = plannedOrders(entry, plans, terms)
    for (const { assignment, order } of planned) this.hand(entry, assignment, order, turn)
    publishPlanned(entry.job.jobId, planned.map(({ order, plan }) => plannedOf(order, plan.parents)), turn)
  }

  /** Dispatches a subjob, or holds it where it is blocked. */
  hand(entry: JobEntry, assignment: Assignment, order: DispatchSubjob, turn: HandingTurn): void {
    const isBlocked = assignment.state === 'blocked'
    this.#book.changeAssignment(entry, assignment, isBlocked ? order : null, turn)
    if (!isBlocked) publishOrder(order, turn)
  }

  /** Something that the subjob waits for has come. `refusal` says why it is not run, if so; null where it may be. */
  awaitsOneFewer(entry: JobEntry, blocked: Assignment, refusal: string | null, turn: HandingTurn): void {
    const held = this.#book.held(entry, blocked.index)
    if (blocked.state !== 'blocked' || held === undefined) return
    const order = refusal === null ? held : refused(held, refusal)
    this.hand(entry, decideParentEnded(blocked).reduce(evolveAssignment, blocked), order, turn)
  }

  /**
   * Puts what has ended at rest, until it is tried again by itself. Its operations are split as they are now: who answers for them may be
   * another one.
   */
  rest(entry: JobEntry, ended: Assignment, { failedOperations: operations }: SubjobEnded, restsUntil: number, turn: HandingTurn): void {
    const { job, authorization } = entry
    const { index } = ended
    const [plan] = planSteps({ ...job, operations }, this.#findHandle, index)
    if (plan === undefined) throw new Error('broken invariant: a step without an operation is tried again')
    const parents = 1 + (isHeld(job, index) ? 1 : 0)
    const again = { type: 'SubjobRetried', producerKey: plan.producerKey, operations: operations.length, parents, restsUntil } as const
    const order = orderOf(job, plan, { run: ended.run + 1, authorization, steps: entry.steps })
    this.hand(entry, evolveAssignment(ended, again), order, turn)
    publishPlanned(job.jobId, [plannedOf(order, [], restsUntil)], turn)
    turn.wake(restTimer(entry, index), restsUntil)
  }

  /** After a restart: sets the timers of those that rest. */
  restoreRests(entry: JobEntry, turn: HandingTurn): void {
    if (entry.steps === null) return
    for (const assignment of entry.assignments.values()) {
      if (assignment.state === 'blocked' && assignment.restsUntil !== null) {
        turn.wake(restTimer(entry, assignment.index), restedAt(entry.steps, assignment, turn.now))
      }
    }
  }

  /** The timer of a step has rung: it has rested, unless it was cancelled meanwhile. */
  rested(entry: JobEntry, index: number, turn: HandingTurn): void {
    const resting = entry.assignments.get(index)
    const held = this.#book.held(entry, index)
    if (resting === undefined || held === undefined) return
    const events = decideRested(resting)
    if (events.length > 0) this.hand(entry, events.reduce(evolveAssignment, resting), held, turn)
  }

  /** The job is held: what was not begun waits for its release. `before` is the job as it was. */
  holdAll(entry: JobEntry, before: Job, turn: HandingTurn): void {
    for (const assignment of [...entry.assignments.values()]) {
      const { index, state } = assignment
      if (state === 'dispatched' && !assignment.cancelled) recall(entry.job, assignment, turn)
      if (state !== 'blocked' || isHeld(before, index)) continue
      this.#book.changeAssignment(entry, evolveAssignment(assignment, { type: 'SubjobHeld' }), this.#heldOf(entry, index), turn)
    }
  }

  /** A subjob was given back. What has happened to its job meanwhile counts. */
  takeBack(entry: JobEntry, assignment: Assignment, order: DispatchSubjob, turn: HandingTurn): void {
    const { job } = entry
    const called = job.state === 'cancelling' ? JOB_CANCELLED : assignment.cancelled ? SUBJOB_CANCELLED : null
    if (called !== null) this.hand(entry, assignment, cancelled(order, called), turn)
    else if (isHeld(job, order.index)) this.hand(entry, evolveAssignment(assignment, { type: 'SubjobRecalled' }), order, turn)
    else this.hand(entry, assignment, order, turn)
  }

  /** The job is cancelled: what was not handed out is so to be reported only. */
  cancelAll(entry: JobEntry, turn: HandingTurn): void {
    for (const assignment of [...entry.assignments.values()]) {
      if (assignment.state === 'dispatched') askToStop(entry.job, assignment, JOB_CANCELLED, turn)
      if (assignment.state !== 'blocked') continue
      const order = cancelled(this.#heldOf(entry, assignment.index), JOB_CANCELLED)
      this.hand(entry, evolveAssignment(assignment, { type: 'SubjobReleased' }), order, turn)
    }
  }

  /** Some of its subjobs are cancelled, and the job goes on. */
  cancelSome(entry: JobEntry, indexes: ReadonlySet<number>, turn: HandingTurn): void {
    for (const index of indexes) {
      const assignment = entry.assignments.get(index)
      if (assignment === undefined || assignment.state === 'ended' || assignment.cancelled) continue
      const after = evolveAssignment(assignment, { type: 'SubjobCancelled' })
      if (assignment.state === 'blocked') {
        this.hand(entry, after, cancelled(this.#heldOf(entry, index), SUBJOB_CANCELLED), turn)
      } else {
        this.#book.changeAssignment(entry, after, null, turn)
        askToStop(entry.job, assignment, SUBJOB_CANCELLED, turn)
      }
    }
  }

  #heldOf(entry: JobEntry, index: number): DispatchSubjob {
    const held = this.#book.held(entry, index)
    if (held === undefined) throw new Error(`broken invariant: nothing is held of the blocked subjob ${index}`)
    return held
  }
}
