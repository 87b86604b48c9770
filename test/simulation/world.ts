/** One seed's world: a broker, a plugin, a bucket, clients and whom they want to be told, and the processes of the service among them. */
import type { GroupEvent } from '../../src/kafka/group-session.ts'
import type { InputRecord } from '../../src/kafka/port.ts'
import { type Random, seededRandom } from '../../src/runtime/random.ts'
import { SimulatedBroker } from './broker.ts'
import { SimulatedBucket } from './bucket.ts'
import { ConsumerGroups } from './consumer-groups.ts'
import { SimulatedDmi } from './dmi.ts'
import { lostRequest, SimulatedKafka } from './kafka-client.ts'
import { SimulatedCrash } from './lane-consumer.ts'
import { LostMessage, Network } from './network.ts'
import { SimulatedProcess } from './process.ts'
import { SimulatedReceiver } from './receiver.ts'
import { Scheduler } from './scheduler.ts'
import { type Pause, type ServiceSettings, SimulatedService } from './service.ts'
import { APPLICATION, PLACES, RESULT_TOPIC, TOPICS } from './settings.ts'

const EPOCH_MS = 1_000_000

/** As often as not lanes move only where they must, as they do outside; to move them all finds more. */
const SHUFFLE_RATIO = 0.5

/** A place where a process of the service runs, again and again. */
export interface Slot {
  readonly index: number
  process: SimulatedProcess
  kafka: SimulatedKafka
  service: SimulatedService | null
}

export class World {
  readonly random: Random
  readonly startedAt = EPOCH_MS
  readonly scheduler = new Scheduler(EPOCH_MS)
  readonly broker: SimulatedBroker
  readonly bucket: SimulatedBucket
  readonly dmi: SimulatedDmi
  readonly receiver: SimulatedReceiver
  readonly kafkaNetwork: Network
  readonly dmiNetwork: Network
  readonly bucketNetwork: Network
  readonly callbackNetwork: Network
  readonly slots: Slot[] = []
  readonly settings: ServiceSettings
  /** What a read_committed consumer of the result topic was shown, in order. */
  readonly shown: InputRecord[] = []
  /** Lanes that gave up: nothing may bring a lane to that. */
  readonly broken: string[] = []
  readonly trace: string[] = []
  /** Whether nobody has set the clock of a process. */
  areClocksTrue = true
  readonly #groups: ConsumerGroups
  /** By place: as what the groups know whoever ran there last. */
  readonly #members = new Map<number, ReadonlyMap<string, string>>()
  #processes = 0

  constructor(seed: number) {
    this.random = seededRandom(seed)
    const { random, scheduler } = this
    this.settings = drawnSettings(random)
    this.broker = new SimulatedBroker(scheduler, { timers: scheduler, delayMs: this.#drawnMarkerDelays() })
    this.#groups = new ConsumerGroups({ timers: scheduler, now: () => scheduler.now(), random, shuffleRatio: SHUFFLE_RATIO })
    this.bucket = new SimulatedBucket(scheduler)
    this.dmi = new SimulatedDmi({ clock: scheduler, random, workMsMax: 1 + this.draw(8_000) })
    this.receiver = new SimulatedReceiver({ clock: scheduler, random })
    this.receiver.refusalRatio = random() < 0.5 ? 0 : random()
    const lostMessage = (): Error => new LostMessage()
    this.kafkaNetwork = new Network({ random, delayMinMs: 1, delayMaxMs: 30, timeoutMs: 1_000, lost: lostRequest })
    this.dmiNetwork = new Network({ random, delayMinMs: 5, delayMaxMs: 800, timeoutMs: 2_000, lost: lostMessage })
    this.bucketNetwork = new Network({ random, delayMinMs: 5, delayMaxMs: 300, timeoutMs: 2_000, lost: lostMessage })
    this.callbackNetwork = new Network({ random, delayMinMs: 5, delayMaxMs: 800, timeoutMs: 2_000, lost: lostMessage })
    for (const topic of inLanes) this.broker.createTopic(topic, this.settings.partitions)
    this.broker.createTopic(TOPICS.deadLetters, 1)
    this.broker.createTopic(RESULT_TOPIC, 2)
    this.#expireTransactions()
    this.#readResults()
  }

  draw(below: number): number {
    return Math.floor(this.random() * below)
  }

  note(line: string): void {
    this.trace.push(`${this.scheduler.now() - EPOCH_MS} ${line}`)
  }

  addSlot(): Slot {
    // No place of a process that lives: whoever starts in one dismisses the members that were left in it.
    const index = 1 + Math.max(-1, ...this.slots.map((slot) => slot.index))
    const { process, kafka } = this.#newProcess(index)
    const slot = { index, process, kafka, service: null }
    this.slots.push(slot)
    this.start(slot)
    return slot
  }

  /** Whatever was running there has ended or been killed, and nothing else will. */
  removeSlot(slot: Slot): void {
    const at = this.slots.indexOf(slot)
    if (at >= 0) this.slots.splice(at, 1)
  }

  /** Begins a new process in the slot; what ran there before must have ended or been killed. */
  start(slot: Slot): void {
    const { process, kafka } = this.#newProcess(slot.index)
    Object.assign(slot, { process, kafka, service: null })
    this.note(`${process.name} starts`)
    const { dmi, dmiNetwork, bucket, bucketNetwork, receiver, callbackNetwork, random, settings } = this
    const members = new Map<string, string>()
    const observe = (event: GroupEvent): void => {
      this.#observe(process, event)
      if (event.type === 'LanesAssigned') members.set(event.member.groupId, event.member.memberId)
    }
    const formerMembers = this.#members.get(slot.index) ?? members
    this.#members.set(slot.index, members)
    const topicIds = new Map(inLanes.map((topic) => [topic, this.broker.idOf(topic)]))
    const servers = { dmi, dmiNetwork, bucket, bucketNetwork, receiver, callbackNetwork }
    const isPaused = (path: string): boolean => isPausedAt(settings.pauses, path, this.scheduler.now())
    const parts = { ...servers, process, kafka, topicIds, formerMembers, random, settings, isPaused, observe }
    void SimulatedService.start(parts).then((service) => {
      if (slot.process === process) slot.service = service
    })
  }

  ready(): boolean {
    return this.slots.every(({ process, service }) => process.state === 'running' && service?.ready() === true)
  }

  // Mostly at once; in some worlds it may take a while.
  #drawnMarkerDelays(): () => number {
    const longest = this.random() < 0.3 ? 1_500 : 30
    return () => (this.random() < 0.8 ? this.draw(4) : this.draw(longest))
  }

  #newProcess(slot: number): { readonly process: SimulatedProcess; readonly kafka: SimulatedKafka } {
    this.#processes += 1
    const process = new SimulatedProcess(`process-${slot}.${this.#processes}`, this.scheduler)
    const { broker, random, kafkaNetwork: network } = this
    const kafka = new SimulatedKafka({ process, broker, network, random, groups: this.#groups })
    return { process, kafka }
  }

  #observe(process: SimulatedProcess, event: GroupEvent): void {
    const place = 'partition' in event ? `${event.stage}[${event.partition}]` : event.stage
    const error = 'error' in event ? `: ${toldError(event.error, event.type === 'LaneBroken')}` : ''
    const more = event.type === 'LanesAssigned' ? ` ${event.partitions.join()}` : event.type === 'TurnCommitted' ? ` ${event.records}` : ''
    this.note(`${process.name} ${place} ${event.type}${more}${error}`)
    const isDefect = event.type === 'ConsumerCrashed' && !(event.error instanceof SimulatedCrash)
    if (event.type === 'LaneBroken' || isDefect) this.broken.push(`${process.name} ${place}${error}`)
  }

  #expireTransactions(): void {
    this.scheduler.after(1_000, () => {
      this.broker.expireTransactions()
      this.#expireTransactions()
    })
  }

  #readResults(): void {
    const { process, kafka } = this.#newProcess(-1)
    const reader = kafka.tailReader({
      name: `${APPLICATION}.${process.name}`,
      topics: [RESULT_TOPIC],
      from: [],
      events: {
        records: (_, records) => {
          this.shown.push(...records)
          return Promise.resolve()
        },
        crashed: (error) => {
          throw error
        },
      },
    })
    void reader.start()
  }
}

const inLanes = [
  TOPICS.commands, TOPICS.subjobs, TOPICS.subjobEvents, TOPICS.jobs, TOPICS.callbacks,
  TOPICS.coordinatorChangelog, TOPICS.dispatcherChangelog, TOPICS.notifierChangelog,
]

function drawnSettings(random: Random): ServiceSettings {
  const draw = (below: number): number => Math.floor(random() * below)
  return {
    partitions: 1 + draw(4),
    limits: {
      turnMax: { records: 1 + draw(12), bytes: 1_000_000 },
      inboxMax: { records: 1 + draw(12), bytes: 1_000_000 },
      loadMax: 1 + draw(20),
      restartDelayMinMs: 50,
      restartDelayMaxMs: 2_000,
    },
    operationsPerSubjobMax: 1 + draw(4),
    attemptsMax: 1 + draw(4),
    callFailuresMax: 1 + draw(4),
    subjobsInFlightMax: 1 + draw(3),
    callbacksInFlightMax: 1 + draw(6),
    callbacksPerJobMax: draw(4) === 0 ? 1 + draw(4) : 100,
    callbackTryForMs: 1_000 + draw(60_000),
    pauses: Array.from({ length: draw(3) === 0 ? 1 + draw(3) : 0 }, () => drawnPause(draw)),
  }
}

/** Somewhere in the first minute. */
function drawnPause(draw: (below: number) => number): Pause {
  const from = EPOCH_MS + draw(30_000)
  return { path: `/${draw(PLACES)}`, from, until: from + draw(30_000) }
}

function isPausedAt(pauses: readonly Pause[], path: string, at: number): boolean {
  return pauses.some((pause) => pause.path === path && pause.from <= at && at < pause.until)
}

// What is expected to happen is told without the stack: that has where the simulation was called from, which is not the seed's.
function toldError(error: unknown, isOurs: boolean): string {
  return error instanceof Error && isOurs ? (error.stack ?? String(error)) : String(error)
}
