/** The Kafka port of one process, on the simulated broker. */
import {
  type KafkaAdmin, type KafkaClient, KafkaFailure, type LaneConsumer, type LaneConsumerOptions, type OutputRecord, type PartitionReader,
  type Position, type RecordProducer, type TailReader, type TailReaderOptions, type TopicDescription, type TransactionalProducer,
  type TransactionStep,
} from '../../src/kafka/port.ts'
import { delay } from '../../src/runtime/clock.ts'
import { partitionOfKey } from '../../src/kafka/kafkajs/murmur2.ts'
import type { Random } from '../../src/runtime/random.ts'
import type { ProducerEpoch, SimulatedBroker } from './broker.ts'
import type { ConsumerGroup } from './consumer-groups.ts'
import { SimulatedLaneConsumer } from './lane-consumer.ts'
import type { Network } from './network.ts'
import type { SimulatedProcess } from './process.ts'
import { SimulatedTailReader } from './tail-reader.ts'

export interface SimulatedKafkaParts {
  readonly process: SimulatedProcess
  readonly broker: SimulatedBroker
  readonly network: Network
  readonly random: Random
  readonly groupOf: (groupId: string) => ConsumerGroup
}

/** What a client is told whose request or answer was lost: nobody knows whether it was carried out. */
export function lostRequest(): KafkaFailure {
  return new KafkaFailure('no answer came', { code: 'REQUEST_TIMED_OUT', disposition: 'restart' })
}

const READ_RECORDS_MAX = 50
/** How often, and after how long, a coordinator is asked again that is away, or is still busy with the transaction before. */
const COORDINATOR_TRIES_MAX = 12
const COORDINATOR_WAIT_MS = 10

export class SimulatedKafka implements KafkaClient {
  readonly #parts: SimulatedKafkaParts
  readonly consumers = new Set<SimulatedLaneConsumer>()

  constructor(parts: SimulatedKafkaParts) {
    this.#parts = parts
  }

  admin(): Promise<KafkaAdmin> {
    return Promise.resolve(new SimulatedAdmin(this.#parts))
  }

  producer(): Promise<RecordProducer> {
    const { process, network, broker } = this.#parts
    return Promise.resolve({
      send: (records) => process.call(network, () => broker.write(records)),
      close: () => Promise.resolve(),
    })
  }

  async transactionalProducer(transactionalId: string): Promise<TransactionalProducer> {
    const { broker } = this.#parts
    const epoch = await askCoordinator(this.#parts, () => broker.initProducer(transactionalId))
    return new SimulatedTransactionalProducer(this.#parts, epoch)
  }

  laneConsumer(options: LaneConsumerOptions): LaneConsumer {
    const consumer = new SimulatedLaneConsumer({ ...this.#parts, group: this.#parts.groupOf(options.groupId) }, options)
    this.consumers.add(consumer)
    return consumer
  }

  tailReader(options: TailReaderOptions): TailReader {
    return new SimulatedTailReader(this.#parts, options)
  }

  partitionReader(): PartitionReader {
    const { process, network, broker } = this.#parts
    return {
      read: ({ topic, partition, offset }) =>
        process.call(network, () => {
          const log = broker.logsOf(topic).find((each) => each.partition === partition)
          if (log === undefined) throw new Error(`no partition ${partition} of ${topic}`)
          return { ...log.read(offset, READ_RECORDS_MAX), endOffset: log.end }
        }),
      close: () => Promise.resolve(),
    }
  }

  partitionOf(key: string, partitions: number): number {
    return partitionOfKey(key, partitions)
  }
}

class SimulatedTransactionalProducer implements TransactionalProducer {
  readonly #parts: SimulatedKafkaParts
  readonly #epoch: ProducerEpoch
  #isUsable = true

  constructor(parts: SimulatedKafkaParts, epoch: ProducerEpoch) {
    this.#parts = parts
    this.#epoch = epoch
  }

  /** Several requests, each of which may be the last that arrives: records in one or two, offsets, the end. */
  async commit({ records, offsets, groupId }: TransactionStep): Promise<void> {
    if (!this.#isUsable) throw new Error('the contract is broken: a producer that failed was used again')
    this.#isUsable = false
    const { process, network, broker, random } = this.#parts
    const cut = random() < 0.3 ? Math.floor(random() * records.length) : records.length
    for (const part of [records.slice(0, cut), records.slice(cut)]) {
      if (part.length > 0) await askCoordinator(this.#parts, () => { broker.writeInTransaction(this.#epoch, part) })
    }
    // The real client does not ask again for offsets.
    if (offsets.length > 0) await process.call(network, () => { broker.addOffsets(this.#epoch, groupId, offsets) })
    await askCoordinator(this.#parts, () => { broker.commit(this.#epoch) })
    this.#isUsable = true
  }

  async commitAll(batches: AsyncIterable<readonly OutputRecord[]>): Promise<Position> {
    if (!this.#isUsable) throw new Error('the contract is broken: a producer that failed was used again')
    this.#isUsable = false
    const { broker } = this.#parts
    let first: Position | undefined
    for await (const batch of batches) {
      const [position] = await askCoordinator(this.#parts, () => broker.writeInTransaction(this.#epoch, batch))
      first ??= position
    }
    if (first === undefined) throw new Error('the contract is broken: a transaction without records')
    await askCoordinator(this.#parts, () => { broker.commit(this.#epoch) })
    this.#isUsable = true
    return first
  }

  close(): Promise<void> {
    this.#isUsable = false
    return Promise.resolve()
  }
}

async function askCoordinator<T>({ process, network }: SimulatedKafkaParts, serve: () => T): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await process.call(network, serve)
    } catch (error) {
      const code = error instanceof KafkaFailure ? error.code : null
      const isBusy = code === 'CONCURRENT_TRANSACTIONS' || code === 'COORDINATOR_NOT_AVAILABLE'
      if (!isBusy || tries === COORDINATOR_TRIES_MAX) throw error
      await delay(process, Math.round(COORDINATOR_WAIT_MS * 1.5 ** tries))
    }
  }
}

class SimulatedAdmin implements KafkaAdmin {
  readonly #parts: SimulatedKafkaParts

  constructor(parts: SimulatedKafkaParts) {
    this.#parts = parts
  }

  clusterId(): Promise<string> {
    return this.#ask(() => 'simulated')
  }

  describeTopics(names: readonly string[]): Promise<readonly TopicDescription[]> {
    return this.#ask((broker) =>
      names.map((name) => ({ name, partitions: broker.logsOf(name).length, replicationFactor: 1, config: {} })),
    )
  }

  createTopics(specs: readonly { readonly name: string; readonly partitions: number }[]): Promise<void> {
    return this.#ask((broker) => {
      for (const { name, partitions } of specs) broker.createTopic(name, partitions)
    })
  }

  endOffsets(topic: string): Promise<readonly Position[]> {
    return this.#ask((broker) => broker.logsOf(topic).map(({ partition, end }) => ({ topic, partition, offset: end })))
  }

  startOffsets(topic: string): Promise<readonly Position[]> {
    return this.#ask((broker) => broker.logsOf(topic).map(({ partition }) => ({ topic, partition, offset: 0 })))
  }

  offsetsAt(topic: string, timestampMs: number): Promise<readonly Position[]> {
    return this.#ask((broker) =>
      broker.logsOf(topic).map((log) => ({ topic, partition: log.partition, offset: log.offsetAt(timestampMs) })),
    )
  }

  committedOffsets(groupId: string, topics: readonly string[]): Promise<readonly Position[]> {
    return this.#ask((broker) => broker.committedOffsets(groupId, topics))
  }

  topicExists(name: string): Promise<boolean> {
    return this.#ask((broker) => broker.hasTopic(name))
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #ask<T>(serve: (broker: SimulatedBroker) => T): Promise<T> {
    const { process, network, broker } = this.#parts
    return process.call(network, () => serve(broker))
  }
}
