/**
 * Reads: bulk (commands about many jobs).
 * Writes: commands, one about each job that was found; bulk-changelog.
 * State: how far the command at hand has come, in bulk-changelog, while it takes more than one turn.
 * Invariant: one command after the other; its record is done with in the turn that writes the last of what it asks for.
 */
import type { CommandJobs, JobCondition, JobsCommanded } from '../domain/bulk.ts'
import type { JobCommandMessage, Message } from '../domain/messages.ts'
import type { InputRecord } from '../kafka/port.ts'
import type { RungTimer, Stage, Turn } from './stage.ts'
import { StageTimer } from './timer-queue.ts'

/** Asks the read model, once it has come past all that was written before. */
export interface FindJobs {
  readonly type: 'FindJobs'
  readonly commandId: string
  readonly conditions: readonly JobCondition[]
  /** Only jobs whose number is above that. */
  readonly after: number
}

export interface FoundJob {
  readonly number: number
  readonly jobId: string
  readonly run: number
}

/** `jobs` are all that there are, by number; null where the read model has not come far enough yet. */
export interface JobsFound {
  readonly commandId: string
  readonly jobs: readonly FoundJob[] | null
}

export interface BulkOptions {
  readonly homePartition: (jobId: string) => number
  /** Jobs that are commanded in one turn. */
  readonly portionMax: number
}

type BulkTurn = Turn<FindJobs>

interface WaitingCommand {
  readonly offset: number
  readonly command: CommandJobs
}

/** Under this key, what the changelog says of the command at hand. */
const PROGRESS = 'progress'
const PORTION = 'portion'
const LOOK_AGAIN_MS = 500

export class BulkCommander implements Stage<FindJobs, JobsFound> {
  readonly #options: BulkOptions
  // Kept in memory only: the lane's position stays before the first of them, and they are read again after a restart (ADR 10).
  readonly #waiting: WaitingCommand[] = []
  /** For the first one, and how many of them have their commands. */
  #found: readonly FoundJob[] = []
  #commanded = 0
  #progress: JobsCommanded | null = null
  readonly #nextPortion = new StageTimer(PORTION, '')
  readonly #nextLook = new StageTimer('look', '')

  constructor(options: BulkOptions) {
    this.#options = options
  }

  load(): number {
    return this.#waiting.length
  }

  keptFrom(): number | null {
    return this.#waiting[0]?.offset ?? null
  }

  restore(_key: string, entry: Message | null): void {
    if (entry !== null && entry.type !== 'JobsCommanded') throw new Error(`broken invariant: a ${entry.type} in the bulk changelog`)
    this.#progress = entry
  }

  restored(): void {
    // What was at hand is read again.
  }

  takeRecord(record: InputRecord, message: Message, turn: BulkTurn): void {
    if (message.type === 'CommandJobs') this.#queue({ offset: record.offset, command: message }, turn)
    else turn.deadLetter(record, `a ${message.type} does not belong on ${record.topic}`)
  }

  takeAgain({ offset }: InputRecord, message: Message, turn: BulkTurn): void {
    if (message.type === 'CommandJobs') this.#queue({ offset, command: message }, turn)
  }

  takeTimer({ kind }: RungTimer, turn: BulkTurn): void {
    const first = this.#waiting[0]
    if (first === undefined) return
    if (kind === PORTION) this.#commandPortion(first.command, turn)
    else this.#find(first, turn)
  }

  takeCompletion({ commandId, jobs }: JobsFound, turn: BulkTurn): void {
    const first = this.#waiting[0]
    if (first?.command.commandId !== commandId) throw new Error(`broken invariant: ${commandId} is not at hand, and its jobs were found`)
    if (jobs === null) {
      turn.wake(this.#nextLook, turn.now + LOOK_AGAIN_MS)
      return
    }
    this.#found = jobs
    this.#commanded = 0
    this.#commandPortion(first.command, turn)
  }

  #queue(waiting: WaitingCommand, turn: BulkTurn): void {
    if (this.#waiting.push(waiting) === 1) this.#find(waiting, turn)
  }

  // After the turn is committed: what the command before it asked for is then on the command topic, and waited for.
  #find({ command: { commandId, conditions } }: WaitingCommand, turn: BulkTurn): void {
    const after = this.#progress?.commandId === commandId ? this.#progress.number : -1
    turn.start({ type: 'FindJobs', commandId, conditions, after })
  }

  #commandPortion(command: CommandJobs, turn: BulkTurn): void {
    const { homePartition, portionMax } = this.#options
    const portion = this.#found.slice(this.#commanded, this.#commanded + portionMax)
    this.#commanded += portion.length
    for (const job of portion) turn.publish('commands', job.jobId, commandOf(command, job), { partition: homePartition(job.jobId) })
    const last = portion.at(-1)
    if (last !== undefined && this.#commanded < this.#found.length) {
      this.#progress = { type: 'JobsCommanded', commandId: command.commandId, number: last.number }
      turn.store(PROGRESS, this.#progress)
      turn.wake(this.#nextPortion, turn.now)
      return
    }
    this.#found = []
    this.#progress = null
    // Said even where nothing was: a turn that says something is written, and with it that the record is done with.
    turn.store(PROGRESS, null)
    this.#waiting.shift()
    const next = this.#waiting[0]
    if (next !== undefined) this.#find(next, turn)
  }
}

function commandOf({ action, requestedBy, authorization, priority }: CommandJobs, { jobId, run }: FoundJob): JobCommandMessage {
  switch (action) {
    case 'cancel':
      return { type: 'AbandonJob', jobId, requestedBy }
    case 'requeue':
      // The run after the one that was found: a job that has been requeued meanwhile is not requeued once more.
      return { type: 'RetryJob', jobId, run: run + 1, requestedBy, authorization, priority }
  }
}
