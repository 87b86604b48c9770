/** Opens what all roles share: Kafka, the codec, the inventory. */
import type { Logger } from 'pino'
import { type Codec, createCodec } from '../codec/codec.ts'
import type { Config } from '../config/config.ts'
import { Inventory } from '../inventory/inventory.ts'
import { createKafkaClient } from '../kafka/kafkajs/client.ts'
import type { KafkaAdmin, KafkaClient, TopicIds } from '../kafka/port.ts'
import { describeTopics, type TopicNames, topicNames, type TopicReport, type TopicSettings } from '../kafka/topics.ts'
import { systemClock, systemTimers } from '../runtime/clock.ts'
import type { Closing } from '../runtime/closing.ts'

export interface Connections {
  readonly kafka: KafkaClient
  readonly admin: KafkaAdmin
  readonly codec: Codec
  readonly topics: TopicNames
  /** Of those, from before anything was read of them. */
  readonly topicIds: TopicIds
  /** What a batch on the command topic may have at most. */
  readonly commandBytesMax: number
  readonly inventory: Inventory
  /** Tells the topics that the read model is made of from those of another cluster, or of another time. */
  readonly identity: string
}

/** The topics that a process works on are not there. Starting again changes nothing before someone creates them. */
export class MissingTopics extends Error {
  override readonly name = 'MissingTopics'
  readonly disposition = 'fatal'

  constructor(names: readonly string[]) {
    super(`topics are missing: ${names.join(', ')}: run "datajob topics apply"`)
  }
}

/** Jobs would be sent to lanes in which no other process looks for them. */
export class OtherPartitions extends Error {
  override readonly name = 'OtherPartitions'
  readonly disposition = 'fatal'

  constructor(topics: readonly TopicReport[]) {
    const found = topics.flatMap(({ name, differences }) =>
      differences.filter(isPartitions).map((each) => `${name} has ${each.found}, not ${each.wanted}`),
    )
    super(`topics have other numbers of partitions than DATAJOB_PARTITIONS says: ${found.join('; ')}`)
  }
}

function isPartitions({ setting }: { readonly setting: string }): boolean {
  return setting === 'partitions'
}

const REGISTRY_TIMEOUT_MS = 5_000
const REGISTRY_RETRIES_MAX = 5

export interface ConnectOptions {
  readonly config: Config
  readonly worker: string
  readonly logger: Logger
  readonly closing: Closing
  /** Something without which the process is of no use has ended for good. */
  readonly onFatal: (error: Error) => void
}

/** Throws MissingTopics, OtherPartitions, KafkaFailure or RegistryFailure. */
export async function connect({ config, worker, logger, closing, onFatal }: ConnectOptions): Promise<Connections> {
  const kafka = createKafkaClient({
    brokers: config.kafkaBrokers,
    clientId: worker,
    logger: logger.child({ part: 'kafka' }),
    sessionTimeoutMs: config.sessionTimeoutMs,
    heartbeatIntervalMs: config.heartbeatIntervalMs,
    transactionTimeoutMs: config.transactionTimeoutMs,
  })
  const admin = await kafka.admin()
  closing.later('admin', () => admin.close())
  const topics = topicNames(config.topicPrefix)
  await requireTopics(admin, { prefix: config.topicPrefix, ...config })
  const topicIds = await admin.topicIds(Object.values(topics))
  const commandBytesMax = await batchBytesMax(admin, topics.commands)
  const registry = { url: config.registryUrl, requestTimeoutMs: REGISTRY_TIMEOUT_MS, retriesMax: REGISTRY_RETRIES_MAX }
  const codec = await createCodec(registry, { schemas: 'register', clock: systemClock })
  const inventory = new Inventory({
    ...{ kafka, admin, codec, topic: topics.inventory, timers: systemTimers },
    events: {
      failed: onFatal,
      waiting: (error) => {
        logger.warn({ err: error }, 'the inventory waits for Kafka or the schema registry')
      },
      skipped: ({ topic, partition, offset }, cause) => {
        logger.warn({ topic, partition, offset, cause }, 'inventory record skipped')
      },
    },
  })
  closing.later('inventory', () => inventory.stop())
  await inventory.start()
  const projected = [topics.commands, topics.jobs, topics.subjobEvents].map((topic) => topicIds.get(topic) ?? '')
  const identity = [await admin.clusterId(), config.topicPrefix, ...projected].join('/')
  return { kafka, admin, codec, topics, topicIds, commandBytesMax, inventory, identity }
}

async function requireTopics(admin: KafkaAdmin, settings: TopicSettings): Promise<void> {
  const reports = await describeTopics(admin, settings)
  const missing = reports.filter(({ state }) => state === 'missing').map(({ name }) => name)
  if (missing.length > 0) throw new MissingTopics(missing)
  const wrong = reports.filter(({ differences }) => differences.some(isPartitions))
  if (wrong.length > 0) throw new OtherPartitions(wrong)
}

async function batchBytesMax(admin: KafkaAdmin, topic: string): Promise<number> {
  const [described] = await admin.describeTopics([topic])
  return Number(described?.config['max.message.bytes'])
}
