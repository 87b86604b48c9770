/**
 * A stage's membership in its consumer group: turns assignments into lanes, hands records to them, and starts a fenced lane
 * again once the group has confirmed that the partition is still ours.
 */
import { type Clock, delay, type Timers } from '../runtime/clock.ts'
import type { LaneInput } from './inbox.ts'
import { Lane } from './lane.ts'
import type { LaneEvent, LaneStage } from './lane-life.ts'
import type { InputRecord, KafkaAdmin, KafkaClient, LaneConsumer, TopicPartition } from './port.ts'

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
  | { readonly type: 'LanesAssigned'; readonly stage: string; readonly partitions: readonly number[] }
  | { readonly type: 'ConsumerCrashed'; readonly stage: string; readonly error: unknown; readonly restartInMs: number }
  | (LaneEvent & { readonly stage: string; readonly partition: number })

interface OwnedLane<Effect, Completion> {
  readonly lane: Lane<Effect, Completion>
  confirmations: number
}

// A heartbeat that was answered just after the fencing may have been counted just before it; the second one was not.
const CONFIRMATIONS_AFTER_FENCING = 2
const CONSUMER_RESTART_DELAY_MS = 1_000

export class GroupSession<Effect, Completion> {
  readonly #stage: LaneStage<Effect, Completion>
  readonly #options: GroupSessionOptions
  readonly #lanes = new Map<number, OwnedLane<Effect, Completion>>()
  // A lane that is being released still holds its producer: its successor in this process waits for it.
  readonly #leaving = new Map<number, Promise<void>>()
  readonly #stopped = new AbortController()
  #consumer: LaneConsumer | undefined
  #assignedOnce = false
  #isMember = false

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
        assigned: (partitions) => {
          this.#assign(partitions)
        },
        confirmed: () => {
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
    await consumer.start()
    this.#isMember = true
  }

  /** Whether the group has answered and every lane it gave us works on its records. */
  ready(): boolean {
    if (!this.#assignedOnce || !this.#isMember) return false
    for (const { lane } of this.#lanes.values()) if (lane.state !== 'running') return false
    return true
  }

  /** Stops the lanes, each after its transaction, and leaves the group, so that others take over at once. */
  async stop(): Promise<void> {
    this.#stopped.abort(new Error('the stage was stopped'))
    await Promise.all([...this.#lanes.keys()].map((partition) => this.#drop(partition)))
    await this.#consumer?.stop()
  }

  #assign(partitions: ReadonlySet<number>): void {
    if (this.#stopped.signal.aborted) return
    this.#assignedOnce = true
    const { name } = this.#stage
    this.#options.observe({ type: 'LanesAssigned', stage: name, partitions: [...partitions].sort((a, b) => a - b) })
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
    void (this.#leaving.get(partition) ?? Promise.resolve()).then(() => {
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
      if (this.#leaving.get(partition) === left) this.#leaving.delete(partition)
    })
    this.#leaving.set(partition, left)
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
    await crashed?.stop().catch(() => undefined)
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
}
