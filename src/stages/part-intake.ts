/**
 * Takes in the records with a large job's operations: those of a job in their order, each once, and no more of them in a turn than
 * leave time for the commands behind them.
 */
import type { Job } from '../domain/job.ts'
import { placeOfJobNumber } from '../domain/job-number.ts'
import type { AddOperations } from '../domain/messages.ts'
import { checkPart, type SubmissionLimits } from '../domain/submission.ts'
import type { InputRecord } from '../kafka/port.ts'
import type { JobEntry } from './job-book.ts'
import type { OperationStore } from './operation-store.ts'
import type { Turn } from './stage.ts'
import { type NextPart, WaitingParts } from './waiting-parts.ts'

/** How large jobs are kept from holding up others. */
export interface PortionLimits {
  /** Parts that one turn splits at most; the others wait. */
  readonly partsPerTurnMax: number
  /** Parts that may wait before no more commands are read. */
  readonly partsWaitingMax: number
  /** With as many subjobs open, parts wait: what is left up to the lane's bound is for other commands. */
  readonly openSubjobsMax: number
}

type PartTurn = Pick<Turn<never>, 'now' | 'wake' | 'deadLetter'>

export interface PartIntakeOptions<T extends PartTurn> {
  readonly portions: PortionLimits
  readonly submissions: SubmissionLimits
  readonly store: OperationStore
  readonly entryOf: (jobId: string) => JobEntry | undefined
  readonly openSubjobs: () => number
  readonly split: (entry: JobEntry, part: NextPart, turn: T) => void
  /** The job has no more parts than those that were split. */
  readonly close: (entry: JobEntry, turn: T) => void
}

/** Rings when parts that wait may be split: {@link PartIntake.splitSome}. */
export const PORTION_TIMER = 'portion:'

export class PartIntake<T extends PartTurn> {
  readonly #options: PartIntakeOptions<T>
  readonly #waiting: WaitingParts
  /** The turn that has split parts last, and how many. */
  #split: { readonly turn: T | null; readonly parts: number } = { turn: null, parts: 0 }

  constructor(options: PartIntakeOptions<T>) {
    this.#options = options
    this.#waiting = new WaitingParts(options.store)
  }

  get isFull(): boolean {
    return this.#waiting.size >= this.#options.portions.partsWaitingMax
  }

  /** Where the first part that waits is in the command topic. */
  get keptFrom(): number | null {
    return this.#waiting.firstOffset
  }

  /** Parts that were not read yet and may still come. */
  leftOf({ jobId, partsLeft }: Job): number {
    return this.#waiting.isClosed(jobId) ? 0 : partsLeft - this.#waiting.countOf(jobId)
  }

  take(entry: JobEntry, record: InputRecord, part: AddOperations, turn: T): void {
    const { job } = entry
    const expected = this.#expectedOf(job)
    if (job.submission !== part.submission || part.part < expected || this.leftOf(job) === 0) return
    if (part.part === job.parts) {
      if (this.#waiting.countOf(job.jobId) === 0) this.#options.close(entry, turn)
      else this.#waiting.close(job, record.offset)
      return
    }
    const fault = checkPart(part.operations, job.kind, this.#options.submissions)
    if (fault !== null || part.part > expected) {
      turn.deadLetter(record, fault === null ? `part ${part.part} came when part ${expected} was due` : `${fault.field}: ${fault.message}`)
      return
    }
    if (this.#waiting.size === 0 && this.#maySplit(turn)) this.#splitOne(entry, part, turn)
    else this.#keep(job, record, part, turn)
  }

  /** A part that may have been waiting when the lane began again. */
  takeAgain({ job }: JobEntry, record: InputRecord, part: AddOperations, turn: T): void {
    // What was set aside when it was first read must not become a part now.
    if (record.offset < placeOfJobNumber(job.number).offset || this.leftOf(job) === 0 || job.submission !== part.submission) return
    if (part.part === job.parts) {
      this.#waiting.close(job, record.offset)
      this.splitLater(turn)
      return
    }
    if (part.part !== this.#expectedOf(job)) return
    if (checkPart(part.operations, job.kind, this.#options.submissions) === null) this.#keep(job, record, part, turn)
  }

  /** Splits as many of those that wait as a turn may. */
  splitSome(turn: T): void {
    while (this.#maySplit(turn)) {
      const next = this.#waiting.takeNext()
      if (next === undefined) return
      const entry = this.#options.entryOf(next.jobId)
      if (entry === undefined) throw new Error(`broken invariant: parts of the unknown job "${next.jobId}"`)
      if (next.part === null) this.#options.close(entry, turn)
      else this.#splitOne(entry, next.part, turn)
    }
    this.splitLater(turn)
  }

  /** Goes on in the next turn, which also takes what has come meanwhile; to be called as well when there may be room again. */
  splitLater(turn: T): void {
    if (this.#waiting.size > 0 && this.#hasRoom()) turn.wake(PORTION_TIMER, turn.now)
  }

  #keep(job: Job, record: InputRecord, part: AddOperations, turn: T): void {
    this.#waiting.keep(job, part, record.offset)
    this.splitLater(turn)
  }

  #splitOne(entry: JobEntry, part: NextPart, turn: T): void {
    this.#split = { turn, parts: this.#split.turn === turn ? this.#split.parts + 1 : 1 }
    this.#options.split(entry, part, turn)
  }

  #maySplit(turn: T): boolean {
    const parts = this.#split.turn === turn ? this.#split.parts : 0
    return parts < this.#options.portions.partsPerTurnMax && this.#hasRoom()
  }

  #hasRoom(): boolean {
    return this.#options.openSubjobs() < this.#options.portions.openSubjobsMax
  }

  #expectedOf(job: Job): number {
    return job.parts - job.partsLeft + this.#waiting.countOf(job.jobId)
  }
}
