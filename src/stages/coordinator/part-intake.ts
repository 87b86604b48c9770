/**
 * Takes in the records with a large job's operations: those of a job in their order, each once, and no more of them in a turn than
 * leave time for the commands behind them. What is in them is read when they are split.
 */
import type { Job } from '../../domain/job.ts'
import { placeOfJobNumber } from '../../domain/job-number.ts'
import type { AddOperations } from '../../domain/messages.ts'
import { checkPart, type SubmissionLimits } from '../../domain/submission.ts'
import type { InputRecord } from '../../kafka/port.ts'
import type { JobEntry } from './job-book.ts'
import type { OperationStore } from '../operation-store.ts'
import type { Turn } from '../stage.ts'
import { StageTimer } from '../timer-queue.ts'
import { valueOf, WaitingParts } from './waiting-parts.ts'

/** How large jobs are kept from holding up others. */
export interface PortionLimits {
  /** Parts that may wait before no more commands are read. */
  readonly partsWaitingMax: number
  /** With as many subjobs open, parts wait: what is left up to the lane's bound is for other commands. */
  readonly openSubjobsMax: number
}

/** The part of a record whose head was read; or why it can't be read. */
export type DecodePart = (
  value: Buffer,
) => { readonly ok: true; readonly message: AddOperations } | { readonly ok: false; readonly cause: string }

type PartTurn = Pick<Turn<never>, 'now' | 'wake' | 'deadLetter'>
type PartHead = Pick<AddOperations, 'submission' | 'part'>

export interface PartIntakeOptions<T extends PartTurn> {
  readonly portions: PortionLimits
  readonly submissions: SubmissionLimits
  readonly store: OperationStore
  readonly decodePart: DecodePart
  readonly entryOf: (jobId: string) => JobEntry | undefined
  readonly openSubjobs: () => number
  /** Returns false, and does nothing, where it may wait for the latest of the inventory and that may help. */
  readonly split: (entry: JobEntry, part: AddOperations, mayWait: boolean, turn: T) => boolean
  /** A part of the job can't be used. */
  readonly lose: (entry: JobEntry, turn: T) => void
  /** The job has no more parts than those that were split. */
  readonly close: (entry: JobEntry, turn: T) => void
}

/** Rings when a part that waits may be split: {@link PartIntake.splitNext}. */
export const PORTION = 'portion'

/** Turns in a row that only read on, where parts wait: what stands behind them is to come first, and they are not to stand still. */
const READING_TURNS_MAX = 8

export class PartIntake<T extends PartTurn> {
  readonly #options: PartIntakeOptions<T>
  readonly #waiting: WaitingParts
  /** The last turn that has split a part, and the last that has kept one for later. */
  #splitIn: T | null = null
  #keptIn: T | null = null
  #readingTurns = 0
  readonly #portion = new StageTimer(PORTION, '')
  #hasMissed = false

  constructor(options: PartIntakeOptions<T>) {
    this.#options = options
    this.#waiting = new WaitingParts(options.store)
  }

  get isFull(): boolean {
    return this.#waiting.size >= this.#options.portions.partsWaitingMax
  }

  /** Whether a part waits for what the inventory lacked when it was to be split. */
  get hasMissed(): boolean {
    return this.#hasMissed
  }

  /** Where the first part that waits is in the command topic. */
  get keptFrom(): number | null {
    return this.#waiting.firstOffset
  }

  /** Parts that were not read yet and may still come. */
  leftOf({ jobId, partsLeft }: Job): number {
    return this.#waiting.isClosed(jobId) ? 0 : partsLeft - this.#waiting.countOf(jobId)
  }

  take(entry: JobEntry, record: InputRecord, { submission, part }: PartHead, turn: T): void {
    const { job } = entry
    const expected = this.#expectedOf(job)
    if (job.submission !== submission || part < expected || this.leftOf(job) === 0) return
    if (part === job.parts) {
      if (this.#waiting.countOf(job.jobId) === 0) this.#options.close(entry, turn)
      else this.#waiting.close(job, record)
    } else if (part > expected) {
      turn.deadLetter(record, `part ${part} came when part ${expected} was due`)
    } else if (this.#waiting.size > 0 || !this.#maySplit(turn)) {
      this.#keep(job, record, turn)
    } else if (this.#split(entry, record, { mayWait: true }, turn) === null) {
      this.#keep(job, record, turn, { isLate: true })
    }
  }

  /** A part that may have been waiting when the lane began again. */
  takeAgain({ job }: JobEntry, record: InputRecord, { submission, part }: PartHead, turn: T): void {
    // What was set aside when it was first read must not become a part now.
    if (record.offset < placeOfJobNumber(job.number).offset || this.leftOf(job) === 0 || job.submission !== submission) return
    if (part === job.parts) {
      this.#waiting.close(job, record)
      this.splitLater(turn)
    } else if (part === this.#expectedOf(job)) {
      this.#keep(job, record, turn)
    }
  }

  /** Splits the next of those that wait, if the turn has split none yet. One that has read others reads on first. */
  splitNext(turn: T): void {
    this.#hasMissed = false
    const readsOn = this.#keptIn === turn && this.#readingTurns < READING_TURNS_MAX
    this.#readingTurns = readsOn ? this.#readingTurns + 1 : 0
    if (!readsOn && this.#maySplit(turn)) this.#takeNext(turn)
    this.splitLater(turn)
  }

  /** Goes on in the next turn, which also takes what has come meanwhile; to be called as well when there may be room again. */
  splitLater(turn: T): void {
    if (this.#waiting.size > 0 && this.#hasRoom()) turn.wake(this.#portion, turn.now)
  }

  #takeNext(turn: T): void {
    const next = this.#waiting.next()
    if (next === undefined) return
    const entry = this.#options.entryOf(next.jobId)
    if (entry === undefined) throw new Error(`broken invariant: parts of the unknown job "${next.jobId}"`)
    const operations = next.record === null ? 0 : this.#split(entry, next.record, { mayWait: !next.isLate }, turn)
    if (operations === null) {
      this.#waiting.postpone(next)
      return
    }
    this.#waiting.take(next, operations)
    if (next.record === null) this.#options.close(entry, turn)
  }

  #keep(job: Job, record: InputRecord, turn: T, how?: { readonly isLate: boolean }): void {
    this.#waiting.keep(job, record, how)
    this.#keptIn = turn
    this.splitLater(turn)
  }

  /** How many operations were in it; null if it is to wait for once. */
  #split(entry: JobEntry, record: InputRecord, { mayWait }: { readonly mayWait: boolean }, turn: T): number | null {
    this.#splitIn = turn
    const part = this.#read(record, entry.job)
    if (typeof part === 'string') {
      turn.deadLetter(record, part)
      this.#options.lose(entry, turn)
      return 0
    }
    if (this.#options.split(entry, part, mayWait, turn)) return part.operations.length
    this.#hasMissed = true
    return null
  }

  /** The part, or what is wrong with it. */
  #read(record: InputRecord, { kind }: Job): AddOperations | string {
    const decoded = this.#options.decodePart(valueOf(record))
    if (!decoded.ok) return decoded.cause
    const fault = checkPart(decoded.message.operations, kind, this.#options.submissions)
    return fault === null ? decoded.message : `${fault.field}: ${fault.message}`
  }

  #maySplit(turn: T): boolean {
    return this.#splitIn !== turn && this.#hasRoom()
  }

  #hasRoom(): boolean {
    return this.#options.openSubjobs() < this.#options.portions.openSubjobsMax
  }

  #expectedOf(job: Job): number {
    return job.parts - job.partsLeft + this.#waiting.countOf(job.jobId)
  }
}
