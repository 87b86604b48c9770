/** The broker: topics, transactional producers with their epochs, committed positions of groups. */
import { type Disposition, KafkaFailure, type OutputRecord, type Position } from '../../src/kafka/port.ts'
import { partitionOfKey } from '../../src/kafka/kafkajs/murmur2.ts'
import type { Clock, Timers } from '../../src/runtime/clock.ts'
import type { Random } from '../../src/runtime/random.ts'
import { type LogTransaction, PartitionLog } from './partition-log.ts'

const TRANSACTION_TIMEOUT_MS = 15_000

/** What a producer shows to prove that it is the latest one with its id. */
export interface ProducerEpoch {
  readonly transactionalId: string
  readonly epoch: number
}

interface OpenTransaction extends LogTransaction {
  readonly startedAt: number
  readonly logs: Set<PartitionLog>
  readonly offsets: { readonly groupId: string; readonly position: Position }[]
}

interface ProducerState {
  epoch: number
  transaction: OpenTransaction | null
  /** Of the transaction before, what has ended without all having heard of it: partitions, and the group. */
  untold: number
}

interface SimulatedTopic {
  readonly id: string
  readonly logs: readonly PartitionLog[]
  readonly config: TopicConfig
}

type TopicConfig = Readonly<Record<string, string>>

/** How long after a transaction's end each of its partitions, and its group, hears of that. */
export interface MarkerDelays {
  readonly timers: Timers
  readonly delayMs: () => number
}

export class SimulatedBroker {
  readonly #clock: Clock
  readonly #topics = new Map<string, SimulatedTopic>()
  #topicsCreated = 0
  readonly #producers = new Map<string, ProducerState>()
  readonly #committed = new Map<string, number>()
  readonly #markers: MarkerDelays | null
  /** Whether the coordinator of transactions answers. */
  isCoordinating = true

  /** Without `markers`, a transaction has ended everywhere at once. */
  constructor(clock: Clock, markers: MarkerDelays | null = null) {
    this.#clock = clock
    this.#markers = markers
  }

  /** One that is there already stays as it is. */
  createTopic(name: string, partitions: number, config: TopicConfig = {}): void {
    if (this.#topics.has(name)) return
    const logs = Array.from({ length: partitions }, (_, partition) => new PartitionLog(name, partition))
    this.#topicsCreated += 1
    this.#topics.set(name, { id: `topic ${this.#topicsCreated}`, logs, config })
  }

  deleteTopic(name: string): void {
    this.#topics.delete(name)
  }

  hasTopic(name: string): boolean {
    return this.#topics.has(name)
  }

  idOf(topic: string): string {
    return this.#topicOf(topic).id
  }

  configOf(topic: string): TopicConfig {
    return this.#topicOf(topic).config
  }

  logsOf(topic: string): readonly PartitionLog[] {
    return this.#topicOf(topic).logs
  }

  logOf(topic: string, partition: number): PartitionLog {
    const log = this.logsOf(topic)[partition]
    if (log === undefined) throw unknownTopic(topic, `there is no partition ${partition} of ${topic}`)
    return log
  }

  /** All of them or, where a topic does not take one, none. */
  write(records: readonly OutputRecord[]): readonly Position[] {
    for (const record of records) this.#admit(record)
    return records.map((record) => this.#append(record, null).position)
  }

  /** Fences earlier producers with the id and aborts what they left open; refuses until the end of that is known everywhere. */
  initProducer(transactionalId: string): ProducerEpoch {
    this.#coordinate()
    const state = this.#producers.get(transactionalId) ?? { epoch: -1, transaction: null, untold: 0 }
    this.#producers.set(transactionalId, state)
    if (state.untold > 0) throw stillEnding(transactionalId)
    state.epoch += 1
    this.#end(state, 'aborted')
    if (state.untold > 0) throw stillEnding(transactionalId)
    return { transactionalId, epoch: state.epoch }
  }

  writeInTransaction(producer: ProducerEpoch, records: readonly OutputRecord[]): readonly Position[] {
    const transaction = this.#transactionOf(this.#current(producer))
    return records.map((record) => {
      const { log, position } = this.#append(record, transaction)
      transaction.logs.add(log)
      return position
    })
  }

  addOffsets(producer: ProducerEpoch, groupId: string, positions: readonly Position[]): void {
    const transaction = this.#transactionOf(this.#current(producer))
    for (const position of positions) transaction.offsets.push({ groupId, position })
  }

  commit(producer: ProducerEpoch): void {
    const state = this.#current(producer)
    if (state.transaction === null) throw failure('INVALID_TXN_STATE', 'restart', 'there is no transaction to commit')
    this.#end(state, 'committed')
  }

  abort(producer: ProducerEpoch): void {
    this.#end(this.#current(producer), 'aborted')
  }

  /** Positions of a group; -1 where there is none. */
  committedOffsets(groupId: string, topics: readonly string[]): readonly Position[] {
    return topics.flatMap((topic) =>
      this.logsOf(topic).map(({ partition }) => {
        const offset = this.#committed.get(keyOf(groupId, { topic, partition, offset: 0 })) ?? -1
        return { topic, partition, offset }
      }),
    )
  }

  /** Forgets what a group has committed, as is done with one that had no members for a week. */
  expireOffsets(groupId: string): void {
    for (const key of this.#committed.keys()) if (key.startsWith(`${groupId} `)) this.#committed.delete(key)
  }

  /** Aborts transactions whose producer has been silent for too long, and fences it. */
  expireTransactions(): void {
    for (const state of this.#producers.values()) {
      if (state.transaction === null || state.transaction.startedAt + TRANSACTION_TIMEOUT_MS > this.#clock.now()) continue
      this.#end(state, 'aborted')
      state.epoch += 1
    }
  }

  compact(topic: string, random: Random): void {
    for (const log of this.logsOf(topic)) log.compact(random, this.#clock.now())
  }

  #current(producer: ProducerEpoch): ProducerState {
    this.#coordinate()
    const { transactionalId, epoch } = producer
    const state = this.#producers.get(transactionalId)
    if (state?.epoch !== epoch) throw failure('INVALID_PRODUCER_EPOCH', 'fenced', `${transactionalId} has a newer producer`)
    if (state.untold > 0) throw stillEnding(transactionalId)
    return state
  }

  #coordinate(): void {
    if (!this.isCoordinating) throw failure('COORDINATOR_NOT_AVAILABLE', 'retry', 'the coordinator is being elected')
  }

  #transactionOf(state: ProducerState): OpenTransaction {
    state.transaction ??= { state: 'open', startedAt: this.#clock.now(), logs: new Set(), offsets: [] }
    return state.transaction
  }

  // The end is decided at once; partitions and group hear of it one by one.
  #end(state: ProducerState, verdict: 'committed' | 'aborted'): void {
    const { transaction } = state
    state.transaction = null
    if (transaction === null) return
    transaction.state = verdict
    for (const log of transaction.logs) {
      this.#tell(state, () => {
        log.mark(transaction)
      })
    }
    if (verdict === 'aborted' || transaction.offsets.length === 0) return
    this.#tell(state, () => {
      for (const { groupId, position } of transaction.offsets) this.#committed.set(keyOf(groupId, position), position.offset)
    })
  }

  #tell(state: ProducerState, mark: () => void): void {
    if (this.#markers === null) {
      mark()
      return
    }
    state.untold += 1
    this.#markers.timers.after(this.#markers.delayMs(), () => {
      state.untold -= 1
      mark()
    })
  }

  #topicOf(name: string): SimulatedTopic {
    const topic = this.#topics.get(name)
    if (topic === undefined) throw unknownTopic(name, `there is no topic ${name}`)
    return topic
  }

  #admit({ topic, key, value }: OutputRecord): void {
    const { 'max.message.bytes': bytesMax = 'Infinity', 'cleanup.policy': cleanup } = this.configOf(topic)
    if ((value?.length ?? 0) > Number(bytesMax)) {
      throw failure('MESSAGE_TOO_LARGE', 'reject', `a record of ${topic} has more than ${bytesMax} bytes`, topic)
    }
    if (cleanup === 'compact' && key === null) throw failure('INVALID_RECORD', 'reject', `a record of ${topic} has no key`, topic)
  }

  #append(record: OutputRecord, transaction: LogTransaction | null): { readonly log: PartitionLog; readonly position: Position } {
    this.#admit(record)
    const { topic, key, value, headers = {} } = record
    const partition = record.partition ?? partitionOfKey(key ?? '', this.logsOf(topic).length)
    const log = this.logOf(topic, partition)
    const stored = { key: key === null ? null : Buffer.from(key), value, headers, timestampMs: this.#clock.now() }
    return { log, position: { topic, partition, offset: log.append(stored, transaction) } }
  }
}

function keyOf(groupId: string, { topic, partition }: Position): string {
  return `${groupId} ${topic} ${partition}`
}

function stillEnding(transactionalId: string): KafkaFailure {
  return failure('CONCURRENT_TRANSACTIONS', 'restart', `the transaction before of ${transactionalId} is still being ended`)
}

function unknownTopic(topic: string, message: string): KafkaFailure {
  return failure('UNKNOWN_TOPIC_OR_PARTITION', 'reject', message, topic)
}

function failure(code: string, disposition: Disposition, message: string, topic: string | null = null): KafkaFailure {
  return new KafkaFailure(message, { code, disposition, topic })
}
