import kafkajs, { type Consumer, type ConsumerGroupJoinEvent, type ConsumerHeartbeatEvent, type EachBatchPayload } from 'kafkajs'
import { delay, type TimerHandle } from '../../runtime/clock.ts'
import { KafkaFailure, type TopicPartition } from '../port.ts'
import { toKafkaFailure } from './failure.ts'
import { PASSING_ATTEMPTS_MAX, PASSING_INTERVAL_MS, passingStates } from './passing-states.ts'
import type { KafkaSettings } from './settings.ts'

/** What a consumer is for. Calls are made one at a time; an error in one is a defect and ends the consumer. */
export interface ConsumerRole {
  /** For messages and logs. */
  readonly name: string
  readonly topics: readonly string[]
  /** A consumer that nothing was done with yet. Asked again after each crash. */
  create(): Consumer
  joined(consumer: Consumer, event: ConsumerGroupJoinEvent['payload']): void
  heartbeat(event: ConsumerHeartbeatEvent['payload']): void
  batch(consumer: Consumer, payload: EachBatchPayload): Promise<void>
  /** A batch in which there is nothing to show; kafkajs has passed over it already. */
  emptyBatch(consumer: Consumer, at: TopicPartition, nextOffset: number): void
  isHopeless(failure: KafkaFailure): boolean
  crashed(error: Error): void
}

const RESTART_DELAY_MIN_MS = 100
const RESTART_DELAY_MAX_MS = 2_000

/**
 * Keeps a kafkajs consumer running: a new one takes the place of each that crashes, later each time. kafkajs could restart
 * its own, but nothing stops it while it does: a stop meanwhile would leave a consumer that runs for ever.
 */
export class SupervisedConsumer {
  readonly #role: ConsumerRole
  readonly #settings: KafkaSettings
  #current: Consumer | null = null
  #launching: Promise<void> = Promise.resolve()
  #stopping: Promise<void> | null = null
  #restart: TimerHandle | null = null
  #restartDelayMs = RESTART_DELAY_MIN_MS
  #isUp = false
  #ended = false
  #defect: Error | null = null

  constructor(role: ConsumerRole, settings: KafkaSettings) {
    this.#role = role
    this.#settings = settings
  }

  /** Resolves once the consumer is a member of its group and fetches. Throws KafkaFailure; then nothing is left running. */
  async start(): Promise<void> {
    this.#launching = this.#launchFirst()
    try {
      await this.#launching
    } catch (error) {
      this.#ended = true
      throw error
    }
  }

  /** Resolves once the consumer has left its group and closed its connections. */
  stop(): Promise<void> {
    this.#ended = true
    this.#restart?.cancel()
    this.#stopping ??= this.#launching.catch(() => undefined).then(() => disconnect(this.#current))
    return this.#stopping
  }

  /** Positions and pauses can't be set while there is no consumer, or it crashes. They are set anew when it has joined again. */
  tell(call: (consumer: Consumer) => void): void {
    if (this.#current === null || this.#ended) return
    try {
      call(this.#current)
    } catch (error) {
      if (!(error instanceof kafkajs.KafkaJSNonRetriableError)) throw error
    }
  }

  /** Ends it for an error in what the consumer is for: it would only come again. */
  fail(error: unknown): void {
    this.#defect ??= error instanceof Error ? error : new Error(String(error))
    if (this.#ended || !this.#isUp) return
    void disconnect(this.#current)
    this.#recover(this.#defect)
  }

  async #launchFirst(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#launch()
        return
      } catch (error) {
        const isPassing = error instanceof KafkaFailure && passingStates.has(error.code)
        if (!isPassing || this.#ended || attempt >= PASSING_ATTEMPTS_MAX) throw error
        await delay(this.#settings.timers, PASSING_INTERVAL_MS)
      }
    }
  }

  async #launch(): Promise<void> {
    const consumer = this.#role.create()
    const crashes: Error[] = []
    this.#current = consumer
    this.#listen(consumer)
    consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
      crashes.push(error)
      if (this.#isUp) this.#recover(error)
    })
    try {
      await consumer.connect()
      await consumer.subscribe({ topics: [...this.#role.topics], fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        eachBatch: (payload) => this.#guardBatch(() => this.#role.batch(consumer, payload)),
      })
      if (crashes[0] !== undefined) throw crashes[0]
      this.#isUp = true
      this.#restartDelayMs = RESTART_DELAY_MIN_MS
    } catch (error) {
      this.#current = null
      await disconnect(consumer)
      throw this.#defect ?? toKafkaFailure(error, `starting ${this.#role.name}`, 'call')
    }
  }

  #listen(consumer: Consumer): void {
    const { GROUP_JOIN, HEARTBEAT, END_BATCH_PROCESS } = consumer.events
    consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#guard(() => {
        this.#role.joined(consumer, payload)
      })
    })
    consumer.on(HEARTBEAT, ({ payload }) => {
      this.#guard(() => {
        this.#role.heartbeat(payload)
      })
    })
    consumer.on(END_BATCH_PROCESS, ({ payload: { topic, partition, batchSize, lastOffset } }) => {
      if (batchSize > 0) return
      this.#guard(() => {
        this.#role.emptyBatch(consumer, { topic, partition }, Number(lastOffset) + 1)
      })
    })
  }

  #recover(error: unknown): void {
    this.#isUp = false
    this.#current = null
    if (this.#ended) return
    const failure = toKafkaFailure(error, `running ${this.#role.name}`, 'call')
    if (this.#defect !== null || this.#role.isHopeless(failure)) {
      this.#ended = true
      this.#role.crashed(this.#defect ?? failure)
      return
    }
    const restartInMs = this.#restartDelayMs
    this.#restartDelayMs = Math.min(RESTART_DELAY_MAX_MS, restartInMs * 2)
    this.#settings.logger.warn({ consumer: this.#role.name, code: failure.code, restartInMs }, failure.message)
    this.#restart = this.#settings.timers.after(restartInMs, () => {
      this.#launching = this.#launch().catch((again: unknown) => {
        this.#recover(again)
      })
    })
  }

  // Thrown into kafkajs, an error of this kind makes it give up at once.
  #guard(call: () => void): void {
    if (this.#ended) return
    try {
      call()
    } catch (error) {
      this.fail(error)
      throw new kafkajs.KafkaJSNonRetriableError('what the consumer was for has failed')
    }
  }

  async #guardBatch(call: () => Promise<void>): Promise<void> {
    if (this.#ended) return
    try {
      await call()
    } catch (error) {
      this.fail(error)
      throw new kafkajs.KafkaJSNonRetriableError('what the consumer was for has failed')
    }
  }
}

async function disconnect(consumer: Consumer | null): Promise<void> {
  await consumer?.disconnect().catch(() => undefined)
}
