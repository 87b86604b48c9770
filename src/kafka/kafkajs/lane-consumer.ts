import type { Consumer, ConsumerGroupJoinEvent, ConsumerHeartbeatEvent, EachBatchPayload } from 'kafkajs'
import type { KafkaFailure, LaneConsumer, LaneConsumerOptions, Position, TopicPartition } from '../port.ts'
import { takeBatch, takeEmptyBatch } from './incoming.ts'
import { type LaneClaim, laneAssigner } from './lane-assigner.ts'
import { PartitionCursors } from './partition-cursor.ts'
import { consumerConfigOf, type CreateKafka, type KafkaSettings } from './settings.ts'
import { type ConsumerRole, SupervisedConsumer } from './supervised-consumer.ts'

export class KafkajsLaneConsumer implements LaneConsumer, ConsumerRole {
  readonly name: string
  readonly topics: readonly string[]
  readonly #createKafka: CreateKafka
  readonly #settings: KafkaSettings
  readonly #options: LaneConsumerOptions
  readonly #supervised: SupervisedConsumer
  readonly #cursors = new PartitionCursors()
  #claim: LaneClaim = { generation: -1, lanes: [] }

  constructor(createKafka: CreateKafka, settings: KafkaSettings, options: LaneConsumerOptions) {
    this.name = `the consumer of group ${options.groupId}`
    this.topics = options.topics
    this.#createKafka = createKafka
    this.#settings = settings
    this.#options = options
    this.#supervised = new SupervisedConsumer(this, settings)
  }

  start(): Promise<void> {
    return this.#supervised.start()
  }

  stop(): Promise<void> {
    return this.#supervised.stop()
  }

  seek({ topic, partition, offset }: Position): void {
    const cursor = this.#cursors.get({ topic, partition })
    if (cursor === undefined) return
    cursor.seek(offset)
    this.#supervised.tell((consumer) => {
      consumer.seek({ topic, partition, offset: String(offset) })
    })
  }

  pause(at: TopicPartition): void {
    this.#setPaused(at, true)
  }

  resume(at: TopicPartition): void {
    this.#setPaused(at, false)
  }

  create(): Consumer {
    const { groupId } = this.#options
    const assigner = laneAssigner(() => this.#claim)
    return this.#createKafka().consumer(consumerConfigOf(this.#settings, { groupId, assigner }))
  }

  joined(consumer: Consumer, { memberAssignment, memberId }: ConsumerGroupJoinEvent['payload']): void {
    // After a rebalance kafkajs reads from the committed offsets, after a crash it knows of no pauses either.
    for (const { at, next } of this.#cursors.own(memberAssignment)) {
      consumer.pause([{ topic: at.topic, partitions: [at.partition] }])
      if (next !== null) consumer.seek({ ...at, offset: String(next) })
    }
    const lanes = new Set(Object.values(memberAssignment).flat())
    this.#claim = { ...this.#claim, lanes: [...lanes] }
    this.#options.events.assigned(lanes, memberId)
  }

  heartbeat({ groupGenerationId }: ConsumerHeartbeatEvent['payload']): void {
    this.#claim = { ...this.#claim, generation: groupGenerationId }
    this.#options.events.confirmed()
  }

  batch(consumer: Consumer, payload: EachBatchPayload): Promise<void> {
    const { batch } = payload
    const taken = takeBatch(this.#cursors.get(batch), consumer, payload)
    if (taken !== null) {
      payload.resolveOffset(batch.lastOffset())
      this.#options.events.records(taken.at, taken.records, taken.nextOffset)
    }
    return Promise.resolve()
  }

  emptyBatch(consumer: Consumer, at: TopicPartition, nextOffset: number): void {
    const isTaken = takeEmptyBatch(this.#cursors.get(at), consumer, nextOffset)
    if (isTaken) this.#options.events.records(at, [], nextOffset)
  }

  isHopeless({ disposition }: KafkaFailure): boolean {
    return disposition === 'fatal' || disposition === 'reject'
  }

  crashed(error: Error): void {
    this.#options.events.crashed(error)
  }

  #setPaused(at: TopicPartition, paused: boolean): void {
    const cursor = this.#cursors.get(at)
    if (cursor === undefined) return
    cursor.paused = paused
    const which = [{ topic: at.topic, partitions: [at.partition] }]
    this.#supervised.tell((consumer) => {
      if (paused) consumer.pause(which)
      else consumer.resume(which)
    })
  }
}
