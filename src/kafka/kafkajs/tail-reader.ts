import { randomUUID } from 'node:crypto'
import { AssignerProtocol, type Consumer, type ConsumerGroupJoinEvent, type EachBatchPayload, type PartitionAssigner } from 'kafkajs'
import type { KafkaFailure, TailReader, TailReaderOptions, TopicPartition } from '../port.ts'
import { takeBatch, takeEmptyBatch, type TakenBatch } from './incoming.ts'
import { PartitionCursors } from './partition-cursor.ts'
import { consumerConfigOf, type CreateKafka, type KafkaSettings } from './settings.ts'
import { type ConsumerRole, SupervisedConsumer } from './supervised-consumer.ts'

// Nobody waits for the reader's partitions, so it may be busy for long before its group gives it up.
const SESSION_TIMEOUT_MS = 60_000

/** kafkajs reads as a member of a group only. Each life of the reader has a group to itself, in which nothing is committed. */
export class KafkajsTailReader implements TailReader, ConsumerRole {
  readonly name: string
  readonly topics: readonly string[]
  readonly #createKafka: CreateKafka
  readonly #settings: KafkaSettings
  readonly #options: TailReaderOptions
  readonly #supervised: SupervisedConsumer
  readonly #cursors: PartitionCursors
  #lastCall: Promise<void> = Promise.resolve()

  constructor(createKafka: CreateKafka, settings: KafkaSettings, options: TailReaderOptions) {
    this.name = `the tail reader ${options.name}`
    this.topics = options.topics
    this.#createKafka = createKafka
    this.#settings = settings
    this.#options = options
    this.#cursors = new PartitionCursors(options.from)
    this.#supervised = new SupervisedConsumer(this, settings)
  }

  start(): Promise<void> {
    return this.#supervised.start()
  }

  async stop(): Promise<void> {
    await this.#supervised.stop()
    await this.#lastCall
  }

  create(): Consumer {
    const groupId = `datajob.tail.${this.#options.name}.${randomUUID()}`
    const role = { groupId, assigner: soleAssigner, sessionTimeoutMs: SESSION_TIMEOUT_MS }
    return this.#createKafka().consumer(consumerConfigOf(this.#settings, role))
  }

  joined(consumer: Consumer, { memberAssignment }: ConsumerGroupJoinEvent['payload']): void {
    for (const cursor of this.#cursors.own(memberAssignment)) {
      cursor.paused = false
      if (cursor.next !== null) consumer.seek({ ...cursor.at, offset: String(cursor.next) })
    }
  }

  heartbeat(): void {
    // Whether the group still knows the reader makes no difference to it.
  }

  async batch(consumer: Consumer, payload: EachBatchPayload): Promise<void> {
    const { batch } = payload
    const taken = takeBatch(this.#cursors.get(batch), consumer, payload)
    if (taken === null) return
    await this.#inTurn(taken)
    payload.resolveOffset(batch.lastOffset())
  }

  emptyBatch(consumer: Consumer, at: TopicPartition, nextOffset: number): void {
    if (takeEmptyBatch(this.#cursors.get(at), consumer, nextOffset)) {
      this.#inTurn({ at, records: [], nextOffset }).catch((error: unknown) => {
        this.#supervised.fail(error)
      })
    }
  }

  isHopeless({ disposition }: KafkaFailure): boolean {
    return disposition === 'fatal'
  }

  crashed(error: Error): void {
    this.#options.events.crashed(error)
  }

  #inTurn({ at, records, nextOffset }: TakenBatch): Promise<void> {
    const call = this.#lastCall.then(() => this.#options.events.records(at, records, nextOffset))
    this.#lastCall = call.catch(() => undefined)
    return call
  }
}

/** Gives every partition to the only member. */
const soleAssigner: PartitionAssigner = ({ cluster }) => ({
  name: 'datajob-tail',
  version: 1,
  protocol: ({ topics }) => ({
    name: 'datajob-tail',
    metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
  }),
  assign: ({ members, topics }) => {
    const partitionsOf = (topic: string): number[] => cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId)
    const assignment = Object.fromEntries(topics.map((topic) => [topic, partitionsOf(topic)]))
    const memberAssignment = AssignerProtocol.MemberAssignment.encode({ version: 1, assignment, userData: Buffer.alloc(0) })
    return Promise.resolve(members.slice(0, 1).map(({ memberId }) => ({ memberId, memberAssignment })))
  },
})
