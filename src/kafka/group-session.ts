/**
 * A stage's membership in its consumer group: turns assignments into lanes, hands records to them, and starts a fenced lane
 * again once the group has confirmed that the partition is still ours.
 */
import { type Clock, delay, type Timers } from '../runtime/clock.ts'
import type { Waiting, WatchedKind } from '../runtime/watchdog.ts'
import type { LaneInput } from './inbox.ts'
import { Lane } from './lane.ts'
import type { LaneEvent, LaneStage } from './lane-life.ts'
import type { LaneWait } from './lane-progress.ts'
import {
  type InputRecord, type KafkaAdmin, type KafkaClient, KafkaFailure, type LaneConsumer, type Position, type TopicPartition,
} from './port.ts'

export interface GroupSessionOptions {
  readonly kafka: KafkaClient
  readonly admin: KafkaAdmin
  /** What the transactional ids begin with; the same for all processes that share the topics. */
  readonly application: string
  readonly clock: Clock
  readonly timers: Timers
  readonly observe: (event: GroupEvent) => void
}

export type GroupEvent =
  | {
      readonly type: 'LanesAssigned'
      readonly stage: string
      readonly partitions: readonly number[]
      /** What the group knows this process as. */
      readonly member: { readonly groupId: string; readonly memberId: string }
    }
  | { readonly type: 'ConsumerCrashed'; readonly stage: string; readonly error: unknown; readonly restartInMs: number }
  | (LaneEvent & { readonly stage: string; readonly partition: number })

interface OwnedLane<Effect, Completion> {
  readonly lane: Lane<Effect, Completion>
  confirmations: number
}

// A heartbeat that was answered just after the fencing may have been counted just before it; the second one was not.
const CONFIRMATIONS_AFTER_FENCING = 2
const CONSUMER_RESTART_DELAY_MS = 1_000
/** How long a consumer that is replaced may take to say goodbye. */
const CONSUMER_STOP_MS_MAX = 5_000

/** After how long something of a stage stands still. */
export interface StageLimits {
  readonly progressTimeoutMs: number
  readonly effectTimeoutMs: number
}

export class GroupSession<Effect, Completion> {
  readonly #stage: LaneStage<Effect, Completion>
  readonly #options: GroupSessionOptions
  readonly #lanes = new Map<number, OwnedLane<Effect, Completion>>()
  // A lane that is being released still holds its producer: its successor in this process waits for it.
  readonly #leaving = new Map<number, { readonly lane: Lane<Effect, Completion>; readonly left: Promise<void> }>()
  readonly #stopped = new AbortController()
  #consumer: LaneConsumer | undefined
  #assignedOnce = false
  #isMember = false
  #confirmations = 0
  #consumers = 0
  // Set while a consumer starts: gives it up.
  #giveUpStart: ((reason: Error) => void) | undefined

  constructor(stage: LaneStage<Effect, Completion>, options: GroupSessionOptions) {
    this.#stage = stage
    this.#options = options
  }

  async start(): Promise<void> {
    const { changelog, groupId, inputs } = this.#stage
    const consumer = this.#options.kafka.laneConsumer({
      groupId,
      topics: [...inputs, changelog],
      events: {
        assigned: (partitions, memberId) => {
          this.#assign(partitions, memberId)
        },
        confirmed: () => {
          this.#confirmations += 1
          this.#confirm()
        },
        records: (at, records, nextOffset) => {
          this.#deliver(at, records, nextOffset)
        },
        crashed: (error) => {
          void this.#replaceConsumer(error)
        },
      },
    })
    this.#consumer = consumer
    this.#consumers += 1
    await this.#started(consumer)
    this.#isMember = true
  }

  // One that hangs can be given up; should it start after all, it is stopped.
  async #started(consumer: LaneConsumer): Promise<void> {
    const givenUp = Promise.withResolvers<never>()
    this.#giveUpStart = (reason) => {
      this.#consumer = undefined
      void consumer.stop().catch(() => undefined)
      givenUp.reject(new KafkaFailure(reason.message, { code: 'CONSUMER_STOOD_STILL', disposition: 'retry', cause: reason }))
    }
    try {
      await Promise.race([consumer.start(), givenUp.promise])
    } finally {
      this.#giveUpStart = undefined
    }
  }

  /** All that waits for something at the moment. */
  waiting({ progressTimeoutMs, effectTimeoutMs }: StageLimits): readonly Waiting[] {
    const { name } = this.#stage
    const found: Waiting[] = []
    const add = (kind: WatchedKind, subject: string, wait: LaneWait | null, restart: (reason: Error) => void): void => {
      const limitMs = kind === 'effect' ? effectTimeoutMs : progressTimeoutMs
      if (wait !== null) found.push({ kind, subject, ...wait, limitMs, restart })
    }
    for (const [partition, { lane }] of [...this.#leaving, ...this.#lanes]) {
      const restart = (reason: Error): void => {
        lane.restart(reason)
      }
      const left = lane.state === 'released' ? ', released,' : ''
      add('lane', `lane ${name}/${partition}${left}`, lane.wait, restart)
      add('effect', `an effect of lane ${name}/${partition}${left}`, lane.oldestEffect, restart)
    }
    add('consumer', `the consumer of ${name}`, this.#consumerWait(), (reason) => {
      this.replaceConsumer(reason)
    })
    return found
  }

  /** Where the consumer is to read next, of each partition that it is to read now. */
  positions(): readonly Position[] {
    if (!this.#isMember) return []
    return [...this.#lanes].flatMap(([partition, { lane }]) => lane.positions().map((at) => ({ ...at, partition })))
  }

  /** Puts another consumer in the place of this one, whatever it is doing. Lanes go on with what they have. */
  replaceConsumer(reason: Error): void {
    if (this.#stopped.signal.aborted) return
    if (this.#giveUpStart !== undefined) this.#giveUpStart(reason)
    else if (this.#consumer !== undefined) void this.#replaceConsumer(reason)
  }

  #consumerWait(): LaneWait | null {
    if (this.#giveUpStart !== undefined) return { waitsFor: 'its group to take it in', progress: this.#consumers }
    const isFenced = [...this.#lanes.values()].some(({ lane }) => lane.state === 'fenced')
    return isFenced ? { waitsFor: 'its group to confirm that lanes are still ours', progress: this.#confirmations } : null
  }

  /** Whether the group has answered and every lane it gave us works on its records. */
  ready(): boolean {
    if (!this.#assignedOnce || !this.#isMember) return false
    for (const { lane } of this.#lanes.values()) if (lane.state !== 'running') return false
    return true
  }

  /** What {@link ready} lacks, with the reason where a lane has failed; null when it lacks nothing. */
  missing(): string | null {
    if (this.ready()) return null
    const waiting = [...this.#lanes.values()].find(({ lane }) => lane.state !== 'running' && lane.failure !== null)
    const reason = waiting?.lane.failure?.message
    return reason === undefined ? 'lanes are being restored' : `lanes are being restored: ${reason}`
  }

  /** Stops the lanes, each after its transaction, and leaves the group, so that others take over at once. */
  async stop(): Promise<void> {
    this.#stopped.abort(new Error('the stage was stopped'))
    await Promise.all([...this.#lanes.keys()].map((partition) => this.#drop(partition)))
    await this.#consumer?.stop()
  }

  #assign(partitions: ReadonlySet<number>, memberId: string): void {
    if (this.#stopped.signal.aborted) return
    this.#assignedOnce = true
    const { name, groupId } = this.#stage
    const member = { groupId, memberId }
    this.#options.observe({ type: 'LanesAssigned', stage: name, partitions: [...partitions].sort((a, b) => a - b), member })
    for (const partition of this.#lanes.keys()) if (!partitions.has(partition)) void this.#drop(partition)
    for (const partition of partitions) {
      const owned = this.#lanes.get(partition)
      if (owned === undefined) this.#take(partition)
      else owned.lane.reposition()
    }
  }

  #take(partition: number): void {
    const lane = new Lane(this.#stage, {
      partition,
      transactionalId: `${this.#options.application}.${this.#stage.name}.${partition}`,
      kafka: this.#options.kafka,
      admin: this.#options.admin,
      input: this.#inputOf(partition),
      clock: this.#options.clock,
      timers: this.#options.timers,
      observe: (event) => {
        this.#options.observe({ ...event, stage: this.#stage.name, partition })
      },
    })
    const owned = { lane, confirmations: 0 }
    this.#lanes.set(partition, owned)
    void (this.#leaving.get(partition)?.left ?? Promise.resolve()).then(() => {
      if (this.#lanes.get(partition) === owned) lane.start()
    })
  }

  #inputOf(partition: number): LaneInput {
    return {
      seek: (topic, offset) => this.#consumer?.seek({ topic, partition, offset }),
      pause: (topic) => this.#consumer?.pause({ topic, partition }),
      resume: (topic) => this.#consumer?.resume({ topic, partition }),
    }
  }

  #drop(partition: number): Promise<void> {
    const owned = this.#lanes.get(partition)
    if (owned === undefined) return Promise.resolve()
    this.#lanes.delete(partition)
    const left = owned.lane.release().finally(() => {
      if (this.#leaving.get(partition)?.left === left) this.#leaving.delete(partition)
    })
    this.#leaving.set(partition, { lane: owned.lane, left })
    return left
  }

  #confirm(): void {
    for (const owned of this.#lanes.values()) {
      if (owned.lane.state !== 'fenced') continue
      owned.confirmations += 1
      if (owned.confirmations < CONFIRMATIONS_AFTER_FENCING) continue
      owned.confirmations = 0
      owned.lane.start()
    }
  }

  #deliver(at: TopicPartition, records: readonly InputRecord[], nextOffset: number): void {
    this.#lanes.get(at.partition)?.lane.offer(at.topic, records, nextOffset)
  }

  // Lanes go on with what they hold: if another member gets their partitions meanwhile, it fences them.
  async #replaceConsumer(error: unknown): Promise<void> {
    this.#options.observe({ type: 'ConsumerCrashed', stage: this.#stage.name, error, restartInMs: CONSUMER_RESTART_DELAY_MS })
    const crashed = this.#consumer
    this.#consumer = undefined
    this.#isMember = false
    await this.#goodbye(crashed)
    for (;;) {
      try {
        await delay(this.#options.timers, CONSUMER_RESTART_DELAY_MS, this.#stopped.signal)
        await this.start()
        return
      } catch (failure) {
        if (this.#stopped.signal.aborted) return
        this.#options.observe({
          type: 'ConsumerCrashed',
          stage: this.#stage.name,
          error: failure,
          restartInMs: CONSUMER_RESTART_DELAY_MS,
        })
      }
    }
  }

  async #goodbye(consumer: LaneConsumer | undefined): Promise<void> {
    const said = new AbortController()
    const stopped = consumer?.stop().catch(() => undefined) ?? Promise.resolve()
    const patience = delay(this.#options.timers, CONSUMER_STOP_MS_MAX, said.signal).catch(() => undefined)
    await Promise.race([stopped, patience])
    said.abort()
  }
}
