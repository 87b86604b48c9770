/**
 * Reads: callbacks (what happened to jobs with callbacks).
 * Writes: nothing but its changelog; dead letters of what was refused, or was tried for too long.
 * State: what is to be delivered, in notifier-changelog, from the notice until it is delivered or given up.
 * Invariant: of one line, one callback is delivered at a time, in the order of their notices.
 */
import type { CallbackQueued, JobNotice, Message } from '../../domain/messages.ts'
import { type RetryRules, retryDelayMs } from '../../domain/poll-schedule.ts'
import type { InputRecord } from '../../kafka/port.ts'
import type { Random } from '../../runtime/random.ts'
import type { CallbackRule, CallbackTried, DeliverCallback, DueCallback } from './callback-delivery.ts'
import { type CallbackLine, CallbackLines, type CallbackPlaces, firstOf } from './callback-lines.ts'
import type { RungTimer, Stage, Turn } from '../stage.ts'

export interface NotifierOptions {
  /** The topic of the notices, as dead letters name it. */
  readonly topic: string
  /** By dialect; jobs of others have no callbacks. */
  readonly rules: Readonly<Record<string, CallbackRule>>
  readonly places: CallbackPlaces
  readonly retries: RetryRules
  /** How long a callback is tried, from its notice on. */
  readonly tryForMs: number
  /** Of one job, that wait. */
  readonly perJobMax: number
  readonly random: Random
}

type NotifierTurn = Turn<DeliverCallback>

/** On a dead letter: which callback it is, and where it was to go. */
const ID_HEADER = 'datajob_callback_id'
const URL_HEADER = 'datajob_callback_url'

// Deleted from the changelog by each turn that delivers, and never there: ids of callbacks have a slash in them.
const DELIVERING = 'delivering'

export class Notifier implements Stage<DeliverCallback, CallbackTried> {
  readonly #options: NotifierOptions
  readonly #lines: CallbackLines
  // Of a key, only the last entry counts: lines are made when all are known.
  readonly #restoring = new Map<string, CallbackQueued>()

  constructor(options: NotifierOptions) {
    this.#options = options
    this.#lines = new CallbackLines(options.places)
  }

  load(): number {
    return this.#lines.size
  }

  restore(key: string, entry: Message | null): void {
    this.#restoring.delete(key)
    if (entry === null) return
    if (entry.type !== 'CallbackQueued') throw new Error(`broken invariant: a ${entry.type} in the notifier's changelog`)
    this.#restoring.set(key, entry)
  }

  restored(turn: NotifierTurn): void {
    for (const callback of this.#restoring.values()) this.#lines.add(callback)
    this.#restoring.clear()
    for (const line of this.#lines.all()) this.#begin(line, turn)
  }

  takeRecord(record: InputRecord, message: Message, turn: NotifierTurn): void {
    if (message.type !== 'JobNotice') {
      turn.deadLetter(record, `a ${message.type} does not belong on ${record.topic}`)
      return
    }
    for (const due of this.#options.rules[message.job.dialect]?.(message) ?? []) this.#queue(record, message, due, turn)
  }

  takeTimer({ key }: RungTimer, turn: NotifierTurn): void {
    const line = this.#lines.get(key)
    if (line === undefined) return
    line.isBusy = false
    this.#begin(line, turn)
  }

  takeCompletion({ id, line: key, outcome }: CallbackTried, turn: NotifierTurn): void {
    const line = this.#lines.get(key)
    const callback = line === undefined ? undefined : firstOf(line)
    if (line === undefined || callback?.id !== id) throw new Error(`broken invariant: "${id}" was tried, and was not the first of its line`)
    const { retries, random, tryForMs } = this.#options
    const triedForMs = turn.now - callback.queuedAt
    if (outcome.type === 'failed' && triedForMs < tryForMs) {
      line.failures += 1
      turn.wake(line.retry, turn.now + retryDelayMs(retries, line.failures, random(), outcome.retryAfterMs))
    } else {
      if (outcome.type === 'refused') this.#giveUp(callback, outcome.message, turn)
      if (outcome.type === 'failed') this.#giveUp(callback, `tried for ${triedForMs} ms: ${outcome.message}`, turn)
      turn.store(id, null)
      this.#lines.remove(line, callback)
      line.isBusy = false
      this.#begin(line, turn)
    }
    for (const next of this.#lines.leave(callback)) deliver(next, turn)
  }

  #queue(record: InputRecord, { job, at }: JobNotice, due: DueCallback, turn: NotifierTurn): void {
    const { jobId, dialect } = job
    const { partition, offset, timestampMs, value } = record
    if (value === null) throw new Error('broken invariant: a notice without a value was decoded')
    const { perJobMax } = this.#options
    const queued: CallbackQueued = {
      type: 'CallbackQueued', ...due, dialect, jobId, queuedAt: at, notice: value, partition, offset, timestampMs,
    }
    if (this.#lines.ofJob(jobId) >= perJobMax) {
      this.#giveUp(queued, `the job has ${perJobMax} callbacks waiting already`, turn)
      return
    }
    const line = this.#lines.add(queued)
    if (line === undefined) return
    turn.store(due.id, queued)
    this.#begin(line, turn)
  }

  #begin(line: CallbackLine, turn: NotifierTurn): void {
    const callback = this.#lines.begin(line)
    if (callback !== undefined) deliver(callback, turn)
  }

  #giveUp({ id, url, jobId, notice, partition, offset, timestampMs }: CallbackQueued, reason: string, turn: NotifierTurn): void {
    const headers = { [ID_HEADER]: id, [URL_HEADER]: url }
    const place = { topic: this.#options.topic, partition, offset, timestampMs }
    turn.deadLetter({ ...place, key: Buffer.from(jobId), value: Buffer.from(notice), headers }, `callback ${id}: ${reason}`)
  }
}

function deliver(callback: CallbackQueued, turn: NotifierTurn): void {
  // A turn that writes shows a lane that has lost its partition that it must not call any more: another may be further by now.
  turn.store(DELIVERING, null)
  turn.start({ type: 'DeliverCallback', callback })
}
