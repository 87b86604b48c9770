/**
 * Reads: subjobs (keyed by the producer).
 * Writes: subjob-events; results on clients' topics.
 * State: its subjobs' life at the producers, in dispatcher-changelog: what was asked for once, how far it came as it goes.
 * Invariant: one owner per producer: only the lane of the partition that murmur2 of the producer's key names calls it.
 */
import type { CancelSubjob, Message, RecallSubjob } from '../../domain/messages.ts'
import { ResponseCode } from '../../domain/response-code.ts'
import {
  decideSubjob, durableSubjobEvents, evolveSubjob, type PublicationSource, type SubjobCommand, type SubjobEvent, type SubjobLimits,
  type SubjobStop,
} from '../../domain/subjob.ts'
import type { InputRecord } from '../../kafka/port.ts'
import { calledSince } from './called-since.ts'
import type { DispatcherOptions } from './dispatcher-options.ts'
import { NextCall } from './next-call.ts'
import { PausedSubjobs, RESUME } from './paused-subjobs.ts'
import { ProducerQueues } from './producer-queues.ts'
import type { RungTimer, Stage, Turn } from '../stage.ts'
import type { DispatcherCompletion, DispatcherEffect } from './subjob-calls.ts'
import { SubjobBook } from './subjob-book.ts'
import { askToStop, setDeadline } from './subjob-ends.ts'
import {
  attemptOf, callOf, deadlineOf, mayBeRecalled, queuedOf, refusalOf, retryAtOf, type SubjobEntry, type SubjobTimer, timerOf,
} from './subjob-entry.ts'
import { commandOf, type Leavings, leavingsOf, nothingLeft } from './subjob-replies.ts'
import { reportEnd, reportFailure, reportProgress, reportRecall, reportStart } from './subjob-reports.ts'

type DispatcherTurn = Turn<DispatcherEffect>

export class Dispatcher implements Stage<DispatcherEffect, DispatcherCompletion> {
  readonly #options: DispatcherOptions
  readonly #book: SubjobBook
  readonly #queues = new ProducerQueues()
  readonly #paused: PausedSubjobs
  readonly #nextCall: NextCall

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#book = new SubjobBook(options)
    this.#paused = new PausedSubjobs(options.isPaused)
    this.#nextCall = new NextCall(options)
  }

  load(): number {
    return this.#book.size
  }

  close(): void {
    this.#options.store.close()
  }

  restore(key: string, message: Message | null, writtenAt: number): void {
    this.#book.restore(key, message, writtenAt)
  }

  restored(turn: DispatcherTurn): void {
    for (const [id, entry] of this.#book.all()) {
      this.#resume(id, entry, turn)
      setDeadline(id, entry, this.#options.subjobTimeoutMs, turn)
    }
    for (const key of this.#queues.keys()) this.#pump(key, turn)
  }

  takeRecord(record: InputRecord, message: Message, turn: DispatcherTurn): void {
    if (message.type === 'CancelSubjob') {
      this.#cancel(message, turn)
      return
    }
    if (message.type === 'RecallSubjob') {
      this.#giveBack(message, turn)
      return
    }
    if (message.type !== 'DispatchSubjob') {
      turn.deadLetter(record, `a ${message.type} does not belong on ${record.topic}`)
      return
    }
    const added = this.#book.add(message, turn)
    if (added === undefined) return
    const { id, entry } = added
    this.#enqueue(id, entry, turn)
    setDeadline(id, entry, this.#options.subjobTimeoutMs, turn)
    this.#pump(message.producerKey, turn, entry)
    if (entry.calledSince !== null) this.#book.storeCalled(id, message, turn)
  }

  takeTimer({ kind, key: id }: RungTimer, turn: DispatcherTurn): void {
    if (kind === RESUME) {
      this.#goOn(turn)
      return
    }
    const entry = this.#book.get(id)
    if (entry === undefined) return
    switch (kind as SubjobTimer) {
      case 'step':
        this.#step(id, entry, turn)
        return
      case 'deadline':
        this.#expire(id, entry, turn)
        break
      case 'giveUp':
        this.#decide(id, entry, { type: 'GiveUpSubjob', at: turn.now }, turn)
        break
      case 'cancel':
        askToStop(id, entry, turn)
        return
    }
    this.#pump(entry.dispatch.producerKey, turn)
  }

  #step(id: string, entry: SubjobEntry, turn: DispatcherTurn): void {
    switch (entry.subjob.state) {
      case 'queued':
        this.#queues.of(entry.dispatch.producerKey).retry(queuedOf(id, entry))
        this.#pump(entry.dispatch.producerKey, turn)
        return
      case 'polling':
        turn.ask({ type: 'PollSubjob', dataProducerJobId: entry.subjob.dataProducerJobId, ...callOf(id, entry) })
        return
      case 'publishing':
        // A timer of before it was stopped means nothing any more.
        if (entry.subjob.failures + entry.subjob.sinkFailures > 0) this.#publish(id, entry, entry.subjob.source, turn)
        return
      default:
        return
    }
  }

  takeCompletion(completion: DispatcherCompletion, turn: DispatcherTurn): void {
    const { subjobId: id } = completion
    const entry = this.#book.get(id)
    if (entry?.dispatch.run !== completion.run || attemptOf(entry) !== completion.attempt) return
    if (completion.type === 'CancelAnswered') {
      this.#takeCancelAnswer(id, entry, completion.again, turn)
      return
    }
    if (completion.type === 'Published' && entry.subjob.state === 'publishing') turn.deliver(completion.records)
    if (completion.type === 'Polled') this.#nextCall.heard(completion, entry)
    const retryDelayMs = (retryAfterMs: number): number => this.#nextCall.retryDelayMs(attemptOf(entry), retryAfterMs)
    this.#decide(id, entry, commandOf(completion, { entry, at: turn.now, retryDelayMs }), turn, () => leavingsOf(completion, entry))
    if (completion.type === 'Polled' && completion.progress !== undefined) reportProgress(entry, completion.progress, turn)
    this.#callAgain(id, completion, entry, turn)
    // As long as it is polled it makes room for nobody.
    if (entry.subjob.state !== 'polling') this.#pump(entry.dispatch.producerKey, turn)
  }

  #cancel({ message, ...subjob }: CancelSubjob, turn: DispatcherTurn): void {
    const found = this.#book.find(subjob)
    if (found === undefined) return
    const { id, entry } = found
    this.#stop(id, entry, { reason: 'cancelled', code: ResponseCode.Rejected, message }, turn)
    this.#pump(entry.dispatch.producerKey, turn)
  }

  // What was called, or is to end, goes on.
  #giveBack(subjob: RecallSubjob, turn: DispatcherTurn): void {
    const found = this.#book.find(subjob)
    if (found === undefined || !mayBeRecalled(found.entry)) return
    const { id, entry } = found
    reportRecall(entry, turn)
    this.#queues.of(entry.dispatch.producerKey).withdraw(queuedOf(id, entry))
    this.#forget(id, entry, turn)
    this.#pump(entry.dispatch.producerKey, turn)
  }

  #expire(id: string, entry: SubjobEntry, turn: DispatcherTurn): void {
    const deadline = deadlineOf(entry, this.#options.subjobTimeoutMs)
    if (deadline === null || deadline.at > turn.now) return
    const isWaiting = entry.subjob.state === 'queued' && entry.subjob.attempts.length === 0
    const code = isWaiting ? ResponseCode.SouthboundBusy : ResponseCode.ServiceNotResponding
    this.#stop(id, entry, { reason: 'deadline', code, message: deadline.message }, turn)
  }

  #stop(id: string, entry: SubjobEntry, stop: Omit<SubjobStop, 'giveUpAt'>, turn: DispatcherTurn): void {
    const giveUpAt = turn.now + this.#options.cancelTimeoutMs
    this.#decide(id, entry, { type: 'StopSubjob', stop: { ...stop, giveUpAt } }, turn)
  }

  /** `leavings` gives what the subjob's end leaves to be done. */
  #decide(id: string, entry: SubjobEntry, command: SubjobCommand, turn: DispatcherTurn, leavings = nothingLeft): void {
    const limits: SubjobLimits = {
      attemptsMax: entry.dispatch.attemptsMax,
      callFailuresMax: this.#options.callFailuresMax,
    }
    const events = decideSubjob(entry.subjob, command, limits)
    for (const event of events) {
      const before = entry.subjob
      entry.subjob = evolveSubjob(before, event)
      if (event.type === 'SubjobEnded') this.#end(id, entry, leavings(), turn)
      else this.#follow(id, entry, event, turn)
    }
    const ended = entry.subjob.state === 'ended'
    if (!ended && events.some((event) => durableSubjobEvents.has(event.type))) this.#book.storeProgress(id, entry, turn)
  }

  /** What an event means for the world outside the subjob's own state. */
  #follow(id: string, entry: SubjobEntry, event: Exclude<SubjobEvent, { readonly type: 'SubjobEnded' }>, turn: DispatcherTurn): void {
    switch (event.type) {
      case 'AttemptStarted':
        turn.start({ type: 'SubmitSubjob', ...callOf(id, entry) })
        if (event.attempt.number === 1) setDeadline(id, entry, this.#options.subjobTimeoutMs, turn)
        return
      case 'SubjobStopped':
        turn.wake(timerOf(id, entry, 'giveUp'), event.stop.giveUpAt)
        askToStop(id, entry, turn)
        return
      case 'SubjobSubmitted':
        reportStart(entry, turn)
        if (entry.subjob.stop !== null) askToStop(id, entry, turn)
        return
      case 'AttemptFailed':
        this.#queues.of(entry.dispatch.producerKey).pause()
        entry.occupies = false
        return
      case 'SubjobRequeued':
        reportFailure(entry, event.notBefore, turn)
        turn.wake(timerOf(id, entry, 'step'), event.notBefore)
        return
      case 'SubjobFailed':
        reportFailure(entry, null, turn)
        this.#queues.of(entry.dispatch.producerKey).withdraw(queuedOf(id, entry))
        if (entry.subjob.state === 'publishing') this.#publish(id, entry, entry.subjob.source, turn)
        return
      case 'ProducerFinished':
        if (entry.subjob.state === 'publishing') this.#publish(id, entry, entry.subjob.source, turn)
        return
      case 'CallFailed':
      case 'PollAnswered':
      case 'PublicationFailed':
      case 'AttemptEnded':
        return
    }
  }

  // What it has done by then is asked for soon: most producers stop at once.
  #takeCancelAnswer(id: string, entry: SubjobEntry, again: boolean, turn: DispatcherTurn): void {
    if (entry.subjob.state !== 'polling') return
    turn.wake(timerOf(id, entry, 'step'), turn.now + this.#options.polls.delayMinMs)
    if (again) turn.wake(timerOf(id, entry, 'cancel'), turn.now + this.#nextCall.retryDelayMs(1, 0))
  }

  #end(id: string, entry: SubjobEntry, leavings: Leavings, turn: DispatcherTurn): void {
    reportEnd(entry, leavings, turn)
    this.#forget(id, entry, turn)
  }

  #forget(id: string, entry: SubjobEntry, turn: DispatcherTurn): void {
    this.#book.forget(id, entry, turn)
    this.#paused.forget(id, entry)
    this.#queues.end(entry.dispatch.producerKey, queuedOf(id, entry), entry.occupies)
  }

  #enqueue(id: string, entry: SubjobEntry, turn: DispatcherTurn): void {
    const refusal = refusalOf(entry.dispatch, turn.now)
    if (refusal === null) this.#queues.of(entry.dispatch.producerKey).add(queuedOf(id, entry))
    else this.#decide(id, entry, refusal, turn)
  }

  /** `taken` is stored in this turn already, together with whether it is called. */
  #pump(producerKey: string, turn: DispatcherTurn, taken?: SubjobEntry): void {
    const queue = this.#queues.get(producerKey)
    if (queue === undefined) return
    const service = producerKey.slice(0, producerKey.indexOf('#'))
    const runningMax = this.#options.subjobsInFlightMax(service)
    for (let next = queue.take(runningMax); next !== undefined; next = queue.take(runningMax)) {
      const entry = this.#book.get(next.subjobId)
      if (entry === undefined) throw new Error(`broken invariant: the queued subjob "${next.subjobId}" is unknown`)
      if (this.#paused.keeps(next.subjobId, entry, turn)) {
        queue.pause()
        continue
      }
      entry.occupies = true
      entry.calledSince ??= turn.now
      // Nothing changes yet, but a turn that writes shows a lane that has lost its partition that it must not call any more.
      if (entry !== taken) this.#book.storeProgress(next.subjobId, entry, turn)
      // After a restart a first attempt that nothing came of is still the same one.
      const at = entry.subjob.attempts.length === 0 ? entry.calledSince : turn.now
      this.#decide(next.subjobId, entry, { type: 'StartAttempt', worker: this.#options.worker, at }, turn)
    }
  }

  // Each comes before the others of its job.
  #goOn(turn: DispatcherTurn): void {
    const producers = new Set<string>()
    for (const id of this.#paused.takeResumed(turn)) {
      const entry = this.#book.get(id)
      if (entry === undefined) throw new Error(`broken invariant: the paused subjob "${id}" is unknown`)
      this.#queues.of(entry.dispatch.producerKey).retry(queuedOf(id, entry))
      producers.add(entry.dispatch.producerKey)
    }
    for (const producerKey of producers) this.#pump(producerKey, turn)
  }

  // An object is seen as soon as it is written: as with a submission, who writes it must still own the producer.
  #publish(id: string, entry: SubjobEntry, source: PublicationSource, turn: DispatcherTurn): void {
    if (entry.dispatch.destination.startsWith('s3:')) this.#book.storeProgress(id, entry, turn)
    const since = calledSince(entry, turn.now)
    turn.start({ type: 'PublishResult', source, calledSince: since, unmentioned: entry.subjob.stop, ...callOf(id, entry) })
  }

  #callAgain(id: string, completion: DispatcherCompletion, entry: SubjobEntry, turn: DispatcherTurn): void {
    const delayMs = this.#nextCall.delayMs(completion, entry, turn.now)
    if (delayMs === 0) this.#step(id, entry, turn)
    else if (delayMs !== null) turn.wake(timerOf(id, entry, 'step'), turn.now + delayMs)
  }

  #resume(id: string, entry: SubjobEntry, turn: DispatcherTurn): void {
    const { subjob } = entry
    switch (subjob.state) {
      case 'queued':
        // It was stopped while it was being submitted: that it might have arrived is nobody's knowledge.
        if (subjob.stop !== null) {
          this.#queues.of(entry.dispatch.producerKey).resume(queuedOf(id, entry), false)
          this.#decide(id, entry, { type: 'GiveUpSubjob', at: turn.now }, turn)
        } else if (subjob.attempts.length === 0) {
          this.#enqueue(id, entry, turn)
        } else {
          this.#queues.of(entry.dispatch.producerKey).resume(queuedOf(id, entry), false)
          turn.wake(timerOf(id, entry, 'step'), retryAtOf(subjob, turn.now))
        }
        return
      case 'polling':
        this.#occupy(id, entry)
        if (subjob.stop !== null) {
          turn.wake(timerOf(id, entry, 'giveUp'), Math.min(subjob.stop.giveUpAt, turn.now + this.#options.cancelTimeoutMs))
        }
        askToStop(id, entry, turn)
        turn.wake(timerOf(id, entry, 'step'), turn.now + Math.round(this.#options.resumeSpreadMs * this.#options.random()))
        return
      case 'publishing':
        // A refused one never stood in the queue: it must not hold back, or let go, the writes of its job.
        if (subjob.attempt !== null) this.#occupy(id, entry)
        else if (entry.dispatch.refusal === null) this.#queues.of(entry.dispatch.producerKey).resume(queuedOf(id, entry), false)
        this.#publish(id, entry, subjob.source, turn)
        return
      case 'submitting':
      case 'ended':
        throw new Error(`broken invariant: a subjob was stored as ${subjob.state}`)
    }
  }

  #occupy(id: string, entry: SubjobEntry): void {
    entry.occupies = true
    this.#queues.of(entry.dispatch.producerKey).resume(queuedOf(id, entry), true)
  }
}
