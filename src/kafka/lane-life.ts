/**
 * A lane from one start to its end: all that is thrown away together. It fences earlier owners, restores the stage's state
 * from the changelog, then repeats: take what has arrived, run the stage over it, write outputs, state and input offsets in
 * one transaction.
 */
import { randomUUID } from 'node:crypto'
import type { Message } from '../domain/messages.ts'
import type { Clock, TimerHandle, Timers } from '../runtime/clock.ts'
import { passFailpoint } from '../runtime/failpoints.ts'
import type { EffectRunner, Stage } from '../stages/stage.ts'
import { TimerQueue } from '../stages/timer-queue.ts'
import { ChangelogReplay, ownerRecord } from './changelog-replay.ts'
import { Inbox, type LaneInput, type RecordAmount, type Taken, type TopicOffset } from './inbox.ts'
import { InputPositions } from './input-positions.ts'
import { LaneProgress, type LaneWait } from './lane-progress.ts'
import { type InputRecord, type KafkaAdmin, type KafkaClient, KafkaFailure, type TopicIds, type TransactionalProducer } from './port.ts'
import { type TurnPlace, TurnRecorder } from './turn-recorder.ts'

/** What the codec makes of a record's value; a promise only where the writer's schema must be fetched first. */
export type Decoded = { readonly ok: true; readonly message: Message } | { readonly ok: false; readonly cause: string }
export type DecodeRecord = (record: InputRecord) => Decoded | Promise<Decoded>

/** What all lanes of a stage have in common. */
export interface LaneStage<Effect, Completion> {
  readonly name: string
  readonly groupId: string
  /** The changelog topic, and the topics read. Reading the first input stops while the stage holds more than `loadMax`. */
  readonly changelog: string
  readonly inputs: readonly [string, ...string[]]
  /** Of the inputs, and perhaps of others, from before anything is read of them. */
  readonly topicIds: TopicIds
  readonly limits: LaneLimits
  readonly decode: DecodeRecord
  readonly place: Omit<TurnPlace, 'partition'>
  createStage(partition: number): Stage<Effect, Completion>
  readonly runEffect: EffectRunner<Effect, Completion>
  /** Bytes that a completion adds to the transaction of its turn; none when left out. */
  readonly completionBytes?: (completion: Completion) => number
  /** Hears of each completion whose turn was committed. Those that a lane's end leaves behind are told by the effect's signal. */
  readonly onCommitted?: (completion: Completion) => void
  /**
   * Awaited before records are taken: makes sure that what the stage looks up outside is as new as they are. Before others, too, if the
   * stage says that something was missing.
   */
  readonly beforeTurn?: (messages: readonly Message[], hasMissed: boolean) => Promise<void>
  /** Hears that a topic did not take what a turn had for it, before the lane starts again and would make the same once more. */
  readonly onRefusal?: (refusal: OutputRefusal) => void
}

export interface OutputRefusal {
  readonly topic: string
  readonly failure: KafkaFailure
  /** Which lane it was: two refusals of one lane are two tries. */
  readonly lane: string
}

export interface LaneLimits {
  /** Records that one transaction takes in at most, and as many completions and due timers. */
  readonly turnMax: RecordAmount
  /** What waits in memory of one topic; above it the topic is paused. */
  readonly inboxMax: RecordAmount
  readonly loadMax: number
  /** Bounds of the growing wait before a failed lane starts again. */
  readonly restartDelayMinMs: number
  readonly restartDelayMaxMs: number
}

export interface LaneContext {
  readonly partition: number
  readonly transactionalId: string
  readonly kafka: KafkaClient
  readonly admin: KafkaAdmin
  readonly input: LaneInput
  readonly clock: Clock
  readonly timers: Timers
  readonly observe: (event: LaneEvent) => void
}

/** Each is one log line and one metric (src/observability). */
export type LaneEvent =
  | { readonly type: 'LaneRestored'; readonly entries: number; readonly ms: number }
  | { readonly type: 'TurnCommitted'; readonly inputs: number; readonly records: number; readonly ms: number }
  | { readonly type: 'RecordDeadLettered'; readonly record: InputRecord; readonly cause: string }
  | { readonly type: 'LaneFailed'; readonly error: unknown; readonly restartInMs: number }
  | { readonly type: 'LaneFenced' }
  | { readonly type: 'LaneBroken'; readonly error: unknown }

/** Between two alarms: where thousands of subjobs are polled each second, a turn takes what is due of several. */
const ALARM_REST_MS = 5

export class LaneLife<Effect, Completion> {
  readonly #stageOf: LaneStage<Effect, Completion>
  readonly #context: LaneContext
  readonly #onRunning: () => void
  readonly #stage: Stage<Effect, Completion>
  readonly #place: TurnPlace
  readonly #inbox: Inbox<Completion>
  readonly #timerQueue = new TimerQueue()
  readonly #effects = new AbortController()
  #alarm: { at: number; handle: TimerHandle } | undefined
  #rangAt = -Infinity
  readonly #replay: ChangelogReplay
  readonly #positions: InputPositions
  readonly #progress = new LaneProgress()
  readonly #abandoned = Promise.withResolvers<never>()
  #isAbandoned = false
  #producer: TransactionalProducer | undefined

  constructor(stageOf: LaneStage<Effect, Completion>, context: LaneContext, onRunning: () => void) {
    this.#stageOf = stageOf
    this.#context = context
    this.#onRunning = onRunning
    this.#stage = stageOf.createStage(context.partition)
    this.#place = { ...stageOf.place, partition: context.partition }
    const { groupId, inputs, changelog } = stageOf
    const topicIds = new Map([...stageOf.topicIds].filter(([topic]) => inputs.includes(topic)))
    this.#positions = new InputPositions({ admin: context.admin, groupId, inputs, changelog, topicIds, partition: context.partition })
    this.#replay = new ChangelogReplay({
      topic: changelog,
      input: context.input,
      restore: (record) => {
        this.#restore(record)
      },
    })
    const { limits, completionBytes = () => 0 } = stageOf
    this.#inbox = new Inbox({ input: context.input, waitingMax: limits.inboxMax, sizeOf: completionBytes })
  }

  stop(): void {
    this.#effects.abort(new Error('the lane has stopped'))
    this.#stage.close?.()
    this.#alarm?.handle.cancel()
    this.#replay.stop(this.#effects.signal.reason)
    this.#inbox.close()
  }

  offer(topic: string, records: readonly InputRecord[], nextOffset: number): void {
    if (topic === this.#stageOf.changelog) this.#replay.offer(records, nextOffset)
    else this.#inbox.offer(topic, records, nextOffset)
  }

  reposition(): void {
    this.#replay.reposition()
    this.#inbox.reposition()
  }

  /** What the lane waits for; null while there is nothing to do. */
  get wait(): LaneWait | null {
    const { step, steps } = this.#progress
    // Each entry that was restored is progress, too.
    if (step !== null) return { ...step, progress: step.progress + this.#replay.position }
    return this.#inbox.hasWork() ? { waitsFor: 'its turn, though something has arrived', progress: steps } : null
  }

  /** The effect that has been under way for longest. */
  get oldestEffect(): LaneWait | null {
    return this.#progress.oldestEffect
  }

  /** Where the consumer is to read next, of each topic that it is to read now. */
  positions(): readonly TopicOffset[] {
    const { changelog } = this.#stageOf
    const restoring = this.#replay.isReading ? [{ topic: changelog, offset: this.#replay.position }] : []
    return [...restoring, ...this.#inbox.positions()]
  }

  /**
   * Makes {@link run} reject at once, wherever it stands. What it was waiting for may still come to an end, without effect: the
   * next life of the lane fences the producer of this one.
   */
  abandon(reason: Error): void {
    if (this.#isAbandoned) return
    this.#isAbandoned = true
    this.#end()
    void this.#producer?.close()
    this.#abandoned.reject(reason)
  }

  run(): Promise<void> {
    return Promise.race([this.#live(), this.#abandoned.promise])
  }

  async #live(): Promise<void> {
    const context = this.#context
    const progress = this.#progress
    const { name } = this.#stageOf
    const startedAt = context.clock.now()
    const producer = await progress.during('its producer to be opened', context.kafka.transactionalProducer(context.transactionalId))
    this.#producer = producer
    try {
      if (this.#isAbandoned) return
      // Before the claim or after it is the same. The changelog's positions are of the state's moment; those of the group, where they are
      // others, the first turn commits before anything is taken, and whoever has come between has fenced that.
      await progress.during('the positions of its inputs', this.#positions.readCommitted())
      const ownerId = await progress.during('its claim to be committed', this.#claim(producer))
      passFailpoint('lane.claim.after', name)
      const offset = await progress.during('the end of its changelog', this.#changelogEnd())
      const entries = await progress.during('the rest of its changelog', this.#replay.until({ ownerId, offset }))
      const untold = await progress.during('the first positions of its inputs', this.#positions.begin(this.#replay.positions))
      for (const { topic, offset: next } of this.#positions.all()) this.#inbox.open(topic, next)
      context.observe({ type: 'LaneRestored', entries, ms: context.clock.now() - startedAt })
      passFailpoint('lane.restore.after', name)
      await this.#firstTurn(producer, untold)
      this.#onRunning()
      await this.#turns(producer)
    } finally {
      if (!this.#isAbandoned) this.#end()
      await progress.during('its producer to be closed', producer.close())
    }
  }

  #end(): void {
    this.stop()
    for (const topic of [this.#stageOf.changelog, ...this.#stageOf.inputs]) this.#context.input.pause(topic)
  }

  // Written by the producer that has just fenced all others, and read back: everything before it in the changelog is
  // settled and was seen. Offsets alone could not tell: a marker of an ended transaction is the last thing in the log.
  async #claim(producer: TransactionalProducer): Promise<string> {
    const ownerId = randomUUID()
    const { changelog, groupId } = this.#stageOf
    const record = ownerRecord(changelog, this.#context.partition, ownerId)
    await producer.commit({ records: [record], offsets: [], groupId })
    return ownerId
  }

  #restore(record: InputRecord): void {
    const key = record.key?.toString('utf8') ?? ''
    if (record.value === null) {
      this.#stage.restore(key, null, record.timestampMs)
      return
    }
    const decoded = this.#stageOf.decode(record)
    if (decoded instanceof Promise) {
      // Another build wrote it. Its schema is being fetched, and known when the lane starts again.
      decoded.catch(() => undefined)
      throw new KafkaFailure('the schema of a changelog entry is not known yet', {
        code: 'CHANGELOG_SCHEMA_UNKNOWN',
        disposition: 'restart',
      })
    }
    if (!decoded.ok) throw new Error(`changelog entry ${record.topic}[${record.partition}]@${record.offset}: ${decoded.cause}`)
    this.#stage.restore(key, decoded.message, record.timestampMs)
  }

  async #changelogEnd(): Promise<number> {
    const { admin, partition } = this.#context
    const ends = await admin.endOffsets(this.#stageOf.changelog)
    return ends.find((at) => at.partition === partition)?.offset ?? Number.POSITIVE_INFINITY
  }

  async #firstTurn(producer: TransactionalProducer, untold: Taken<Completion>['offsets']): Promise<void> {
    const turn = new TurnRecorder<Effect>(this.#context.clock.now(), this.#place)
    this.#stage.restored(turn)
    await this.#conclude(producer, turn, { inputs: 0, offsets: untold, isNews: untold.length > 0 })
  }

  async #turns(producer: TransactionalProducer): Promise<void> {
    for (;;) {
      // Before waiting: the turn that brought the load down may have been the last thing to arrive but for what is held back.
      this.#inbox.throttle(this.#stageOf.inputs[0], this.#stage.load() >= this.#stageOf.limits.loadMax)
      await this.#inbox.arrival()
      if (this.#effects.signal.aborted) return
      const taken = this.#inbox.take(this.#stageOf.limits.turnMax)
      const decoded = await this.#progress.during('records to be decoded and looked up', this.#decodeAll(taken.records))
      const turn = new TurnRecorder<Effect>(this.#context.clock.now(), this.#place)
      for (const [record, message] of decoded) this.#takeRecord(record, message, turn)
      for (const completion of taken.completions) this.#stage.takeCompletion(completion, turn)
      this.#takeDueTimers(turn)
      await this.#conclude(producer, turn, { inputs: decoded.length, offsets: taken.offsets, isNews: decoded.length > 0 })
      for (const completion of taken.completions) this.#stageOf.onCommitted?.(completion)
    }
  }

  async #decodeAll(records: readonly InputRecord[]): Promise<(readonly [InputRecord, Decoded])[]> {
    const all: (readonly [InputRecord, Decoded])[] = []
    for (const record of records) {
      const decoded = this.#stageOf.decode(record)
      all.push([record, decoded instanceof Promise ? await decoded : decoded])
    }
    const hasMissed = this.#stage.hasMissed?.() === true
    if (this.#stageOf.beforeTurn !== undefined && (all.length > 0 || hasMissed)) {
      await this.#stageOf.beforeTurn(all.flatMap(([, decoded]) => (decoded.ok ? [decoded.message] : [])), hasMissed)
    }
    return all
  }

  #takeRecord(record: InputRecord, decoded: Decoded, turn: TurnRecorder<Effect>): void {
    if (this.#positions.wasTaken(record)) {
      if (decoded.ok) this.#stage.takeAgain?.(record, decoded.message, turn)
    } else if (decoded.ok) {
      this.#stage.takeRecord(record, decoded.message, turn)
    } else {
      turn.deadLetter(record, decoded.cause)
    }
  }

  #takeDueTimers(turn: TurnRecorder<Effect>): void {
    for (let left = this.#stageOf.limits.turnMax.records; left > 0; left -= 1) {
      const timer = this.#timerQueue.takeDue(turn.now)
      if (timer === undefined) return
      this.#stage.takeTimer(timer, turn)
    }
  }

  async #conclude(
    producer: TransactionalProducer,
    turn: TurnRecorder<Effect>,
    taken: { readonly inputs: number; readonly offsets: Taken<Completion>['offsets']; readonly isNews: boolean },
  ): Promise<void> {
    if (!this.#effects.signal.aborted) for (const question of turn.questions) this.#begin(question)
    const said = turn.records()
    const keptFrom = this.#stage.keptFrom?.() ?? null
    const isNews = taken.isNews && (turn.effects.length > 0 || !this.#positions.skips(taken.offsets, keptFrom))
    if (said.length > 0 || isNews) {
      const positions = this.#positions.advance(taken.offsets, keptFrom)
      const records = [...said, ...positions.records]
      passFailpoint('lane.commit.before', this.#stageOf.name)
      const committed = producer.commit({ records, offsets: positions.offsets, groupId: this.#stageOf.groupId })
      await this.#progress.during('its transaction to be committed', committed)
      passFailpoint('lane.commit.after', this.#stageOf.name)
      const ms = this.#context.clock.now() - turn.now
      this.#context.observe({ type: 'TurnCommitted', inputs: taken.inputs, records: records.length, ms })
      for (const { record, cause } of turn.deadLetters) this.#context.observe({ type: 'RecordDeadLettered', record, cause })
    }
    if (this.#effects.signal.aborted) return
    for (const { timer, at } of turn.timers) {
      if (at === null) this.#timerQueue.unset(timer)
      else this.#timerQueue.set(timer, at)
    }
    this.#setAlarm()
    for (const effect of turn.effects) this.#begin(effect)
  }

  #begin(effect: Effect): void {
    this.#progress.effectBegan(effect)
    this.#stageOf.runEffect(effect, this.#effects.signal).then(
      (completion) => {
        this.#progress.effectSettled(effect)
        this.#inbox.complete(completion)
      },
      (error: unknown) => {
        this.#progress.effectSettled(effect)
        if (!this.#effects.signal.aborted) this.#inbox.fail(error)
      },
    )
  }

  // One that is set already and rings sooner stays: what it finds then sets the next.
  #setAlarm(): void {
    const next = this.#timerQueue.nextAt()
    if (next === undefined) return
    const at = Math.max(next, this.#rangAt + ALARM_REST_MS)
    if (this.#alarm !== undefined && this.#alarm.at <= at) return
    this.#alarm?.handle.cancel()
    const handle = this.#context.timers.after(at - this.#context.clock.now(), () => {
      this.#alarm = undefined
      this.#rangAt = this.#context.clock.now()
      this.#inbox.ring()
    })
    this.#alarm = { at, handle }
  }
}
