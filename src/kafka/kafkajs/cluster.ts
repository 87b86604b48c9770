import type { Kafka, KafkaMessage } from 'kafkajs'

/** What is used of kafkajs's own cluster and brokers, which its consumers fetch with. */
export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  metadata(options: { readonly topics: readonly string[] }): Promise<Metadata | null>
  findBroker(options: { readonly nodeId: string }): Promise<Broker>
  findGroupCoordinator(options: { readonly groupId: string }): Promise<Broker>
  /** One that it is connected to, of whichever it has. */
  readonly brokerPool: { findConnectedBroker(): Promise<Broker> }
}

interface Metadata {
  readonly topicMetadata: readonly {
    readonly topic: string
    readonly partitionMetadata: readonly { readonly partitionId: number; readonly leader: number | null }[]
  }[]
}

interface Broker {
  /** By the key of a request: the versions of it that the broker knows. */
  readonly versions: Readonly<Record<number, { readonly maxVersion: number }>>
  readonly connectionPool: { send<T>(exchange: Exchange<T>): Promise<T> }
  leaveGroup(request: { readonly groupId: string; readonly memberId: string }): Promise<unknown>
  fetch(request: FetchRequest): Promise<Answer<FetchedPartition>>
  listOffsets(request: OffsetsRequest): Promise<Answer<{ readonly offset: string }>>
}

/** A request that kafkajs has no name for. */
interface Exchange<T> {
  readonly request: { readonly apiKey: number; readonly apiVersion: number; readonly apiName: string; encode(): Promise<object> }
  readonly response: { decode(answer: Buffer): Promise<T>; parse(decoded: T): Promise<T> }
}

interface Answer<Partition> {
  readonly responses: readonly { readonly partitions: readonly Partition[] }[]
}

interface OffsetsRequest {
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[]
  }[]
}

interface FetchRequest {
  readonly isolationLevel: number
  readonly maxWaitTime: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string; readonly maxBytes: number }[]
  }[]
}

interface FetchedPartition {
  readonly highWatermark: string
  readonly messages: readonly (KafkaMessage & { readonly isControlRecord: boolean })[]
}

type CreateCluster = (options: { readonly allowAutoTopicCreation: boolean; readonly metadataMaxAge: number }) => Cluster

const METADATA_MS_MAX = 300_000

/** The member by which kafkajs makes a cluster for each of its clients. Throws when another version has none. */
export function clusterOf(kafka: Kafka): Cluster {
  const name = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === 'private:Kafka:createCluster')
  const create: unknown = name === undefined ? undefined : Reflect.get(kafka, name)
  if (typeof create !== 'function') throw new Error('kafkajs has no way to make a cluster: is it another version than 2.2.4?')
  return (create as CreateCluster)({ allowAutoTopicCreation: false, metadataMaxAge: METADATA_MS_MAX })
}
