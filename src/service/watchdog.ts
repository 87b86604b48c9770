/**
 * Watches over what this process runs: lanes, consumers, readers, effects, and its own event loop. What stands still is begun anew;
 * when that does not help, the process ends, for whoever runs it to start it again.
 */
import type { Config } from '../config/config.ts'
import { type Reading, UnreadRecords } from '../kafka/unread-records.ts'
import type { KafkaClient, TopicIds } from '../kafka/port.ts'
import type { WatchdogEvents } from '../observability/watchdog-events.ts'
import { type Clock, delay, type Timers } from '../runtime/clock.ts'
import { StallJudge, StandstillJudge, type Waiting } from '../runtime/watchdog.ts'

/** Whatever has lanes, effects and a consumer; src/kafka/group-session.ts is it. */
export interface WatchedStage {
  readonly name: string
  waiting(limits: Pick<Config, 'progressTimeoutMs' | 'effectTimeoutMs'>): readonly Waiting[]
  positions: Reading['positions']
  replaceConsumer(reason: Error): void
}

/** Whatever follows topics for itself; src/kafka/topic-tail.ts is in it. */
export interface WatchedReader extends Reading {
  replaceReader(): void
}

export interface WatchdogOptions {
  readonly config: Pick<Config, 'progressTimeoutMs' | 'effectTimeoutMs' | 'sessionTimeoutMs'>
  readonly kafka: Pick<KafkaClient, 'admin' | 'partitionReader'>
  readonly stages: readonly WatchedStage[]
  readonly readers: readonly WatchedReader[]
  /** Of all topics that they read, from before anything was read of them. */
  readonly topicIds: TopicIds
  /** Monotonic. */
  readonly clock: Clock
  readonly timers: Timers
  /** Microseconds of processor time that the process has taken. */
  readonly busyMicros: () => number
  readonly events: WatchdogEvents
  /** Called whenever it looks: the event loop turns. */
  readonly onLook: () => void
  /** Called at most once: the process is to end. */
  readonly onStuck: (reason: string) => void
}

const LOOK_MS_MAX = 1_000
const ASK_MS_MAX = 10_000
/** How often is looked and asked in the time in which something may stand still. */
const LOOKS_PER_TIMEOUT = 4
const STALL_NOTICED_MS = 1_000
const MICROS_PER_MS = 1_000

export class Watchdog {
  readonly #options: WatchdogOptions
  readonly #lookEveryMs: number
  readonly #standstills: StandstillJudge
  readonly #stalls: StallJudge
  readonly #unread: UnreadRecords
  readonly #readings: readonly (Reading & { readonly kind: 'consumer' | 'reader'; replace(reason: Error): void })[]
  readonly #stopped = new AbortController()
  #kafkaAnswers = true
  #isStuck = false

  constructor(options: WatchdogOptions) {
    const { config, kafka, stages, readers, topicIds } = options
    this.#options = options
    this.#lookEveryMs = Math.min(LOOK_MS_MAX, config.progressTimeoutMs / LOOKS_PER_TIMEOUT)
    this.#standstills = new StandstillJudge({ lookEveryMs: this.#lookEveryMs })
    this.#stalls = new StallJudge({ noticedMs: STALL_NOTICED_MS, sessionTimeoutMs: config.sessionTimeoutMs })
    this.#unread = new UnreadRecords(kafka, topicIds)
    this.#readings = [
      ...stages.map((stage) => ({
        ...{ kind: 'consumer' as const, name: `the reading of ${stage.name}`, positions: () => stage.positions() },
        replace: (reason: Error) => {
          stage.replaceConsumer(reason)
        },
      })),
      ...readers.map((reader) => ({
        ...{ kind: 'reader' as const, name: reader.name, positions: () => reader.positions() },
        replace: () => {
          reader.replaceReader()
        },
      })),
    ]
  }

  start(): void {
    void this.#lookAgainAndAgain()
    void this.#askAgainAndAgain()
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new Error('the watchdog was stopped'))
    await this.#unread.close()
  }

  async #lookAgainAndAgain(): Promise<void> {
    const { clock, timers, busyMicros } = this.#options
    const { signal } = this.#stopped
    while (!signal.aborted) {
      const [before, busyBefore] = [clock.now(), busyMicros()]
      await delay(timers, this.#lookEveryMs, signal).catch(() => undefined)
      const lateMs = clock.now() - before - this.#lookEveryMs
      this.#lookAtLoop({ lateMs, busyMs: (busyMicros() - busyBefore) / MICROS_PER_MS })
      if (!this.#stopped.signal.aborted) this.#look()
    }
  }

  async #askAgainAndAgain(): Promise<void> {
    const { config, timers } = this.#options
    const askEveryMs = Math.min(ASK_MS_MAX, config.progressTimeoutMs / LOOKS_PER_TIMEOUT)
    const { signal } = this.#stopped
    while (!signal.aborted) {
      await delay(timers, askEveryMs, signal).catch(() => undefined)
      if (!this.#stopped.signal.aborted) this.#kafkaAnswers = await this.#unread.ask(this.#readings)
    }
    await this.#unread.close()
  }

  #lookAtLoop(late: { readonly lateMs: number; readonly busyMs: number }): void {
    const stall = this.#stalls.look(this.#options.clock.now(), late)
    if (stall === null) return
    this.#options.events.stall(stall)
    if (stall.verdict === 'exit') this.#giveUp('the event loop is blocked again and again')
  }

  #look(): void {
    const { clock, config, stages, events, onLook } = this.#options
    onLook()
    const waiting = [...stages.flatMap((stage) => stage.waiting(config)), ...this.#unreadOnes(), ...this.#replacedOnes()]
    for (const found of this.#standstills.look(clock.now(), waiting, { kafkaAnswers: this.#kafkaAnswers })) {
      const { subject, waitsFor, restart } = found.waiting
      events.standstill(found)
      const what = `${subject} stood still for ${Math.round(found.waitedMs)} ms, waiting for ${waitsFor}`
      if (found.verdict === 'restart') restart(new Error(what))
      if (found.verdict === 'exit') this.#giveUp(what)
    }
  }

  #unreadOnes(): readonly Waiting[] {
    return this.#readings.flatMap((reading) => {
      const found = this.#unread.of(reading)
      if (found === null) return []
      const { kind, name } = reading
      const { position, end } = found
      const records = `records of ${position.topic}-${position.partition} from ${position.offset} on`
      return {
        ...{ kind, subject: name, progress: position.offset, limitMs: this.#options.config.progressTimeoutMs },
        waitsFor: end === null ? `${records}, which are there` : `${records}, which ends at ${end}: another topic of that name`,
        restart: (reason: Error) => {
          if (end === null) reading.replace(reason)
          else this.#giveUp(reason.message)
        },
      }
    })
  }

  // What was made of the topic that is gone is everywhere in the process.
  #replacedOnes(): readonly Waiting[] {
    const restart = (reason: Error): void => {
      this.#giveUp(reason.message)
    }
    const waitsFor = 'the topic that was there before: another one has its name'
    const limitMs = this.#options.config.progressTimeoutMs
    return this.#unread.replacedTopics.map((topic) => {
      return { kind: 'reader', subject: `whoever reads ${topic}`, progress: 0, waitsFor, limitMs, restart }
    })
  }

  #giveUp(reason: string): void {
    if (this.#isStuck) return
    this.#isStuck = true
    this.#options.onStuck(reason)
  }
}
