/** A Kafka client that stands still where a test wants it to: calls that never settle, readers that fall silent without a word. */
import type {
  InputRecord, KafkaAdmin, KafkaClient, LaneConsumer, LaneConsumerOptions, OutputRecord, PartitionReader, Position, RecordProducer,
  TailReader, TailReaderOptions, TopicPartition, TransactionalProducer, TransactionalProducerOptions, TransactionStep,
} from '../../src/kafka/port.ts'

export type StuckCall = 'commit' | 'open' | 'join' | 'stop'

export class StuckKafka implements KafkaClient {
  readonly #kafka: KafkaClient
  readonly #stuck = new Map<StuckCall, number>()
  /** Readers up to this one, in the order of their making, hear nothing any more. */
  #deafUpTo = 0
  readersMade = 0

  constructor(kafka: KafkaClient) {
    this.#kafka = kafka
  }

  /** The next calls of that kind never settle. */
  hang(call: StuckCall, times = 1): void {
    this.#stuck.set(call, times)
  }

  /** Nothing of what the readers that there are now read comes through any more. */
  deafen(): void {
    this.#deafUpTo = this.readersMade
  }

  admin(): Promise<KafkaAdmin> {
    return this.#kafka.admin()
  }

  producer(): Promise<RecordProducer> {
    return this.#kafka.producer()
  }

  partitionReader(): PartitionReader {
    return this.#kafka.partitionReader()
  }

  partitionOf(key: string, partitions: number): number {
    return this.#kafka.partitionOf(key, partitions)
  }

  async transactionalProducer(id: string, options?: TransactionalProducerOptions): Promise<TransactionalProducer> {
    const producer = await this.#call('open', () => this.#kafka.transactionalProducer(id, options))
    return {
      commit: (step: TransactionStep) => this.#call('commit', () => producer.commit(step)),
      commitAll: (batches: AsyncIterable<readonly OutputRecord[]>): Promise<Position> => producer.commitAll(batches),
      close: () => producer.close(),
    }
  }

  laneConsumer(options: LaneConsumerOptions): LaneConsumer {
    const heard = this.#filter()
    const consumer = this.#kafka.laneConsumer({
      ...options,
      events: {
        assigned: (partitions, memberId) => {
          options.events.assigned(partitions, memberId)
        },
        confirmed: () => {
          options.events.confirmed()
        },
        crashed: (error) => {
          options.events.crashed(error)
        },
        records: (at: TopicPartition, records: readonly InputRecord[], nextOffset: number) => {
          if (heard()) options.events.records(at, records, nextOffset)
        },
      },
    })
    return {
      start: () => this.#call('join', () => consumer.start()),
      stop: () => this.#call('stop', () => consumer.stop()),
      seek: (position) => {
        consumer.seek(position)
      },
      pause: (at) => {
        consumer.pause(at)
      },
      resume: (at) => {
        consumer.resume(at)
      },
    }
  }

  tailReader(options: TailReaderOptions): TailReader {
    const heard = this.#filter()
    const { events } = options
    return this.#kafka.tailReader({
      ...options,
      events: {
        crashed: (error) => {
          events.crashed(error)
        },
        records: (at, records, nextOffset) => (heard() ? events.records(at, records, nextOffset) : Promise.resolve()),
      },
    })
  }

  #filter(): () => boolean {
    this.readersMade += 1
    const number = this.readersMade
    return () => number > this.#deafUpTo
  }

  #call<T>(name: StuckCall, call: () => Promise<T>): Promise<T> {
    const left = this.#stuck.get(name) ?? 0
    if (left === 0) return call()
    this.#stuck.set(name, left - 1)
    return new Promise(() => undefined)
  }
}
