/** Hands a job's subjobs to their owners, each once what it waits for is there: those before it, its client, or that it is to end. */
import { type Assignment, decideParentEnded, evolveAssignment } from '../domain/assignment.ts'
import type { DispatchSubjob } from '../domain/messages.ts'
import type { LinkedPlan } from '../domain/plan.ts'
import type { JobBook, JobEntry } from './job-book.ts'
import { plannedOrders } from './job-plans.ts'
import type { Turn } from './stage.ts'
import {
  askToStop, cancelled, JOB_CANCELLED, plannedOf, publishOrder, publishPlanned, refused, SUBJOB_CANCELLED,
} from './subjob-orders.ts'

type HandingTurn = Turn<never>

export class SubjobHands {
  readonly #book: JobBook

  constructor(book: JobBook) {
    this.#book = book
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
