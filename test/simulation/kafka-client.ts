/** The Kafka port of one process, on the simulated broker. */
import {
  type KafkaAdmin, type KafkaClient, KafkaFailure, type LaneConsumer, type LaneConsumerOptions, type OutputRecord, type PartitionReader,
  type Position, type RecordProducer, type TailReader, type TailReaderOptions, type TopicDescription, type TopicIds, type TopicSpec,
  type TransactionalProducer, type TransactionStep,
} from '../../src/kafka/port.ts'
import { delay } from '../../src/runtime/clock.ts'
import { partitionOfKey } from '../../src/kafka/kafkajs/murmur2.ts'
import type { Random } from '../../src/runtime/random.ts'
import type { ProducerEpoch, SimulatedBroker } from './broker.ts'
import type { ConsumerGroups } from './consumer-groups.ts'
import { SimulatedLaneConsumer } from './lane-consumer.ts'
import type { Network } from './network.ts'
import type { SimulatedProcess } from './process.ts'
import { SimulatedTailReader } from './tail-reader.ts'

export interface SimulatedKafkaParts {
  readonly process: SimulatedProcess
  readonly broker: SimulatedBroker
  readonly network: Network
  readonly random: Random
  readonly groups: ConsumerGroups
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
    let isClosed = false
    return Promise.resolve({
      send: (records) => {
        if (isClosed) return Promise.reject(new KafkaFailure('the producer was closed', { code: 'CLOSED', disposition: 'restart' }))
        return process.call(network, () => broker.write(records))
      },
      close: () => {
        isClosed = true
        return Promise.resolve()
      },
    })
  }

  async transactionalProducer(transactionalId: string): Promise<TransactionalProducer> {
    const { broker } = this.#parts
    const epoch = await askCoordinator(this.#parts, () => broker.initProducer(transactionalId))
    return new SimulatedTransactionalProducer(this.#parts, epoch)
  }

  laneConsumer(options: LaneConsumerOptions): LaneConsumer {
    const consumer = new SimulatedLaneConsumer({ ...this.#parts, group: this.#parts.groups.of(options.groupId) }, options)
    this.consumers.add(consumer)
    return consumer
  }

  tailReader(options: TailReaderOptions): TailReader {
    return new SimulatedTailReader(this.#parts, options)
  }

  partitionReader(): PartitionReader {
    const { process, network, broker } = this.#parts
    return {
      read: ({ topic, partition, offset }, { bytesMax }) =>
        process.call(network, () => {
          const log = broker.logOf(topic, partition)
          return { ...log.read(offset, READ_RECORDS_MAX, bytesMax), endOffset: log.end }
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
  #isBusy = false
  #spent: KafkaFailure | null = null

  constructor(parts: SimulatedKafkaParts, epoch: ProducerEpoch) {
    this.#parts = parts
    this.#epoch = epoch
  }

  async commit(step: TransactionStep): Promise<void> {
    if (step.records.length > 0 || step.offsets.length > 0) await this.#transact(() => this.#commit(step))
  }

  async commitAll(batches: AsyncIterable<readonly OutputRecord[]>): Promise<Position> {
    return this.#transact(() => this.#commitAll(batches))
  }

  close(): Promise<void> {
    this.#spent ??= new KafkaFailure('the producer was closed', { code: 'CLOSED', disposition: 'restart' })
    return Promise.resolve()
  }

  async #transact<T>(run: () => Promise<T>): Promise<T> {
    if (this.#spent !== null) {
      const { message, disposition } = this.#spent
      throw new KafkaFailure(`of no more use: ${message}`, { code: 'PRODUCER_SPENT', disposition, cause: this.#spent })
    }
    if (this.#isBusy) throw new Error('the contract is broken: two transactions of one producer at once')
    this.#isBusy = true
    try {
      return await run()
    } catch (error) {
      const unclear = { code: 'UNKNOWN', disposition: 'restart', cause: error } as const
      this.#spent = error instanceof KafkaFailure ? error : new KafkaFailure('its records failed', unclear)
      throw error
    } finally {
      this.#isBusy = false
    }
  }

  /** Several requests, each of which may be the last that arrives: offsets, records in one or two, the end. */
  async #commit({ records, offsets, groupId }: TransactionStep): Promise<void> {
    const { broker, random } = this.#parts
    const cut = random() < 0.3 ? Math.floor(random() * records.length) : records.length
    if (offsets.length > 0) await askCoordinator(this.#parts, () => { broker.addOffsets(this.#epoch, groupId, offsets) })
    for (const part of [records.slice(0, cut), records.slice(cut)]) {
      if (part.length > 0) await askCoordinator(this.#parts, () => { broker.writeInTransaction(this.#epoch, part) })
    }
    await askCoordinator(this.#parts, () => { broker.commit(this.#epoch) })
  }

  async #commitAll(batches: AsyncIterable<readonly OutputRecord[]>): Promise<Position> {
    const { broker } = this.#parts
    let first: Position | undefined
    for await (const batch of batches) {
      const [position] = await askCoordinator(this.#parts, () => broker.writeInTransaction(this.#epoch, batch))
      first ??= position
    }
    if (first === undefined) throw new Error('the contract is broken: a transaction without records')
    await askCoordinator(this.#parts, () => { broker.commit(this.#epoch) })
    return first
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
    return this.#ask(() => 'a-simulated-cluster-id')
  }

  describeTopics(names: readonly string[]): Promise<readonly TopicDescription[]> {
    return this.#ask((broker) =>
      names.filter((name) => broker.hasTopic(name)).map((name) => ({
        ...{ name, partitions: broker.logsOf(name).length, replicationFactor: 1, config: broker.configOf(name) },
      })),
    )
  }

  topicIds(names: readonly string[]): Promise<TopicIds> {
    return this.#ask((broker) => new Map(names.filter((name) => broker.hasTopic(name)).map((name) => [name, broker.idOf(name)])))
  }

  createTopics(specs: readonly TopicSpec[]): Promise<void> {
    return this.#ask((broker) => {
      for (const { name, partitions, config } of specs) broker.createTopic(name, partitions, config)
    })
  }

  endOffsets(topic: string): Promise<readonly Position[]> {
    return this.#ask((broker) => broker.logsOf(topic).map(({ partition, end }) => ({ topic, partition, offset: end })))
  }

  startOffsets(topic: string): Promise<readonly Position[]> {
    return this.#ask((broker) => broker.logsOf(topic).map(({ partition, start }) => ({ topic, partition, offset: start })))
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

  dismissMember(groupId: string, memberId: string): Promise<void> {
    return this.#ask(() => {
      this.#parts.groups.of(groupId).leave(memberId)
    })
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #ask<T>(serve: (broker: SimulatedBroker) => T): Promise<T> {
    const { process, network, broker } = this.#parts
    return process.call(network, () => serve(broker))
  }
}
