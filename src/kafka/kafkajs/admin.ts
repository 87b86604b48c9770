import kafkajs, { type Admin } from 'kafkajs'
import { delay } from '../../runtime/clock.ts'
import { type KafkaAdmin, KafkaFailure, type Position, type TopicDescription, type TopicIds, type TopicSpec } from '../port.ts'
import { type Cluster, clusterOf } from './cluster.ts'
import { toKafkaFailure } from './failure.ts'
import { KnownTopics } from './known-topics.ts'
import { PASSING_ATTEMPTS_MAX, PASSING_INTERVAL_MS, passingStates } from './passing-states.ts'
import { type CreateKafka, type KafkaSettings, retrySettings } from './settings.ts'
import { readTopicIds } from './topic-ids.ts'

/** Throws KafkaFailure if no broker answers. */
export async function openAdmin(createKafka: CreateKafka, settings: KafkaSettings): Promise<KafkaAdmin> {
  return new KafkajsAdmin(await connect(createKafka, settings), { createKafka, settings })
}

async function connect(createKafka: CreateKafka, settings: KafkaSettings): Promise<Admin> {
  const admin = createKafka().admin({ retry: retrySettings })
  try {
    await admin.connect()
    return admin
  } catch (error) {
    await admin.disconnect().catch(() => undefined)
    throw toKafkaFailure(error, `connecting to Kafka at ${settings.brokers.join(', ')}`, 'call')
  }
}

/** One request after the other: kafkajs keeps one set of metadata, and calls side by side take it from each other. */
class KafkajsAdmin implements KafkaAdmin {
  #admin: Admin
  readonly #createKafka: CreateKafka
  readonly #settings: KafkaSettings
  readonly #knownTopics: KnownTopics
  #last: Promise<unknown> = Promise.resolve()
  /** For what kafkajs's own admin can't ask. */
  #cluster: Cluster | null = null

  constructor(admin: Admin, { createKafka, settings }: { readonly createKafka: CreateKafka; readonly settings: KafkaSettings }) {
    this.#admin = admin
    this.#createKafka = createKafka
    this.#settings = settings
    this.#knownTopics = new KnownTopics((name) => this.topicExists(name), settings.timers)
  }

  clusterId(): Promise<string> {
    return this.#inTurn("reading the cluster's id", async () => (await this.#admin.describeCluster()).clusterId)
  }

  async describeTopics(names: readonly string[]): Promise<readonly TopicDescription[]> {
    const existing: string[] = []
    for (const name of names) if (await this.topicExists(name)) existing.push(name)
    if (existing.length === 0) return []
    return this.#ofTopics(existing, `describing topics ${existing.join(', ')}`, async () => {
      const { topics } = await this.#admin.fetchTopicMetadata({ topics: existing })
      const resources = existing.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name }))
      const { resources: described } = await this.#admin.describeConfigs({ resources, includeSynonyms: false })
      const configs = new Map(described.map(({ resourceName, configEntries }) => [resourceName, configEntries]))
      const partitions = new Map(topics.map((topic) => [topic.name, topic.partitions]))
      return existing.map((name) => ({
        name,
        partitions: partitions.get(name)?.length ?? 0,
        replicationFactor: partitions.get(name)?.[0]?.replicas.length ?? 0,
        config: Object.fromEntries((configs.get(name) ?? []).map(({ configName, configValue }) => [configName, configValue])),
      }))
    })
  }

  topicIds(names: readonly string[]): Promise<TopicIds> {
    return this.#onCluster(`reading the ids of topics ${names.join(', ')}`, (cluster) => readTopicIds(cluster, names))
  }

  async createTopics(specs: readonly TopicSpec[]): Promise<void> {
    if (specs.length === 0) return
    const topics = specs.map(({ name, partitions, replicationFactor, config }) => ({
      topic: name,
      numPartitions: partitions,
      replicationFactor,
      configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
    }))
    await this.#inTurn(`creating topics ${specs.map(({ name }) => name).join(', ')}`, () =>
      this.#admin.createTopics({ topics, waitForLeaders: false, timeout: this.#settings.requestTimeoutMs }),
    )
    await this.#knownTopics.awaitCreated(specs.map(({ name }) => name))
    // A leader serves a partition some moments after it is named as its leader. Consumers that come earlier join their group twice.
    for (const { name } of specs) await this.#offsets(name)
  }

  async endOffsets(topic: string): Promise<readonly Position[]> {
    return (await this.#offsets(topic)).map(({ partition, high }) => ({ topic, partition, offset: Number(high) }))
  }

  async startOffsets(topic: string): Promise<readonly Position[]> {
    return (await this.#offsets(topic)).map(({ partition, low }) => ({ topic, partition, offset: Number(low) }))
  }

  async offsetsAt(topic: string, timestampMs: number): Promise<readonly Position[]> {
    const offsets = await this.#ofTopics([topic], `looking for a time in topic ${topic}`, () =>
      this.#admin.fetchTopicOffsetsByTimestamp(topic, timestampMs),
    )
    return inOrder(offsets).map(({ partition, offset }) => ({ topic, partition, offset: Number(offset) }))
  }

  async committedOffsets(groupId: string, topics: readonly string[]): Promise<readonly Position[]> {
    const answer = await this.#inTurn(`reading the offsets of group ${groupId}`, () =>
      this.#admin.fetchOffsets({ groupId, topics: [...topics] }),
    )
    return answer.flatMap(({ topic, partitions }) =>
      // Below -1 are kafkajs's marks for "first" and "last", committed when a position was lost to retention.
      inOrder(partitions).map(({ partition, offset }) => ({ topic, partition, offset: Math.max(-1, Number(offset)) })),
    )
  }

  async topicExists(name: string): Promise<boolean> {
    try {
      await this.#inTurn(`looking for topic ${name}`, () => this.#admin.fetchTopicMetadata({ topics: [name] }))
      return true
    } catch (error) {
      if (isAbsence(error)) return false
      throw error
    }
  }

  async dismissMember(groupId: string, memberId: string): Promise<void> {
    try {
      await this.#onCluster(`dismissing ${memberId} from group ${groupId}`, async (cluster) => {
        const coordinator = await cluster.findGroupCoordinator({ groupId })
        await coordinator.leaveGroup({ groupId, memberId })
      })
    } catch (error) {
      // Its session has ended meanwhile.
      if (!(error instanceof KafkaFailure) || error.code !== 'UNKNOWN_MEMBER_ID') throw error
    }
  }

  async close(): Promise<void> {
    await this.#cluster?.disconnect().catch(() => undefined)
    await this.#admin.disconnect().catch(() => undefined)
  }

  async #offsets(topic: string): Promise<{ partition: number; low: string; high: string }[]> {
    return inOrder(await this.#ofTopics([topic], `reading the offsets of topic ${topic}`, () => this.#admin.fetchTopicOffsets(topic)))
  }

  // Asked about a topic that is not there, kafkajs repeats the question until its retries are used up. One that was there may
  // have been deleted since; and of one that it was asked about before, it asks with every question about others.
  async #ofTopics<T>(topics: readonly string[], action: string, call: () => Promise<T>): Promise<T> {
    await this.#knownTopics.require(topics)
    try {
      return await this.#inTurn(action, call)
    } catch (error) {
      if (!(error instanceof KafkaFailure)) throw error
      const failure = await this.#knownTopics.explain(error, topics)
      if (!isAboutAnother(failure)) throw failure
      await this.#inTurn('connecting to Kafka anew', () => this.#renew())
      return this.#inTurn(action, call)
    }
  }

  #onCluster<T>(action: string, call: (cluster: Cluster) => Promise<T>): Promise<T> {
    this.#cluster ??= clusterOf(this.#createKafka())
    const cluster = this.#cluster
    return this.#attempt(action, async () => {
      await cluster.connect()
      return call(cluster)
    })
  }

  async #renew(): Promise<void> {
    const before = this.#admin
    this.#admin = await connect(this.#createKafka, this.#settings)
    await before.disconnect().catch(() => undefined)
  }

  #inTurn<T>(action: string, call: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#attempt(action, call))
    this.#last = result.catch(() => undefined)
    return result
  }

  async #attempt<T>(action: string, call: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await call()
      } catch (error) {
        const failure = toKafkaFailure(error, action, 'call')
        if (!passingStates.has(failure.code) || attempt >= PASSING_ATTEMPTS_MAX) throw failure
        await delay(this.#settings.timers, PASSING_INTERVAL_MS)
      }
    }
  }
}

function inOrder<T extends { readonly partition: number }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => a.partition - b.partition)
}

// What KnownTopics says of a topic that is missing where all that were asked about are there.
function isAboutAnother({ code, disposition }: KafkaFailure): boolean {
  return code === 'UNKNOWN_TOPIC_OR_PARTITION' && disposition !== 'reject'
}

function isAbsence(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : null
  return code === 'UNKNOWN_TOPIC_OR_PARTITION' || code === 'INVALID_TOPIC_EXCEPTION'
}
