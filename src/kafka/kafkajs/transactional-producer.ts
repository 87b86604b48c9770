/** The one place that begins, commits and, by fencing its predecessors, aborts transactions. */
import type { Producer, Transaction } from 'kafkajs'
import { delay, type Timers } from '../../runtime/clock.ts'
import { passFailpoint } from '../../runtime/failpoints.ts'
import { dispositionOf } from '../error-dispositions.ts'
import {
  KafkaFailure, type OutputRecord, type Position, type TransactionalProducer, type TransactionalProducerOptions,
  type TransactionStep,
} from '../port.ts'
import { toKafkaFailure } from './failure.ts'
import type { KnownTopics } from './known-topics.ts'
import { cutIntoRequests, sendRecords } from './outgoing.ts'
import { StickyPartitioner } from './partitioner.ts'
import { type CreateKafka, type KafkaSettings, retrySettings } from './settings.ts'
import type { Turnstile } from '../../runtime/turnstile.ts'

export interface ProducerContext {
  readonly createKafka: CreateKafka
  readonly settings: KafkaSettings
  readonly knownTopics: KnownTopics
  readonly largeCommits: Turnstile
}

/** Resolves once every earlier producer with the id is fenced and its transaction has ended. Throws KafkaFailure. */
export async function openTransactionalProducer(
  context: ProducerContext,
  transactionalId: string,
  options: TransactionalProducerOptions = {},
): Promise<TransactionalProducer> {
  const partitioner = new StickyPartitioner()
  const producer = context.createKafka().producer({
    transactionalId,
    idempotent: true,
    transactionTimeout: options.transactionTimeoutMs ?? context.settings.transactionTimeoutMs,
    allowAutoTopicCreation: false,
    createPartitioner: partitioner.create,
    retry: retrySettings,
  })
  try {
    await producer.connect()
    // Sends InitProducerId, which fences. What it begins is known to kafkajs only, until the first record is sent with it.
    const first = await producer.transaction()
    return new KafkajsTransactionalProducer(context, { producer, partitioner, first, transactionalId })
  } catch (error) {
    await disconnect(producer)
    throw toKafkaFailure(error, `opening the transactional producer ${transactionalId}`, 'transaction')
  }
}

interface OpenProducer {
  readonly producer: Producer
  readonly partitioner: StickyPartitioner
  readonly first: Transaction
  readonly transactionalId: string
}

class KafkajsTransactionalProducer implements TransactionalProducer {
  readonly #context: ProducerContext
  readonly #open: OpenProducer
  /** Begun, and not used yet. */
  #begun: Transaction | null
  #isBusy = false
  #spent: KafkaFailure | null = null

  constructor(context: ProducerContext, open: OpenProducer) {
    this.#context = context
    this.#open = open
    this.#begun = open.first
  }

  async commit(step: TransactionStep): Promise<void> {
    if (step.records.length === 0 && step.offsets.length === 0) return
    this.#occupy()
    try {
      await (isLarge(step) ? this.#context.largeCommits.pass(() => this.#commit(step)) : this.#commit(step))
      this.#isBusy = false
    } catch (error) {
      throw await this.#spend(error, topicsOf(step))
    }
  }

  async commitAll(batches: AsyncIterable<readonly OutputRecord[]>): Promise<Position> {
    this.#occupy()
    const source = new Source(batches)
    try {
      const first = await this.#commitAll(source)
      this.#isBusy = false
      return first
    } catch (error) {
      const failure = await this.#spend(error, source.topics)
      throw source.failed === null ? failure : source.failed.cause
    }
  }

  async close(): Promise<void> {
    this.#spent ??= failure('CLOSED', `the producer ${this.#open.transactionalId} was closed`)
    await disconnect(this.#open.producer)
  }

  #occupy(): void {
    if (this.#spent !== null) throw this.#refusal(this.#spent)
    if (this.#isBusy) throw new Error(`broken invariant: ${this.#open.transactionalId} is asked for two transactions at once`)
    this.#isBusy = true
  }

  async #spend(error: unknown, topics: readonly string[]): Promise<KafkaFailure> {
    const failure = toKafkaFailure(error, `transaction of ${this.#open.transactionalId}`, 'transaction')
    this.#spent = await this.#context.knownTopics.explain(failure, topics)
    return this.#spent
  }

  async #begin(): Promise<Transaction> {
    const transaction = this.#begun ?? (await this.#open.producer.transaction())
    this.#begun = null
    return transaction
  }

  async #commitAll(source: Source): Promise<Position> {
    let transaction: Transaction | null = null
    let first: Position | undefined
    for (let batch = await source.next(); batch !== null; batch = await source.next()) {
      await this.#context.knownTopics.require(source.topics)
      transaction ??= await this.#begin()
      // One record opens the transaction, for the reason that #commit names.
      const parts = first === undefined ? [batch.slice(0, 1), batch.slice(1)] : [batch]
      for (const request of parts.flatMap((part) => cutIntoRequests(part, this.#context.settings.requestBytesMax))) {
        const [position] = await sendRecords(transaction, request)
        first ??= position
      }
    }
    if (transaction === null || first === undefined) throw new Error('broken invariant: a transaction without records')
    passFailpoint('transaction.end.before', this.#open.transactionalId)
    await transaction.commit()
    return first
  }

  async #commit(step: TransactionStep): Promise<void> {
    await this.#context.knownTopics.require(topicsOf(step))
    const transaction = await this.#begin()
    const [opening, records] = this.#openingOf(step)
    // After a commit the broker is busy for a moment. The first request of the next transaction waits for that and is
    // repeated: it has to be one that goes to one broker only.
    if (step.offsets.length > 0) await sendOffsets(transaction, step, this.#context.settings.timers)
    if (opening.length > 0) await sendRecords(transaction, opening)
    for (const request of cutIntoRequests(records, this.#context.settings.requestBytesMax)) {
      await sendRecords(transaction, request)
    }
    passFailpoint('transaction.end.before', this.#open.transactionalId)
    await transaction.commit()
  }

  // The records that open the transaction, and those that follow once it is open.
  #openingOf({ records, offsets }: TransactionStep): readonly [readonly OutputRecord[], readonly OutputRecord[]] {
    if (offsets.length > 0 || this.#open.partitioner.isForOneBroker(records)) return [[], records]
    return [records.slice(0, 1), records.slice(1)]
  }

  #refusal(earlier: KafkaFailure): KafkaFailure {
    const message = `the producer ${this.#open.transactionalId} is of no more use: ${earlier.message}`
    return new KafkaFailure(message, { code: 'PRODUCER_SPENT', disposition: earlier.disposition, cause: earlier })
  }
}

/** Batches of records, and whether it was they that failed. */
class Source {
  readonly #batches: AsyncIterator<readonly OutputRecord[]>
  readonly #topics = new Set<string>()
  failed: { readonly cause: unknown } | null = null

  constructor(batches: AsyncIterable<readonly OutputRecord[]>) {
    this.#batches = batches[Symbol.asyncIterator]()
  }

  /** Those of the records so far. */
  get topics(): readonly string[] {
    return [...this.#topics]
  }

  /** Null behind the last one. */
  async next(): Promise<readonly OutputRecord[] | null> {
    try {
      const next = await this.#batches.next()
      if (next.done === true) return null
      for (const { topic } of next.value) this.#topics.add(topic)
      return next.value
    } catch (cause) {
      this.failed = { cause }
      throw cause
    }
  }
}

// Each has until the transaction times out. One after the other, all of them are quicker than side by side.
const LARGE_COMMIT_BYTES = 4 * 1024 * 1024

function isLarge({ records }: TransactionStep): boolean {
  return records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0) > LARGE_COMMIT_BYTES
}

// Refused for now, with nothing done. kafkajs repeats the request for none of these, though it means to for some.
const passingRefusals: ReadonlySet<string> = new Set([
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
])

async function sendOffsets(transaction: Transaction, step: TransactionStep, timers: Timers): Promise<void> {
  const offsets = { consumerGroupId: step.groupId, topics: byTopic(step.offsets) }
  let waitMs = retrySettings.initialRetryTime
  for (let retriesLeft = retrySettings.retries; ; retriesLeft -= 1) {
    try {
      await transaction.sendOffsets(offsets)
      return
    } catch (error) {
      const { code } = toKafkaFailure(error, 'sending offsets', 'transaction')
      if (!passingRefusals.has(code) || retriesLeft === 0) throw error
    }
    await delay(timers, waitMs)
    waitMs = Math.min(retrySettings.maxRetryTime, waitMs * retrySettings.multiplier)
  }
}

function byTopic(offsets: readonly Position[]): { topic: string; partitions: { partition: number; offset: string }[] }[] {
  const topics = new Map<string, { partition: number; offset: string }[]>()
  for (const { topic, partition, offset } of offsets) {
    const partitions = topics.get(topic) ?? []
    topics.set(topic, partitions)
    partitions.push({ partition, offset: String(offset) })
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }))
}

function topicsOf(step: TransactionStep): string[] {
  return step.records.map(({ topic }) => topic)
}

function failure(code: string, message: string): KafkaFailure {
  return new KafkaFailure(message, { code, disposition: dispositionOf(code) })
}

// Nothing depends on how the goodbye went: an open transaction is ended by the next producer with the id, or by its timeout.
async function disconnect(producer: Producer): Promise<void> {
  await producer.disconnect().catch(() => undefined)
}
