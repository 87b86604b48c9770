/**
 * The only door to Kafka. Everything above it speaks these types; an adapter (src/kafka/kafkajs/) implements them and is
 * held to test/contract/kafka-port.ts against a real broker, and so is the simulated one of test/simulation/.
 */

/** A record as read. Offsets are numbers: Kafka's 64 bits are not used up below 2^53. */
export interface InputRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
  readonly timestampMs: number
}

/** A record to write. Without a partition, murmur2 of the key names it, as Java's clients and kafkajs do. */
export interface OutputRecord {
  readonly topic: string
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers?: Readonly<Record<string, string>>
  readonly partition?: number
  /** The topic's max.message.bytes, where it may be less than a request has: records that go together are a batch. */
  readonly batchBytesMax?: number
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** The offset of the next record to read. */
export interface Position extends TopicPartition {
  readonly offset: number
}

/**
 * What to do after an error: `retry` the call; start the lane again, because what happened is unclear (`restart`); give the
 * lane up, because another owns it (`fenced`); the record or request is at fault (`reject`); stop the process (`fatal`).
 */
export type Disposition = 'retry' | 'restart' | 'fenced' | 'reject' | 'fatal'

export class KafkaFailure extends Error {
  override readonly name = 'KafkaFailure'
  /** The broker's error type, or the client's own name for what failed. */
  readonly code: string
  readonly disposition: Disposition
  /** The topic that the broker complained about, where it named one. */
  readonly topic: string | null

  constructor(message: string, details: { code: string; disposition: Disposition; topic?: string | null; cause?: unknown }) {
    super(message, { cause: details.cause })
    this.code = details.code
    this.disposition = details.disposition
    this.topic = details.topic ?? null
  }
}

/** Writes records one by one or in batches; each call resolves after all in-sync replicas acknowledged. */
export interface RecordProducer {
  /** Resolves to the position of each record, in order. Throws KafkaFailure. */
  send(records: readonly OutputRecord[]): Promise<readonly Position[]>
  close(): Promise<void>
}

/** Writes records and input offsets as one: either all of it becomes visible to read_committed readers, or none. */
export interface TransactionalProducer {
  /**
   * Throws KafkaFailure; after any error the producer is unusable and is to be closed: whether the transaction was
   * committed is then unknown (`restart`), or another producer with the same id has taken over (`fenced`).
   */
  commit(step: TransactionStep): Promise<void>
  /**
   * Writes more records than memory may hold as one transaction: the next batch is asked for when the one before is written,
   * and nothing of that is looked at again.
   * Resolves to the position of the first record. Throws as {@link commit} does, or what `batches` threw; they are not empty.
   */
  commitAll(batches: AsyncIterable<readonly OutputRecord[]>): Promise<Position>
  close(): Promise<void>
}

export interface TransactionalProducerOptions {
  /** When the broker ends a transaction that is open for so long; left out, the client's own. */
  readonly transactionTimeoutMs?: number
}

export interface TransactionStep {
  readonly records: readonly OutputRecord[]
  /** Positions up to which input was consumed. */
  readonly offsets: readonly Position[]
  /** The consumer group that the offsets belong to. */
  readonly groupId: string
}

/** Hears from a {@link LaneConsumer}. Calls are synchronous and must return quickly. */
export interface LaneConsumerEvents {
  /**
   * A generation of the group began: exactly these partitions are ours now, of every topic alike. All are paused until resumed. The
   * group knows the consumer as `memberId`.
   */
  assigned(partitions: ReadonlySet<number>, memberId: string): void
  /** The group confirmed the membership: at this moment the assignment still holds. */
  confirmed(): void
  /** `nextOffset` is the position behind the batch, including markers and aborted records that are not shown. */
  records(at: TopicPartition, records: readonly InputRecord[], nextOffset: number): void
  /** The consumer has died for good and must be replaced. */
  crashed(error: Error): void
}

/** A member of a consumer group that owns whole lanes: the same partition number of all its topics. */
export interface LaneConsumer {
  start(): Promise<void>
  /** Where to read next; takes effect with the next fetch. */
  seek(position: Position): void
  pause(at: TopicPartition): void
  resume(at: TopicPartition): void
  stop(): Promise<void>
}

/** Reads every partition of some topics from given positions, for itself alone: no group owns it, nothing is committed. */
export interface TailReader {
  start(): Promise<void>
  stop(): Promise<void>
}

export interface TailReaderEvents {
  /** Awaited before more of that partition is read. `records` may be empty: then only the position moved. */
  records(at: TopicPartition, records: readonly InputRecord[], nextOffset: number): Promise<void>
  crashed(error: Error): void
}

/** What one call to a {@link PartitionReader} has read. */
export interface PartitionStretch {
  /** Committed ones; none where nothing more is there, or none of what is there is committed. */
  readonly records: readonly InputRecord[]
  /** Where to read on: behind the records, and behind markers and aborted ones that are not shown. */
  readonly nextOffset: number
  /** The position behind the last record of the partition, committed or not. */
  readonly endOffset: number
}

/** Reads any part of a partition when asked: no group, nothing committed, nothing running between the calls. */
export interface PartitionReader {
  /**
   * About `bytesMax` from there on, at least one batch where there is one. It does not wait for more to come. A position before
   * the first record that is still there begins with that. Throws KafkaFailure, `reject` on an unknown topic or partition.
   */
  read(from: Position, limit: { readonly bytesMax: number }): Promise<PartitionStretch>
  close(): Promise<void>
}

export interface TopicSpec {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly config: Readonly<Record<string, string>>
}

export interface TopicDescription {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly config: Readonly<Record<string, string>>
}

/** By topic, the id that the cluster gave it when it was created: another topic of that name has another. */
export type TopicIds = ReadonlyMap<string, string>

export interface KafkaAdmin {
  /** Given to the cluster when it was formatted; a new cluster at the same address has another. */
  clusterId(): Promise<string>
  /** Descriptions of those of the topics that exist. */
  describeTopics(names: readonly string[]): Promise<readonly TopicDescription[]>
  /** Of those of the topics that exist; of none where the brokers give topics no ids (before Kafka 2.8). */
  topicIds(names: readonly string[]): Promise<TopicIds>
  /** Resolves once every partition of the new topics is served by its leader. */
  createTopics(specs: readonly TopicSpec[]): Promise<void>
  /** The position behind the last record of each partition, ordered by partition. Throws KafkaFailure `reject` on an unknown topic. */
  endOffsets(topic: string): Promise<readonly Position[]>
  /** The position of the first record that is still there, of each partition, ordered by partition. */
  startOffsets(topic: string): Promise<readonly Position[]>
  /**
   * The position of the first record of each partition that is of that time or later, ordered by partition; its end where there
   * is none. Times are those that the records' writers gave, unless the topic takes the broker's.
   */
  offsetsAt(topic: string, timestampMs: number): Promise<readonly Position[]>
  /** Committed positions of a group; -1 where there is none. */
  committedOffsets(groupId: string, topics: readonly string[]): Promise<readonly Position[]>
  topicExists(name: string): Promise<boolean>
  /** Says for a member that has died that it leaves its group, which else waits for its session to end. One that lives joins again. */
  dismissMember(groupId: string, memberId: string): Promise<void>
  close(): Promise<void>
}

export interface LaneConsumerOptions {
  readonly groupId: string
  readonly topics: readonly string[]
  readonly events: LaneConsumerEvents
}

export interface TailReaderOptions {
  /** Goes into the name of the throw-away group that the client library insists on. */
  readonly name: string
  readonly topics: readonly string[]
  /** Where to begin; a partition that is not named begins at its first record. */
  readonly from: readonly Position[]
  readonly events: TailReaderEvents
}

export interface KafkaClient {
  admin(): Promise<KafkaAdmin>
  producer(): Promise<RecordProducer>
  /** Fences every earlier producer with this id and settles its open transaction before it resolves. */
  transactionalProducer(transactionalId: string, options?: TransactionalProducerOptions): Promise<TransactionalProducer>
  laneConsumer(options: LaneConsumerOptions): LaneConsumer
  tailReader(options: TailReaderOptions): TailReader
  /** Connects when it is asked for the first time. */
  partitionReader(): PartitionReader
  /** The partition that murmur2 of the key names among `partitions`. */
  partitionOf(key: string, partitions: number): number
}
