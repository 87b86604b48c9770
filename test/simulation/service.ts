/** The service as one process runs it: its stages in their groups, the real lanes on the simulated broker. */
import type { AddOperations, Message } from '../../src/domain/messages.ts'
import { GroupSession, type GroupEvent } from '../../src/kafka/group-session.ts'
import type { Decoded, LaneLimits, LaneStage } from '../../src/kafka/lane-life.ts'
import type { InputRecord, TopicIds } from '../../src/kafka/port.ts'
import { partitionOfKey } from '../../src/kafka/kafkajs/murmur2.ts'
import type { Random } from '../../src/runtime/random.ts'
import type { ConcludeJob, JobConclusion } from '../../src/stages/coordinator/conclusion.ts'
import { openHeapStore } from '../fakes/heap-store.ts'
import { jsonCodec } from '../fakes/json-codec.ts'
import type { CallbackTried, DeliverCallback } from '../../src/stages/notifier/callback-delivery.ts'
import { Coordinator } from '../../src/stages/coordinator/coordinator.ts'
import { Dispatcher } from '../../src/stages/dispatcher/dispatcher.ts'
import { Notifier } from '../../src/stages/notifier/notifier.ts'
import type { DispatcherCompletion, DispatcherEffect } from '../../src/stages/dispatcher/subjob-calls.ts'
import { CALLBACK_RULES } from './callback-rules.ts'
import { coordinatorEffects, type EffectParts, simulatedEffects } from './effects.ts'
import type { SimulatedKafka } from './kafka-client.ts'
import { callbackEffects, type ReceiverAccess } from './receiver.ts'
import { APPLICATION, DESTINATIONS, findHandle, JOB_RETENTION_MS, SUBMISSION_LIMITS, TOPICS } from './settings.ts'

/** What an operator could set, drawn from the seed. */
export interface ServiceSettings {
  readonly partitions: number
  readonly limits: LaneLimits
  readonly operationsPerSubjobMax: number
  readonly attemptsMax: number
  readonly callFailuresMax: number
  readonly subjobsInFlightMax: number
  readonly callbacksInFlightMax: number
  readonly callbacksPerJobMax: number
  readonly callbackTryForMs: number
  readonly pauses: readonly Pause[]
}

/** What operations with that path ask for is paused from one moment up to another. */
export interface Pause {
  readonly path: string
  readonly from: number
  readonly until: number
}

export interface ServiceParts extends EffectParts, ReceiverAccess {
  readonly kafka: SimulatedKafka
  readonly topicIds: TopicIds
  /** By group: what ran in this place before. */
  readonly formerMembers: ReadonlyMap<string, string>
  readonly random: Random
  readonly settings: ServiceSettings
  readonly isPaused: (path: string) => boolean
  readonly observe: (event: GroupEvent) => void
}

export class SimulatedService {
  readonly parts: ServiceParts
  readonly #coordinator: GroupSession<ConcludeJob, JobConclusion>
  readonly #dispatcher: GroupSession<DispatcherEffect, DispatcherCompletion>
  readonly #notifier: GroupSession<DeliverCallback, CallbackTried>

  private constructor(parts: ServiceParts, options: ConstructorParameters<typeof GroupSession>[1]) {
    this.parts = parts
    this.#coordinator = new GroupSession(coordinatorStage(parts), options)
    this.#dispatcher = new GroupSession(dispatcherStage(parts), options)
    this.#notifier = new GroupSession(notifierStage(parts), options)
  }

  static async start(parts: ServiceParts): Promise<SimulatedService> {
    const { kafka, process, observe } = parts
    const admin = await kafka.admin()
    for (const [groupId, memberId] of parts.formerMembers) await admin.dismissMember(groupId, memberId).catch(() => undefined)
    const options = { kafka, admin, application: APPLICATION, clock: process.clock, timers: process, observe }
    const service = new SimulatedService(parts, options)
    await Promise.all([service.#coordinator.start(), service.#dispatcher.start(), service.#notifier.start()])
    return service
  }

  ready(): boolean {
    return this.#coordinator.ready() && this.#dispatcher.ready() && this.#notifier.ready()
  }

  async stop(): Promise<void> {
    await Promise.all([this.#coordinator.stop(), this.#dispatcher.stop(), this.#notifier.stop()])
  }
}

const PARTS_TIMEOUT_MS = 60_000
const CANCEL_TIMEOUT_MS = 5_000
const PORTIONS = { partsWaitingMax: 4, openSubjobsMax: 6 }

function coordinatorStage(parts: ServiceParts): LaneStage<ConcludeJob, JobConclusion> {
  const { settings } = parts
  return {
    ...common('coordinator', TOPICS.coordinatorChangelog, settings),
    topicIds: parts.topicIds,
    inputs: [TOPICS.commands, TOPICS.subjobEvents],
    createStage: (partition) =>
      new Coordinator({
        partition,
        homePartition: (jobId) => partitionOfKey(jobId, settings.partitions),
        forwardedBytesMax: 1_000_000,
        findHandle,
        destinations: DESTINATIONS,
        submissions: SUBMISSION_LIMITS,
        splits: { operationsMax: settings.operationsPerSubjobMax, bytesMax: 1_000_000 },
        store: openHeapStore(),
        decodePart: (value) => jsonCodec.decode<AddOperations>(value),
        attemptsMax: settings.attemptsMax,
        partsTimeoutMs: PARTS_TIMEOUT_MS,
        portions: PORTIONS,
        jobRetentionMs: JOB_RETENTION_MS,
        retryRetentionMs: JOB_RETENTION_MS,
      }),
    runEffect: coordinatorEffects(parts),
  }
}

function dispatcherStage(parts: ServiceParts): LaneStage<DispatcherEffect, DispatcherCompletion> {
  const { settings, random, process } = parts
  return {
    ...common('dispatcher', TOPICS.dispatcherChangelog, settings),
    topicIds: parts.topicIds,
    inputs: [TOPICS.subjobs],
    createStage: () =>
      new Dispatcher({
        worker: process.name,
        random,
        polls: { delayMinMs: 100, delayMaxMs: 2_000, elapsedRatio: 0.2, jitterRatio: 0.2 },
        retries: { delayMinMs: 200, delayMaxMs: 5_000 },
        callFailuresMax: settings.callFailuresMax,
        store: openHeapStore(),
        subjobTimeoutMs: () => Infinity,
        cancelTimeoutMs: CANCEL_TIMEOUT_MS,
        subjobsInFlightMax: () => settings.subjobsInFlightMax,
        resumeSpreadMs: 1_000,
        definitionOf: (path) => path,
        isPaused: parts.isPaused,
      }),
    runEffect: simulatedEffects(parts),
  }
}

function notifierStage(parts: ServiceParts): LaneStage<DeliverCallback, CallbackTried> {
  const { settings, random } = parts
  const { callbacksInFlightMax: inFlightMax } = settings
  return {
    ...common('notifier', TOPICS.notifierChangelog, settings),
    topicIds: parts.topicIds,
    inputs: [TOPICS.callbacks],
    createStage: () =>
      new Notifier({
        topic: TOPICS.callbacks,
        rules: CALLBACK_RULES,
        places: { inFlightMax, perHostMax: Math.ceil(inFlightMax / 2) },
        retries: { delayMinMs: 200, delayMaxMs: 5_000 },
        tryForMs: settings.callbackTryForMs,
        perJobMax: settings.callbacksPerJobMax,
        random,
      }),
    runEffect: callbackEffects(parts),
  }
}

type Common = Pick<LaneStage<never, never>, 'name' | 'groupId' | 'changelog' | 'limits' | 'decode' | 'place'>

function common(name: string, changelog: string, { limits }: ServiceSettings): Common {
  const place = { topics: TOPICS, changelog, stage: name, encode }
  return { name, groupId: `${APPLICATION}.${name}`, changelog, limits, decode, place }
}

export function encode(message: Message): Buffer {
  return jsonCodec.encode(message)
}

export function decode({ value }: InputRecord): Decoded {
  return jsonCodec.decode(value ?? Buffer.alloc(0))
}
