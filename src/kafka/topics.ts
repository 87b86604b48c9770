/** The topics that the stages live on: their names, their shape, and the check that those in Kafka have it. */
import type { KafkaAdmin, TopicDescription, TopicSpec } from './port.ts'

type TopicRole =
  | 'commands'
  | 'subjobs'
  | 'subjobEvents'
  | 'jobs'
  | 'inventory'
  | 'coordinatorChangelog'
  | 'dispatcherChangelog'
  | 'callbacks'
  | 'notifierChangelog'
  | 'bulk'
  | 'bulkChangelog'
  | 'deadLetters'
  | 'results'

export type TopicNames = Readonly<Record<TopicRole, string>>

export interface TopicSettings {
  /** What all names begin with, `datajob.` by default. */
  readonly prefix: string
  /** Of every topic that is read in lanes, 6 by default. Can't be changed later: it says which lane a job belongs to. */
  readonly partitions: number
  /** -1 leaves it to the broker. */
  readonly replicationFactor: number
}

/** A setting of a topic that is not as it should be. */
export interface TopicDifference {
  readonly setting: string
  readonly found: string
  readonly wanted: string
}

export interface TopicReport {
  readonly name: string
  readonly state: 'created' | 'exists' | 'missing'
  readonly partitions: number
  /** As the broker has it; -1 for a topic that is missing and left to the broker. */
  readonly replicationFactor: number
  /** What differs and can be lived with; the operator may have had a reason. */
  readonly differences: readonly TopicDifference[]
}

/** A difference that would lose records or mix up lanes. */
export interface TopicMismatch extends TopicDifference {
  readonly name: string
  readonly remedy: string
}

/** Topics exist that can't be used as they are. Nothing was changed. The message lists all of them, and what to do. */
export class TopicMismatchError extends Error {
  override readonly name = 'TopicMismatchError'
  readonly code = 'TOPIC_MISMATCH'
  readonly mismatches: readonly TopicMismatch[]

  constructor(mismatches: readonly TopicMismatch[]) {
    const lines = mismatches.map(({ name, setting, found, wanted, remedy }) => {
      return `${name}: ${setting} is ${found}, must be ${wanted}: ${remedy}`
    })
    super(`topics exist that can't be used as they are:\n${lines.join('\n')}`)
    this.mismatches = mismatches
  }
}

export function topicNames(prefix: string): TopicNames {
  return {
    commands: `${prefix}commands`,
    subjobs: `${prefix}subjobs`,
    subjobEvents: `${prefix}subjob-events`,
    jobs: `${prefix}jobs`,
    inventory: `${prefix}inventory`,
    coordinatorChangelog: `${prefix}coordinator-changelog`,
    dispatcherChangelog: `${prefix}dispatcher-changelog`,
    callbacks: `${prefix}callbacks`,
    notifierChangelog: `${prefix}notifier-changelog`,
    bulk: `${prefix}bulk`,
    bulkChangelog: `${prefix}bulk-changelog`,
    deadLetters: `${prefix}dead-letters`,
    results: `${prefix}results`,
  }
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MIB = 1_048_576

// A dead letter is a command with its origin and its cause around it, a subjob one with its job's facts: both are larger.
const COMMAND_BYTES_MAX = MIB
const RECORD_BYTES_MAX = 2 * MIB

type TopicConfig = Readonly<Record<string, string>>

// A segment is deleted as a whole: with the default of a week, records would be there for two, and a read model that is
// rebuilt would meet commands of jobs whose deletion is no longer on record.
function keptFor(days: number): TopicConfig {
  return {
    'cleanup.policy': 'delete',
    'retention.ms': String(days * DAY_MS),
    'segment.ms': String(12 * HOUR_MS),
    'max.message.bytes': String(RECORD_BYTES_MAX),
  }
}

// Only closed segments are compacted. By default one closes after a week or a gigabyte, and is cleaned when half of the log
// is dirty: a changelog would be replayed with a week of history in it.
function compacted(tombstoneDays: number): TopicConfig {
  return {
    'cleanup.policy': 'compact',
    'segment.ms': String(HOUR_MS),
    'segment.bytes': String(64 * MIB),
    'min.cleanable.dirty.ratio': '0.1',
    'delete.retention.ms': String(tombstoneDays * DAY_MS),
    'max.message.bytes': String(RECORD_BYTES_MAX),
  }
}

// Anyone may write to these with any client. The broker unpacks what they compressed: ours knows gzip only, and a batch that
// it can't read would stop the lane.
const openToAll: TopicConfig = { 'compression.type': 'uncompressed' }

/**
 * All topics as they should be. Inventory has one partition, because every coordinator reads all of it, in the order in which
 * it was written; commands about many jobs have one, because each begins when the one before is done; dead letters have one, because people
 * read them, and there are few.
 */
export function topicSpecs({ prefix, partitions, replicationFactor }: TopicSettings): readonly TopicSpec[] {
  const names = topicNames(prefix)
  const spec = (name: string, count: number, config: TopicConfig): TopicSpec => {
    // Two of three replicas must have a record before it counts as written: with one, the loss of its disk loses it.
    const durable: TopicConfig = replicationFactor >= 3 ? { 'min.insync.replicas': '2' } : {}
    return { name, partitions: count, replicationFactor, config: { ...config, ...durable } }
  }
  return [
    spec(names.commands, partitions, { ...keptFor(7), ...openToAll, 'max.message.bytes': String(COMMAND_BYTES_MAX) }),
    spec(names.subjobs, partitions, keptFor(7)),
    spec(names.subjobEvents, partitions, keptFor(7)),
    // Deletions outlive the commands of the jobs that they delete, so that a rebuilt read model forgets them again.
    spec(names.jobs, partitions, compacted(8)),
    spec(names.inventory, 1, { ...compacted(7), ...openToAll }),
    // Always replayed from the first record, within minutes.
    spec(names.coordinatorChangelog, partitions, compacted(1)),
    spec(names.dispatcherChangelog, partitions, compacted(1)),
    spec(names.callbacks, partitions, keptFor(7)),
    spec(names.notifierChangelog, partitions, compacted(1)),
    spec(names.bulk, 1, keptFor(7)),
    spec(names.bulkChangelog, 1, compacted(1)),
    spec(names.deadLetters, 1, keptFor(30)),
    spec(names.results, partitions, keptFor(7)),
  ]
}

/** Compares the topics in Kafka with what they should be. Throws KafkaFailure. */
export async function describeTopics(admin: KafkaAdmin, settings: TopicSettings): Promise<readonly TopicReport[]> {
  const found = await findTopics(admin, topicSpecs(settings))
  return found.map(({ spec, topic }) => reportOf(spec, topic, 'exists'))
}

/**
 * Creates the topics that are missing; those that exist are left as they are. Throws TopicMismatchError, before anything is
 * created, if one of them has another partition count, cleanup policy or compression; KafkaFailure if Kafka refuses.
 */
export async function applyTopics(admin: KafkaAdmin, settings: TopicSettings): Promise<readonly TopicReport[]> {
  const specs = topicSpecs(settings)
  const before = await findTopics(admin, specs)
  refuseMismatches(before)
  const missing = before.filter(({ topic }) => topic === null).map(({ spec }) => spec)
  if (missing.length === 0) return before.map(({ spec, topic }) => reportOf(spec, topic, 'exists'))
  await admin.createTopics(missing)
  // Another process may have created them meanwhile, with other settings.
  const after = await findTopics(admin, specs)
  refuseMismatches(after)
  return after.map(({ spec, topic }) => reportOf(spec, topic, missing.includes(spec) ? 'created' : 'exists'))
}

interface FoundTopic {
  readonly spec: TopicSpec
  readonly topic: TopicDescription | null
}

async function findTopics(admin: KafkaAdmin, specs: readonly TopicSpec[]): Promise<readonly FoundTopic[]> {
  const topics = await admin.describeTopics(specs.map(({ name }) => name))
  return specs.map((spec) => ({ spec, topic: topics.find(({ name }) => name === spec.name) ?? null }))
}

function refuseMismatches(found: readonly FoundTopic[]): void {
  const mismatches = found.flatMap(({ spec, topic }) => (topic === null ? [] : mismatchesOf(spec, topic)))
  if (mismatches.length > 0) throw new TopicMismatchError(mismatches)
}

function mismatchesOf(spec: TopicSpec, topic: TopicDescription): readonly TopicMismatch[] {
  const { name } = spec
  return differencesOf(spec, topic).flatMap((difference) => {
    const remedy = remedyOf(name, difference, spec.partitions === 1)
    return remedy === null ? [] : [{ name, ...difference, remedy }]
  })
}

function remedyOf(name: string, { setting, found, wanted }: TopicDifference, isSingle: boolean): string | null {
  if (setting === 'partitions') {
    if (isSingle) return 'delete the topic, it is created anew'
    return `configure ${found} partitions, or another prefix; jobs would change their lane if the topic were changed`
  }
  if (setting === 'cleanup.policy' || setting === 'compression.type') {
    return `kafka-configs.sh --alter --entity-type topics --entity-name ${name} --add-config ${setting}=${wanted}`
  }
  return null
}

function differencesOf(spec: TopicSpec, topic: TopicDescription): readonly TopicDifference[] {
  const wanted = { ...spec.config, partitions: String(spec.partitions), ...replicasOf(spec.replicationFactor) }
  const found: Readonly<Record<string, string>> = {
    ...topic.config,
    partitions: String(topic.partitions),
    replicationFactor: String(topic.replicationFactor),
  }
  return Object.entries(wanted)
    .map(([setting, value]) => ({ setting, found: found[setting] ?? 'not set', wanted: value }))
    .filter((each) => each.found !== each.wanted)
}

function replicasOf(replicationFactor: number): Readonly<Record<string, string>> {
  return replicationFactor === -1 ? {} : { replicationFactor: String(replicationFactor) }
}

function reportOf(spec: TopicSpec, topic: TopicDescription | null, state: 'created' | 'exists'): TopicReport {
  const { name, partitions, replicationFactor } = topic ?? spec
  if (topic === null) return { name, state: 'missing', partitions, replicationFactor, differences: [] }
  return { name, state, partitions, replicationFactor, differences: differencesOf(spec, topic) }
}
