/** A member of a consumer group, as src/kafka/kafkajs makes one: whole lanes, paused when assigned, read from where it is told. */
import { KafkaFailure, type LaneConsumer, type LaneConsumerOptions, type Position, type TopicPartition } from '../../src/kafka/port.ts'
import type { Random } from '../../src/runtime/random.ts'
import { askAgain } from './ask-again.ts'
import type { SimulatedBroker } from './broker.ts'
import type { ConsumerGroup, HeartbeatAnswer } from './consumer-groups.ts'
import type { Network } from './network.ts'
import type { ReadBatch } from './partition-log.ts'
import type { SimulatedProcess } from './process.ts'

const HEARTBEAT_INTERVAL_MS = 1_000

interface Cursor {
  readonly at: TopicPartition
  /** Null until it was sought, or its group's position is known. */
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

/** A consumer dies without a reason that would be ours. */
export class SimulatedCrash extends Error {
  override readonly name = 'SimulatedCrash'

  constructor() {
    super('the simulated consumer has crashed')
  }
}

export class SimulatedLaneConsumer implements LaneConsumer {
  readonly #parts: SimulatedConsumerParts
  readonly #options: LaneConsumerOptions
  #cursors = new Map<string, Cursor>()
  #memberId: string
  #members = 0
  #generation = -1
  #lanes: readonly number[] = []
  #lanesCount = 0
  readonly #assignedOnce = Promise.withResolvers<undefined>()
  #joins = 0
  #isJoining = false
  #hasStopped = false

  constructor(parts: SimulatedConsumerParts, options: LaneConsumerOptions) {
    this.#parts = parts
    this.#options = options
    this.#memberId = this.#newMemberId()
  }

  /** Resolves once it has been assigned its lanes, or was stopped. */
  async start(): Promise<void> {
    const { process, network } = this.#parts
    this.#lanesCount = await askAgain(process, network, () => this.#countLanes())
    if (this.#hasStopped) return
    this.#join()
    this.#beat()
    await this.#assignedOnce.promise
  }

  stop(): Promise<void> {
    this.#end()
    const { process, network, group } = this.#parts
    const memberId = this.#memberId
    // The group finds out by itself where the word does not arrive.
    return process.call(network, () => { group.leave(memberId) }).catch(() => undefined)
  }

  /** Dies for good. */
  crash(error: Error = new SimulatedCrash()): void {
    if (this.#hasStopped) return
    this.#end()
    this.#options.events.crashed(error)
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
    this.#assignedOnce.resolve(undefined)
  }

  #countLanes(): number {
    const { topics } = this.#options
    const counts = topics.map((topic) => this.#parts.broker.logsOf(topic).length)
    if (new Set(counts).size <= 1) return counts[0] ?? 0
    const list = topics.map((topic, at) => `${topic} has ${counts[at] ?? 0}`).join(', ')
    throw new KafkaFailure(`partitions differ: ${list}`, { code: 'PARTITION_COUNTS_DIFFER', disposition: 'fatal' })
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
    const joining = { memberId, count: this.#lanesCount, generation: this.#generation, lanes: this.#lanes, assigned }
    process.call(network, () => { group.join(joining) }).catch(() => {
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
    this.#join()
  }

  #own(generation: number, partitions: readonly number[]): void {
    this.#generation = generation
    this.#lanes = partitions
    this.#isJoining = false
    const before = this.#cursors
    this.#cursors = new Map()
    for (const topic of this.#options.topics) {
      for (const partition of partitions) {
        const at = { topic, partition }
        // What is kept stays where it was.
        const next = before.get(keyOf(at))?.next ?? null
        this.#cursors.set(keyOf(at), { at, next, paused: true, isReading: false, seeks: 0 })
      }
    }
    this.#options.events.assigned(new Set(partitions), this.#memberId)
    this.#assignedOnce.resolve(undefined)
  }

  #read(cursor: Cursor): void {
    if (cursor.paused || cursor.isReading || this.#isJoining) return
    cursor.isReading = true
    const { process, broker, network, random } = this.#parts
    const { seeks, next } = cursor
    if (next === null) {
      void this.#findPlace(cursor)
      return
    }
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

  // Where nobody has sought, the group's position counts, else the first record.
  async #findPlace(cursor: Cursor): Promise<void> {
    const { process, broker, network } = this.#parts
    const { seeks } = cursor
    const { topic, partition } = cursor.at
    const offset = await askAgain(process, network, () => {
      const committed = broker.committedOffsets(this.#options.groupId, [topic]).find((at) => at.partition === partition)?.offset ?? -1
      return committed === -1 ? broker.logOf(topic, partition).start : committed
    })
    if (!this.#isCurrent(cursor, seeks)) return
    cursor.next = offset
    cursor.isReading = false
    this.#read(cursor)
  }

  #show(cursor: Cursor, { records, nextOffset }: ReadBatch): void {
    cursor.isReading = false
    if (cursor.paused) return
    const { process, broker } = this.#parts
    const { seeks, next } = cursor
    const log = broker.logOf(cursor.at.topic, cursor.at.partition)
    if (nextOffset > (next ?? 0)) cursor.next = nextOffset
    // What was read again may end before what was shown before.
    if (nextOffset !== next && !this.#tell(cursor.at, records, nextOffset)) return
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

  // A defect in what is called is the consumer's end.
  #tell(at: TopicPartition, records: ReadBatch['records'], nextOffset: number): boolean {
    try {
      this.#options.events.records(at, records, nextOffset)
      return true
    } catch (error) {
      this.crash(error as Error)
      return false
    }
  }

  #isCurrent(cursor: Cursor, seeks: number): boolean {
    return cursor.seeks === seeks && !this.#isJoining && this.#cursors.get(keyOf(cursor.at)) === cursor
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic} ${partition}`
}
