/** Kafka by way of kafkajs 2.2.4. What it gets wrong, and what is done about it: docs/adr/0002-kafkajs-behind-a-port.md. */
import { Kafka } from 'kafkajs'
import type {
  KafkaAdmin,
  KafkaClient,
  LaneConsumer,
  LaneConsumerOptions,
  PartitionReader,
  RecordProducer,
  TailReader,
  TailReaderOptions,
  TransactionalProducer,
  TransactionalProducerOptions,
} from '../port.ts'
import { openAdmin } from './admin.ts'
import { amendKafkajs } from './amendments.ts'
import { KnownTopics } from './known-topics.ts'
import { KafkajsLaneConsumer } from './lane-consumer.ts'
import { partitionOfKey } from './murmur2.ts'
import { KafkajsPartitionReader } from './partition-reader.ts'
import { openRecordProducer } from './record-producer.ts'
import { type CreateKafka, kafkaConfigOf, kafkaDefaults, type KafkaClientOptions, type KafkaSettings } from './settings.ts'
import { KafkajsTailReader } from './tail-reader.ts'
import { openTransactionalProducer, type ProducerContext } from './transactional-producer.ts'
import { Turnstile } from '../../runtime/turnstile.ts'

/** Connects to nothing yet: each of the client's products has connections of its own, and closes them itself. */
export function createKafkaClient(options: KafkaClientOptions): KafkaClient {
  amendKafkajs()
  return new KafkajsClient({ ...kafkaDefaults, ...options })
}

class KafkajsClient implements KafkaClient {
  readonly #settings: KafkaSettings
  readonly #createKafka: CreateKafka
  readonly #producers: ProducerContext

  constructor(settings: KafkaSettings) {
    this.#settings = settings
    // A broker that takes connections and answers nothing holds up only those who begin with it.
    let turn = 0
    this.#createKafka = () => new Kafka(kafkaConfigOf(settings, turn++))
    const knownTopics = new KnownTopics((topic) => this.#topicExists(topic), settings.timers)
    this.#producers = { createKafka: this.#createKafka, settings, knownTopics, largeCommits: new Turnstile() }
  }

  admin(): Promise<KafkaAdmin> {
    return openAdmin(this.#createKafka, this.#settings)
  }

  producer(): Promise<RecordProducer> {
    return openRecordProducer(this.#producers)
  }

  transactionalProducer(transactionalId: string, options: TransactionalProducerOptions = {}): Promise<TransactionalProducer> {
    return openTransactionalProducer(this.#producers, transactionalId, options)
  }

  laneConsumer(options: LaneConsumerOptions): LaneConsumer {
    return new KafkajsLaneConsumer(this.#createKafka, this.#settings, options)
  }

  tailReader(options: TailReaderOptions): TailReader {
    return new KafkajsTailReader(this.#createKafka, this.#settings, options)
  }

  partitionReader(): PartitionReader {
    return new KafkajsPartitionReader(this.#createKafka, this.#settings)
  }

  partitionOf(key: string, partitions: number): number {
    return partitionOfKey(key, partitions)
  }

  // Asked once for each topic, so that a connection of its own is opened for the question only.
  async #topicExists(topic: string): Promise<boolean> {
    const admin = await this.admin()
    try {
      return await admin.topicExists(topic)
    } finally {
      await admin.close()
    }
  }
}
