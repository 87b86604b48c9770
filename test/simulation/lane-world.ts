/** One lane of a stage that a test writes, on the simulated broker, in processes that a test stops. */
import type { Message, SubjobStarted } from '../../src/domain/messages.ts'
import { type GroupEvent, GroupSession } from '../../src/kafka/group-session.ts'
import type { LaneStage } from '../../src/kafka/lane-life.ts'
import type { InputRecord } from '../../src/kafka/port.ts'
import type { Stage, Turn } from '../../src/stages/stage.ts'
import { StuckKafka } from '../fakes/stuck-kafka.ts'
import { SimulatedBroker } from './broker.ts'
import { ConsumerGroups } from './consumer-groups.ts'
import { lostRequest, SimulatedKafka } from './kafka-client.ts'
import { Network } from './network.ts'
import { SimulatedProcess } from './process.ts'
import { Scheduler } from './scheduler.ts'
import { decode, encode } from './service.ts'
import { APPLICATION, TOPICS } from './settings.ts'

export const LANE_ID = `${APPLICATION}.counting.0`
export const LANE_GROUP = `${APPLICATION}.counting`
const CHANGELOG = 'counting-changelog'

/** Counts its input: every record must be the one behind the last that its changelog knows of. */
export class CountingStage implements Stage<string, string> {
  held = 0
  #next = 0
  readonly #refusal: () => Error | null

  /** @param refusal what taking a record fails with at the moment */
  constructor(refusal: () => Error | null) {
    this.#refusal = refusal
  }

  restore(_: string, entry: Message | null): void {
    if (entry?.type === 'SubjobStarted') this.#next = entry.index
  }

  restored(): void {
    return undefined
  }

  takeRecord(_: InputRecord, message: Message, turn: Turn<string>): void {
    if (message.type !== 'SubjobStarted') return
    const refusal = this.#refusal()
    if (refusal !== null) throw refusal
    if (message.index !== this.#next) throw new Error(`the record ${message.index} came when ${this.#next} was due`)
    this.#next += 1
    this.held += 1
    turn.store('next', { ...message, index: this.#next })
    turn.publish('subjobEvents', message.jobId, message)
    turn.ask(`${message.index}?`)
    turn.start(String(message.index))
  }

  takeTimer(): void {
    return undefined
  }

  takeCompletion(effect: string): void {
    if (!isQuestion(effect)) this.held -= 1
  }

  load(): number {
    return this.held
  }

  /** While an effect is under way, as if that had been started for what was missing. */
  hasMissed(): boolean {
    return this.held > 0
  }
}

export interface LaneProcess {
  readonly process: SimulatedProcess
  readonly session: GroupSession<string, string>
  readonly events: GroupEvent['type'][]
  /** How long its lane waited each time before it started again. */
  readonly restartsInMs: number[]
  /** Stands still where it is told to. */
  readonly kafka: StuckKafka
}

export class LaneWorld {
  readonly scheduler = new Scheduler(0)
  readonly broker = new SimulatedBroker(this.scheduler)
  /** Effects that were begun, by their process. */
  readonly begun: string[] = []
  /** Effects that need not wait for the commit, likewise. */
  readonly asked: string[] = []
  /** What turns were prepared for: how many records, and whether the stage had missed something. */
  readonly prepared: { readonly records: number; readonly hasMissed: boolean }[] = []
  loadMax = 100
  /** Effects that begin from now on never settle. */
  effectsHang = false
  /** What a lane fails with that takes a record. */
  refusal: Error | null = null
  readonly #network: Network
  readonly #groups: ConsumerGroups
  #written = 0

  constructor() {
    const { scheduler } = this
    const random = (): number => 0.5
    this.#network = new Network({ random, delayMinMs: 2, delayMaxMs: 2, timeoutMs: 1_000, lost: lostRequest })
    this.#groups = new ConsumerGroups({ timers: scheduler, now: () => scheduler.now(), random, shuffleRatio: 1 })
    for (const topic of [TOPICS.subjobs, TOPICS.subjobEvents, TOPICS.deadLetters, CHANGELOG]) this.broker.createTopic(topic, 1)
  }

  async start(name: string): Promise<LaneProcess> {
    const { scheduler, broker } = this
    const network = this.#network
    const process = new SimulatedProcess(name, scheduler)
    const kafka = new StuckKafka(new SimulatedKafka({ process, broker, network, random: () => 0.5, groups: this.#groups }))
    const events: GroupEvent['type'][] = []
    const restartsInMs: number[] = []
    const observe = (event: GroupEvent): void => {
      events.push(event.type)
      if (event.type === 'LaneFailed') restartsInMs.push(event.restartInMs)
    }
    const admin = await kafka.admin()
    const options = { kafka, admin, application: APPLICATION, clock: scheduler, timers: process, observe }
    const session = new GroupSession(this.#stage(process), options)
    void session.start()
    return { process, session, events, restartsInMs, kafka }
  }

  /** Writes input records, numbered through. */
  write(count: number): void {
    for (; count > 0; count -= 1) {
      const message: SubjobStarted = {
        ...{ type: 'SubjobStarted', jobId: 'job', index: this.#written, run: 1, attempt: 1, worker: 'w', dataProducerJobId: 'd', at: 0 },
      }
      this.broker.write([{ topic: TOPICS.subjobs, key: 'p', value: encode(message) }])
      this.#written += 1
    }
  }

  /** The numbers that a read_committed reader finds in the output. */
  get output(): readonly number[] {
    return this.broker.logOf(TOPICS.subjobEvents, 0).committed().map((record) => {
      const decoded = decode(record)
      return decoded.ok && decoded.message.type === 'SubjobStarted' ? decoded.message.index : -1
    })
  }

  get changelogEnd(): number {
    return this.broker.logOf(CHANGELOG, 0).end
  }

  /** Lets the next commit fail for its producer, whether it `isDone` or not. */
  loseNextCommit({ isDone }: { readonly isDone: boolean }): void {
    const commit = this.broker.commit.bind(this.broker)
    this.broker.commit = (producer) => {
      this.broker.commit = commit
      if (isDone) commit(producer)
      throw lostRequest()
    }
  }

  compact(): void {
    this.broker.compact(CHANGELOG, () => 0.999_999)
  }

  /** Lets time pass until something holds; a minute is enough for anything. */
  until(holds: () => boolean): Promise<boolean> {
    return this.scheduler.run(this.scheduler.now() + 60_000, holds)
  }

  pass(ms: number): Promise<boolean> {
    return this.scheduler.run(this.scheduler.now() + ms, () => false)
  }

  #stage(process: SimulatedProcess): LaneStage<string, string> {
    const amount = { records: 10, bytes: 1_000_000 }
    return {
      name: 'counting',
      groupId: LANE_GROUP,
      changelog: CHANGELOG,
      inputs: [TOPICS.subjobs],
      topicIds: new Map([[TOPICS.subjobs, this.broker.idOf(TOPICS.subjobs)]]),
      limits: { turnMax: amount, inboxMax: amount, loadMax: this.loadMax, restartDelayMinMs: 10, restartDelayMaxMs: 100 },
      decode,
      place: { topics: TOPICS, changelog: CHANGELOG, stage: 'counting', encode },
      createStage: () => new CountingStage(() => this.refusal),
      beforeTurn: ({ length: records }, hasMissed) => {
        this.prepared.push({ records, hasMissed })
        return Promise.resolve()
      },
      runEffect: async (effect) => {
        const begun = isQuestion(effect) ? this.asked : this.begun
        begun.push(`${process.name} ${effect}`)
        if (this.effectsHang) await new Promise(() => undefined)
        await new Promise<void>((resolve) => {
          process.after(50, resolve)
        })
        return effect
      },
    }
  }
}

function isQuestion(effect: string): boolean {
  return effect.endsWith('?')
}
