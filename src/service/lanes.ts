/** What the lanes of each stage are made of. */
import type { Codec } from '../codec/codec.ts'
import type { Config } from '../config/config.ts'
import type { DestinationRules } from '../domain/destination.ts'
import type { Message } from '../domain/messages.ts'
import type { MessageType } from '../domain/messages.ts'
import { managedObjectOf, type SplitLimits } from '../domain/split.ts'
import type { SubmissionLimits } from '../domain/submission.ts'
import { definitionOf } from '../inventory/definition-handles.ts'
import type { Inventory } from '../inventory/inventory.ts'
import type { Decoded, DecodeRecord, LaneLimits, LaneStage, OutputRefusal } from '../kafka/lane-life.ts'
import type { InputRecord, KafkaClient, TopicIds } from '../kafka/port.ts'
import type { TopicNames } from '../kafka/topics.ts'
import { facetConditionOf } from '../read-model/job-conditions.ts'
import { systemRandom } from '../runtime/random.ts'
import type { OperationSpill } from '../spill/operation-spill.ts'
import type { ConcludeJob, JobConclusion } from '../stages/coordinator/conclusion.ts'
import { Coordinator } from '../stages/coordinator/coordinator.ts'
import { Dispatcher } from '../stages/dispatcher/dispatcher.ts'
import type { PortionLimits } from '../stages/coordinator/part-intake.ts'
import type { CallbackRule, CallbackTried, DeliverCallback } from '../stages/notifier/callback-delivery.ts'
import { BulkCommander, type FindJobs, type JobsFound } from '../stages/bulk-commander.ts'
import { Notifier } from '../stages/notifier/notifier.ts'
import type { DispatcherCompletion, DispatcherEffect } from '../stages/dispatcher/subjob-calls.ts'
import type { EffectRunner } from '../stages/stage.ts'

export interface LaneParts {
  readonly config: Config
  readonly worker: string
  readonly kafka: KafkaClient
  readonly codec: Codec
  readonly topics: TopicNames
  readonly topicIds: TopicIds
  readonly commandBytesMax: number
  readonly inventory: Inventory
  readonly spill: OperationSpill
  readonly onRefusal: (refusal: OutputRefusal) => void
}

/** A job whose handles are missing may have overtaken their registration: it waits for the inventory this long. */
const INVENTORY_WAIT_MS = 2_000
// The id as key and in the value, both of up to 1,024 bytes, a digest, defaults that were left out, where it came from.
const FORWARDING_BYTES_MAX = 4_096
const LANE_RESTART_DELAY_MIN_MS = 100
const LANE_RESTART_DELAY_MAX_MS = 5_000
const RESUME_SPREAD_MS = 2_000
const POLL_ELAPSED_RATIO = 0.25
const POLL_JITTER_RATIO = 0.2

export function destinationRules(config: Config): DestinationRules {
  return { bareNameIs: config.bareDestinationIs, topicPrefix: config.topicPrefix }
}

export function submissionLimits(config: Config): SubmissionLimits {
  return { operationsMax: config.operationsMax, pathLengthMax: config.pathLengthMax }
}

export function splitLimits(config: Config): SplitLimits {
  return { operationsMax: config.subjobOperationsMax, bytesMax: config.subjobBytesMax }
}

// Half of the room for open subjobs is for jobs of one record: large ones never stop the reading of commands.
function portionLimits({ partsWaitingMax, openSubjobsMax }: Config): PortionLimits {
  return { partsWaitingMax, openSubjobsMax: Math.ceil(openSubjobsMax / 2) }
}

export function coordinatorLanes(
  parts: LaneParts,
  runEffect: EffectRunner<ConcludeJob, JobConclusion>,
): LaneStage<ConcludeJob, JobConclusion> {
  const { config, topics, codec, inventory, kafka, spill } = parts
  return {
    ...common(parts, 'coordinator', topics.coordinatorChangelog),
    inputs: [topics.commands, topics.subjobEvents],
    decode: decodeBy(codec, topics, {
      [topics.subjobEvents]: ['SubjobsPlanned', 'SubjobRecalled', 'SubjobStarted', 'SubjobReported', 'SubjobAttemptFailed', 'SubjobEnded'],
    }),
    runEffect,
    beforeTurn: (messages, hasMissed) => awaitHandles(messages, hasMissed, inventory),
    createStage: (partition) =>
      new Coordinator({
        partition,
        homePartition: (jobId) => kafka.partitionOf(jobId, config.partitions),
        forwardedBytesMax: parts.commandBytesMax - FORWARDING_BYTES_MAX,
        findHandle: inventory.find,
        destinations: destinationRules(config),
        submissions: submissionLimits(config),
        splits: splitLimits(config),
        store: spill.open(),
        decodePart: (value) => codec.decodePart(value),
        attemptsMax: config.attemptsMax,
        partsTimeoutMs: config.partsTimeoutMs,
        portions: portionLimits(config),
        jobRetentionMs: config.jobRetentionMs,
        retryRetentionMs: config.retryRetentionMs,
      }),
  }
}

type DispatcherLaneEffects = Pick<
  LaneStage<DispatcherEffect, DispatcherCompletion>,
  'runEffect' | 'completionBytes' | 'onCommitted'
>

export function dispatcherLanes(
  parts: LaneParts,
  effects: DispatcherLaneEffects,
): LaneStage<DispatcherEffect, DispatcherCompletion> {
  const { config, topics, codec, inventory, worker, spill } = parts
  return {
    ...common(parts, 'dispatcher', topics.dispatcherChangelog),
    inputs: [topics.subjobs],
    decode: decodeBy(codec, topics, { [topics.subjobs]: ['DispatchSubjob', 'CancelSubjob', 'RecallSubjob'] }),
    ...effects,
    createStage: () =>
      new Dispatcher({
        worker,
        random: systemRandom,
        polls: {
          delayMinMs: config.pollDelayMinMs,
          delayMaxMs: config.pollDelayMaxMs,
          elapsedRatio: POLL_ELAPSED_RATIO,
          jitterRatio: POLL_JITTER_RATIO,
        },
        retries: { delayMinMs: config.retryDelayMinMs, delayMaxMs: config.retryDelayMaxMs },
        callFailuresMax: config.callFailuresMax,
        store: spill.open(),
        subjobTimeoutMs: (service) => inventory.service(service)?.subjobTimeoutMs ?? config.subjobTimeoutMs,
        cancelTimeoutMs: config.cancelTimeoutMs,
        definitionOf,
        isPaused: inventory.isPaused,
        subjobsInFlightMax: (service) => inventory.service(service)?.subjobsInFlightMax ?? config.subjobsInFlightMax,
        resumeSpreadMs: RESUME_SPREAD_MS,
      }),
  }
}

/** Commands about many jobs that are held in memory; beyond, they wait in their topic. */
const BULK_WAITING_MAX = 100

/** A host that hangs has this part of a lane's places. */
const CALLBACKS_PER_HOST = 0.25

export function bulkLanes(parts: LaneParts, runEffect: EffectRunner<FindJobs, JobsFound>): LaneStage<FindJobs, JobsFound> {
  const { config, topics, codec, kafka } = parts
  const lanes = common(parts, 'bulk', topics.bulkChangelog)
  const decode = decodeBy(codec, topics, { [topics.bulk]: ['CommandJobs'] })
  return {
    ...lanes,
    inputs: [topics.bulk],
    limits: { ...lanes.limits, loadMax: BULK_WAITING_MAX },
    decode: (record) => {
      const decoded = decode(record)
      return decoded instanceof Promise ? decoded.then(withKnownFacets) : withKnownFacets(decoded)
    },
    runEffect,
    createStage: () =>
      new BulkCommander({ homePartition: (jobId) => kafka.partitionOf(jobId, config.partitions), portionMax: config.turnRecordsMax }),
  }
}

// A newer build may have written it.
function withKnownFacets(decoded: Decoded): Decoded {
  if (!decoded.ok || decoded.message.type !== 'CommandJobs') return decoded
  const unknown = decoded.message.conditions.find((condition) => facetConditionOf(condition) === null)
  return unknown === undefined ? decoded : { ok: false, cause: `no jobs are searched by "${unknown.facet}" here` }
}

export function notifierLanes(
  parts: LaneParts,
  rules: Readonly<Record<string, CallbackRule>>,
  runEffect: EffectRunner<DeliverCallback, CallbackTried>,
): LaneStage<DeliverCallback, CallbackTried> {
  const { config, topics, codec } = parts
  const lanes = common(parts, 'notifier', topics.notifierChangelog)
  return {
    ...lanes,
    inputs: [topics.callbacks],
    limits: { ...lanes.limits, loadMax: config.callbacksWaitingMax },
    decode: decodeBy(codec, topics, { [topics.callbacks]: ['JobNotice'] }),
    runEffect,
    createStage: () =>
      new Notifier({
        ...{ topic: topics.callbacks, rules, random: systemRandom },
        places: { inFlightMax: config.callbacksInFlightMax, perHostMax: Math.ceil(config.callbacksInFlightMax * CALLBACKS_PER_HOST) },
        retries: { delayMinMs: config.callbackDelayMinMs, delayMaxMs: config.callbackDelayMaxMs },
        tryForMs: config.callbackTryForMs,
        perJobMax: config.callbacksPerJobMax,
      }),
  }
}

interface CommonParts {
  readonly name: string
  readonly groupId: string
  readonly changelog: string
  readonly topicIds: TopicIds
  readonly limits: LaneLimits
  readonly place: LaneStage<never, never>['place']
  readonly onRefusal: LaneParts['onRefusal']
}

function common({ config, topics, topicIds, codec, onRefusal }: LaneParts, name: string, changelog: string): CommonParts {
  return {
    name,
    groupId: `${config.application}.${name}`,
    changelog,
    topicIds,
    limits: {
      turnMax: { records: config.turnRecordsMax, bytes: config.turnBytesMax },
      inboxMax: { records: config.inboxRecordsMax, bytes: config.inboxBytesMax },
      loadMax: config.openSubjobsMax,
      restartDelayMinMs: LANE_RESTART_DELAY_MIN_MS,
      restartDelayMaxMs: LANE_RESTART_DELAY_MAX_MS,
    },
    place: { topics, changelog, stage: name, encode: (message: Message) => codec.encode(message) },
    onRefusal,
  }
}

function decodeBy(codec: Codec, topics: TopicNames, expected: Readonly<Record<string, readonly MessageType[]>>): DecodeRecord {
  return (record: InputRecord) => {
    if (record.value === null) return { ok: false, cause: 'the record has no value' }
    if (record.topic === topics.commands) return codec.decodeCommandHead(record.value, record.timestampMs)
    return codec.decode(record.value, expected[record.topic])
  }
}

// A part of a large job is looked up when it is split, and says then that something was missing.
async function awaitHandles(messages: readonly Message[], hasMissed: boolean, inventory: Inventory): Promise<void> {
  const isMissing = (message: Message): boolean =>
    message.type === 'SubmitJob' &&
    message.operations.some(({ path }) => inventory.find(managedObjectOf(path), message.tenant) === undefined)
  if (hasMissed || messages.some(isMissing)) await inventory.caughtUp(INVENTORY_WAIT_MS)
}
