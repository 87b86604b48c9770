/** A member of a consumer group, as src/kafka/kafkajs makes one: whole lanes, paused when assigned, read from where it is told. */
import type { LaneConsumer, LaneConsumerOptions, Position, TopicPartition } from '../../src/kafka/port.ts'
import type { Random } from '../../src/runtime/random.ts'
import type { SimulatedBroker } from './broker.ts'
import type { ConsumerGroup, HeartbeatAnswer } from './consumer-groups.ts'
import type { Network } from './network.ts'
import type { ReadBatch } from './partition-log.ts'
import type { SimulatedProcess } from './process.ts'

const HEARTBEAT_INTERVAL_MS = 1_000

interface Cursor {
  readonly at: TopicPartition
  next: number | null
  paused: boolean
  isReading: boolean
  /** Counts seeks: what was read for an earlier one is not shown. */
  seeks: number
}

export interface SimulatedConsumerParts {
  readonly process: SimulatedProcess
  readonly broker: SimulatedBroker
  readonly network: Network
  readonly group: ConsumerGroup
  readonly random: Random
}

export class SimulatedLaneConsumer implements LaneConsumer {
  readonly #parts: SimulatedConsumerParts
  readonly #options: LaneConsumerOptions
  #cursors = new Map<string, Cursor>()
  #memberId: string
  #members = 0
  #generation = -1
  #joins = 0
  #isJoining = false
  #hasStopped = false

  constructor(parts: SimulatedConsumerParts, options: LaneConsumerOptions) {
    this.#parts = parts
    this.#options = options
    this.#memberId = this.#newMemberId()
  }

  start(): Promise<void> {
    this.#join()
    this.#beat()
    return Promise.resolve()
  }

  stop(): Promise<void> {
    this.#end()
    const { process, network, group } = this.#parts
    const memberId = this.#memberId
    // The group finds out by itself where the word does not arrive.
    return process.call(network, () => { group.leave(memberId) }).catch(() => undefined)
  }

  /** Dies for good. */
  crash(): void {
    if (this.#hasStopped) return
    this.#end()
    this.#options.events.crashed(new Error('the simulated consumer has crashed'))
  }

  seek({ topic, partition, offset }: Position): void {
    const cursor = this.#cursors.get(keyOf({ topic, partition }))
    if (cursor === undefined) return
    cursor.next = offset
    cursor.seeks += 1
    cursor.isReading = false
    this.#read(cursor)
  }

  pause(at: TopicPartition): void {
    const cursor = this.#cursors.get(keyOf(at))
    if (cursor !== undefined) cursor.paused = true
  }

  resume(at: TopicPartition): void {
    const cursor = this.#cursors.get(keyOf(at))
    if (cursor === undefined) return
    cursor.paused = false
    this.#read(cursor)
  }

  #end(): void {
    this.#hasStopped = true
    this.#cursors.clear()
  }

  #newMemberId(): string {
    this.#members += 1
    return `${this.#parts.process.name}/${this.#options.groupId}/${Math.floor(this.#parts.random() * 1e9)}/${this.#members}`
  }

  // Asked for again until there is an answer: a member without an assignment has nothing else to do.
  #join(): void {
    const { process, network, group } = this.#parts
    const memberId = this.#memberId
    const round = (this.#joins += 1)
    this.#isJoining = true
    const assigned = (generation: number, partitions: readonly number[]): void => {
      process.after(network.delayMs(), () => {
        if (!this.#hasStopped && memberId === this.#memberId && generation > this.#generation) this.#own(generation, partitions)
      })
    }
    process.call(network, () => { group.join(memberId, assigned) }).catch(() => {
      if (!this.#hasStopped && this.#isJoining && round === this.#joins) this.#join()
    })
  }

  #beat(): void {
    const { process, network, group } = this.#parts
    process.after(HEARTBEAT_INTERVAL_MS, () => {
      if (this.#hasStopped) return
      this.#beat()
      if (this.#isJoining) return
      const joins = this.#joins
      process.call(network, () => group.heartbeat(this.#memberId, this.#generation)).then(
        (answer) => {
          if (!this.#hasStopped && joins === this.#joins) this.#heard(answer)
        },
        () => undefined,
      )
    })
  }

  #heard(answer: HeartbeatAnswer): void {
    if (answer === 'confirmed') {
      this.#options.events.confirmed()
      return
    }
    if (answer === 'unknown') this.#memberId = this.#newMemberId()
    this.#cursors.clear()
    this.#join()
  }

  #own(generation: number, partitions: readonly number[]): void {
    this.#generation = generation
    this.#isJoining = false
    this.#cursors = new Map()
    for (const topic of this.#options.topics) {
      for (const partition of partitions) {
        const at = { topic, partition }
        this.#cursors.set(keyOf(at), { at, next: null, paused: true, isReading: false, seeks: 0 })
      }
    }
    this.#options.events.assigned(new Set(partitions))
  }

  #read(cursor: Cursor): void {
    if (cursor.paused || cursor.isReading || cursor.next === null) return
    cursor.isReading = true
    const { process, broker, network, random } = this.#parts
    const { seeks, next } = cursor
    const log = broker.logOf(cursor.at.topic, cursor.at.partition)
    // At times a reader is shown again what it has seen: its position was lost, its request repeated.
    const from = random() < network.lossRatio ? Math.max(0, next - 3) : next
    process.call(network, () => log.read(from, 1 + Math.floor(random() * 20))).then(
      (batch) => {
        if (this.#isCurrent(cursor, seeks)) this.#show(cursor, batch)
      },
      () => {
        if (!this.#isCurrent(cursor, seeks)) return
        cursor.isReading = false
        this.#read(cursor)
      },
    )
  }

  #show(cursor: Cursor, { records, nextOffset }: ReadBatch): void {
    cursor.isReading = false
    if (cursor.paused) return
    const { process, broker } = this.#parts
    const { seeks, next } = cursor
    const log = broker.logOf(cursor.at.topic, cursor.at.partition)
    if (nextOffset > (next ?? 0)) cursor.next = nextOffset
    // What was read again may end before what was shown before.
    if (nextOffset !== next) this.#options.events.records(cursor.at, records, nextOffset)
    if (log.stableEnd > (cursor.next ?? 0)) {
      this.#read(cursor)
      return
    }
    cursor.isReading = true
    log.onceReadable(() => {
      process.enter(() => {
        if (!this.#isCurrent(cursor, seeks)) return
        cursor.isReading = false
        this.#read(cursor)
      })
    })
  }

  #isCurrent(cursor: Cursor, seeks: number): boolean {
    return cursor.seeks === seeks && this.#cursors.get(keyOf(cursor.at)) === cursor
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic} ${partition}`
}
