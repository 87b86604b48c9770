/**
 * Reads: subjobs (keyed by the producer).
 * Writes: subjob-events; results on clients' topics.
 * State: its subjobs' life at the producers, in dispatcher-changelog: what was asked for once, how far it came as it goes.
 * Invariant: one owner per producer: only the lane of the partition that murmur2 of the producer's key names calls it.
 */
import { jobId as asJobId, subjobId } from '../domain/ids.ts'
import type { DispatchSubjob, Message } from '../domain/messages.ts'
import { pollDelayMs, type PollRules, retryDelayMs, type RetryRules } from '../domain/poll-schedule.ts'
import { messageOf } from '../domain/response-code.ts'
import {
  type CallFailure,
  decideSubjob,
  durableSubjobEvents,
  evolveSubjob,
  newSubjob,
  type ProducerStatus,
  type Publication,
  type PublicationSource,
  type Subjob,
  type SubjobCommand,
  type SubjobEvent,
  type SubjobLimits,
} from '../domain/subjob.ts'
import type { InputRecord, OutputRecord } from '../kafka/port.ts'
import type { Random } from '../runtime/random.ts'
import { type CalledSubjob, calledSince } from './called-since.ts'
import { ProducerQueue, type QueuedSubjob } from './producer-queue.ts'
import type { Stage, Turn } from './stage.ts'

interface Call {
  readonly subjobId: string
  /** Which attempt it belongs to; what comes back for another one is too late. */
  readonly attempt: number
  readonly dispatch: DispatchSubjob
}

export type DispatcherEffect =
  | (Call & { readonly type: 'SubmitSubjob' })
  | (Call & { readonly type: 'PollSubjob'; readonly dataProducerJobId: string })
  | (Call & { readonly type: 'PublishResult'; readonly source: PublicationSource; readonly calledSince: number })

interface Reply {
  readonly subjobId: string
  readonly attempt: number
}

export type DispatcherCompletion =
  | (Reply & { readonly type: 'Submitted'; readonly dataProducerJobId: string })
  | (Reply & { readonly type: 'Polled'; readonly status: ProducerStatus })
  | (Reply & { readonly type: 'CallFailed'; readonly failure: CallFailure; readonly retryAfterMs: number })
  | (Reply & { readonly type: 'Published'; readonly records: readonly OutputRecord[]; readonly publication: Publication })
  | (Reply & { readonly type: 'SinkFailed'; readonly failure: CallFailure })

export interface DispatcherOptions {
  /** Names this process in attempts. */
  readonly worker: string
  readonly random: Random
  readonly polls: PollRules
  readonly retries: RetryRules
  readonly callFailuresMax: number
  /** Subjobs that one producer of the service works on at a time. */
  readonly subjobsInFlightMax: (service: string) => number
  /** After a restart, polls begin spread over this time. */
  readonly resumeSpreadMs: number
}

interface Entry extends CalledSubjob {
  readonly dispatch: DispatchSubjob
  subjob: Subjob
  /** Whether it counts against its producer's limit now. */
  occupies: boolean
  calledSince: number | null
}

type DispatcherTurn = Turn<DispatcherEffect>

const SPEC_PREFIX = 'spec:'
const PROGRESS_PREFIX = 'progress:'

export class Dispatcher implements Stage<DispatcherEffect, DispatcherCompletion> {
  readonly #options: DispatcherOptions
  readonly #entries = new Map<string, Entry>()
  readonly #queues = new Map<string, ProducerQueue>()

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  load(): number {
    return this.#entries.size
  }

  restore(key: string, message: Message | null, writtenAt: number): void {
    if (key.startsWith(SPEC_PREFIX)) {
      const id = key.slice(SPEC_PREFIX.length)
      if (message?.type === 'DispatchSubjob') this.#entries.set(id, newEntry(message))
      else this.#entries.delete(id)
      return
    }
    const entry = this.#entries.get(key.slice(PROGRESS_PREFIX.length))
    if (entry === undefined || message?.type !== 'SubjobProgressed') return
    entry.subjob = message.subjob
    // Before its first call something is stored: what became of a call that nobody has heard of, the producer alone knows.
    entry.calledSince ??= writtenAt
  }

  restored(turn: DispatcherTurn): void {
    for (const [id, entry] of this.#entries) this.#resume(id, entry, turn)
    for (const key of this.#queues.keys()) this.#pump(key, turn)
  }

  takeRecord(record: InputRecord, message: Message, turn: DispatcherTurn): void {
    if (message.type !== 'DispatchSubjob') {
      turn.deadLetter(record, `a ${message.type} does not belong on ${record.topic}`)
      return
    }
    const id = subjobId(asJobId(message.jobId), message.index)
    if (this.#entries.has(id)) return
    const entry = newEntry(message)
    this.#entries.set(id, entry)
    turn.store(SPEC_PREFIX + id, message)
    this.#enqueue(id, entry, turn)
    this.#pump(message.producerKey, turn)
  }

  takeTimer(id: string, turn: DispatcherTurn): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    switch (entry.subjob.state) {
      case 'queued':
        this.#queueOf(entry).retry(queuedOf(id, entry))
        this.#pump(entry.dispatch.producerKey, turn)
        return
      case 'polling': {
        const { dataProducerJobId } = entry.subjob
        turn.start({ type: 'PollSubjob', dataProducerJobId, ...callOf(id, entry) })
        return
      }
      case 'publishing':
        this.#publish(id, entry, entry.subjob.source, turn)
        return
      case 'submitting':
      case 'ended':
        return
    }
  }

  takeCompletion(completion: DispatcherCompletion, turn: DispatcherTurn): void {
    const entry = this.#entries.get(completion.subjobId)
    if (entry === undefined || attemptOf(entry) !== completion.attempt) return
    if (completion.type === 'Published' && entry.subjob.state === 'publishing') turn.deliver(completion.records)
    this.#decide(completion.subjobId, entry, this.#commandOf(completion, entry, turn), turn)
    this.#callAgain(completion, entry, turn)
    this.#pump(entry.dispatch.producerKey, turn)
  }

  #commandOf(completion: DispatcherCompletion, entry: Entry, turn: DispatcherTurn): SubjobCommand {
    const at = turn.now
    switch (completion.type) {
      case 'Submitted':
        return { type: 'RecordSubmission', dataProducerJobId: completion.dataProducerJobId }
      case 'Polled':
        return { type: 'RecordStatus', status: completion.status }
      case 'CallFailed': {
        const retryAt = at + this.#retryDelayMs(entry.subjob.attempts.length + 1, completion.retryAfterMs)
        return { type: 'RecordCallFailure', failure: completion.failure, at, retryAt }
      }
      case 'Published':
        return { type: 'RecordPublication', publication: completion.publication, at }
      case 'SinkFailed':
        return { type: 'RecordSinkFailure', failure: completion.failure, operations: entry.dispatch.operations.length, at }
    }
  }

  #decide(id: string, entry: Entry, command: SubjobCommand, turn: DispatcherTurn): void {
    const limits: SubjobLimits = {
      attemptsMax: entry.dispatch.attemptsMax,
      callFailuresMax: this.#options.callFailuresMax,
    }
    const events = decideSubjob(entry.subjob, command, limits)
    for (const event of events) {
      const before = entry.subjob
      entry.subjob = evolveSubjob(before, event)
      this.#follow(id, entry, event, turn)
    }
    const ended = entry.subjob.state === 'ended'
    if (!ended && events.some((event) => durableSubjobEvents.has(event.type))) this.#storeProgress(id, entry, turn)
  }

  /** What an event means for the world outside the subjob's own state. */
  #follow(id: string, entry: Entry, event: SubjobEvent, turn: DispatcherTurn): void {
    const { jobId, index } = entry.dispatch
    switch (event.type) {
      case 'AttemptStarted':
        turn.start({ type: 'SubmitSubjob', ...callOf(id, entry) })
        return
      case 'SubjobSubmitted':
        if (entry.subjob.state === 'polling') {
          const { attempt, dataProducerJobId } = entry.subjob
          const started = { attempt: attempt.number, worker: attempt.worker, at: attempt.startedAt, dataProducerJobId }
          turn.publish('subjobEvents', jobId, { type: 'SubjobStarted', jobId, index, ...started })
        }
        return
      case 'AttemptFailed':
        turn.publish('subjobEvents', jobId, { type: 'SubjobAttemptFailed', jobId, index, attempt: event.attempt })
        this.#queueOf(entry).pause()
        entry.occupies = false
        return
      case 'SubjobRequeued':
        turn.wake(id, event.notBefore)
        return
      case 'ProducerFinished':
      case 'SubjobFailed':
        if (entry.subjob.state === 'publishing') this.#publish(id, entry, entry.subjob.source, turn)
        return
      case 'SubjobEnded':
        this.#end(id, entry, turn)
        return
      case 'CallFailed':
      case 'PollAnswered':
      case 'PublicationFailed':
      case 'AttemptEnded':
        return
    }
  }

  #end(id: string, entry: Entry, turn: DispatcherTurn): void {
    if (entry.subjob.state !== 'ended') throw new Error('broken invariant: an ended subjob is not ended')
    const { end, attempts } = entry.subjob
    const { jobId, index } = entry.dispatch
    turn.publish('subjobEvents', jobId, { type: 'SubjobEnded', jobId, index, ...end, attempts })
    turn.store(SPEC_PREFIX + id, null)
    turn.store(PROGRESS_PREFIX + id, null)
    this.#entries.delete(id)
    const queue = this.#queueOf(entry)
    queue.end(queuedOf(id, entry), entry.occupies)
    if (queue.idle) this.#queues.delete(entry.dispatch.producerKey)
  }

  #enqueue(id: string, entry: Entry, turn: DispatcherTurn): void {
    const { refusal } = entry.dispatch
    if (refusal === null) this.#queueOf(entry).add(queuedOf(id, entry))
    else this.#decide(id, entry, { type: 'RefuseSubjob', code: refusal, message: messageOf(refusal) }, turn)
  }

  #pump(producerKey: string, turn: DispatcherTurn): void {
    const queue = this.#queues.get(producerKey)
    if (queue === undefined) return
    const service = producerKey.slice(0, producerKey.indexOf('#'))
    const runningMax = this.#options.subjobsInFlightMax(service)
    for (let next = queue.take(runningMax); next !== undefined; next = queue.take(runningMax)) {
      const entry = this.#entries.get(next.subjobId)
      if (entry === undefined) throw new Error(`broken invariant: the queued subjob "${next.subjobId}" is unknown`)
      entry.occupies = true
      entry.calledSince ??= turn.now
      // Nothing changes yet, but a turn that writes shows a lane that has lost its partition that it must not call any more.
      this.#storeProgress(next.subjobId, entry, turn)
      // After a restart a first attempt that nothing came of is still the same one.
      const at = entry.subjob.attempts.length === 0 ? entry.calledSince : turn.now
      this.#decide(next.subjobId, entry, { type: 'StartAttempt', worker: this.#options.worker, at }, turn)
    }
  }

  // An object is seen as soon as it is written: as with a submission, who writes it must still own the producer.
  #publish(id: string, entry: Entry, source: PublicationSource, turn: DispatcherTurn): void {
    if (entry.dispatch.destination.startsWith('s3:')) this.#storeProgress(id, entry, turn)
    turn.start({ type: 'PublishResult', source, calledSince: calledSince(entry, turn.now), ...callOf(id, entry) })
  }

  /** A call that did not settle the matter is made again: a poll when it may have news, a failed one when it may work. */
  #callAgain(completion: DispatcherCompletion, { subjob }: Entry, turn: DispatcherTurn): void {
    if (subjob.state !== 'polling' && subjob.state !== 'publishing') return
    if (completion.type === 'CallFailed' && subjob.failures > 0) {
      turn.wake(completion.subjobId, turn.now + this.#retryDelayMs(subjob.failures, completion.retryAfterMs))
    } else if (completion.type === 'SinkFailed' && subjob.state === 'publishing') {
      turn.wake(completion.subjobId, turn.now + this.#retryDelayMs(subjob.sinkFailures, 0))
    } else if (subjob.state === 'polling') {
      const elapsedMs = turn.now - subjob.attempt.startedAt
      turn.wake(completion.subjobId, turn.now + pollDelayMs(this.#options.polls, elapsedMs, this.#options.random()))
    }
  }

  #resume(id: string, entry: Entry, turn: DispatcherTurn): void {
    const { subjob } = entry
    switch (subjob.state) {
      case 'queued':
        if (subjob.attempts.length === 0) {
          this.#enqueue(id, entry, turn)
        } else {
          this.#queueOf(entry).resume(queuedOf(id, entry), false)
          turn.wake(id, subjob.notBefore)
        }
        return
      case 'polling':
        this.#occupy(id, entry)
        turn.wake(id, turn.now + Math.round(this.#options.resumeSpreadMs * this.#options.random()))
        return
      case 'publishing':
        // A refused one never stood in the queue: it must not hold back, or let go, the writes of its job.
        if (subjob.attempt !== null) this.#occupy(id, entry)
        else if (entry.dispatch.refusal === null) this.#queueOf(entry).resume(queuedOf(id, entry), false)
        this.#publish(id, entry, subjob.source, turn)
        return
      case 'submitting':
      case 'ended':
        throw new Error(`broken invariant: a subjob was stored as ${subjob.state}`)
    }
  }

  #occupy(id: string, entry: Entry): void {
    entry.occupies = true
    this.#queueOf(entry).resume(queuedOf(id, entry), true)
  }

  #storeProgress(id: string, entry: Entry, turn: DispatcherTurn): void {
    const { jobId, index } = entry.dispatch
    turn.store(PROGRESS_PREFIX + id, { type: 'SubjobProgressed', jobId, index, subjob: entry.subjob })
  }

  #retryDelayMs(failures: number, retryAfterMs: number): number {
    return retryDelayMs(this.#options.retries, failures, this.#options.random(), retryAfterMs)
  }

  #queueOf(entry: Entry): ProducerQueue {
    const key = entry.dispatch.producerKey
    const known = this.#queues.get(key)
    if (known !== undefined) return known
    const queue = new ProducerQueue()
    this.#queues.set(key, queue)
    return queue
  }
}

function newEntry(dispatch: DispatchSubjob): Entry {
  return { dispatch, subjob: newSubjob(), occupies: false, calledSince: null }
}

function queuedOf(id: string, { dispatch }: Entry): QueuedSubjob {
  return { jobId: dispatch.jobId, subjobId: id, ordered: dispatch.kind === 'WRITE' }
}

function attemptOf({ subjob }: Entry): number {
  return subjob.attempts.length + 1
}

function callOf(id: string, entry: Entry): Call {
  return { subjobId: id, attempt: attemptOf(entry), dispatch: entry.dispatch }
}
