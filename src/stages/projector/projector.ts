/**
 * Reads: commands, jobs, subjob-events, from the positions in the read model on.
 * Writes: the read model.
 * State: none but the read model, a cache of these topics.
 * Invariant: rows and positions change in one transaction: the rows are what the topics say up to the positions.
 */
import { setImmediate as nextLoop } from 'node:timers/promises'
import type { InputRecord, KafkaAdmin, KafkaClient, Position, TopicPartition } from '../../kafka/port.ts'
import { type Decoded, type RecordPlace, type TailRecord, TopicTail, type TopicTailEvents } from '../../kafka/topic-tail.ts'
import { type ReadModel, ReadModelFailure, type RowChange } from '../../read-model/port.ts'
import { type Clock, delay, type Timers } from '../../runtime/clock.ts'
import { passFailpoint } from '../../runtime/failpoints.ts'
import { changeOf, changeOfTombstone, PROJECTED_COMMANDS, type ProjectedTopic, type ProjectionRules } from './projector-changes.ts'

/** The part of the codec that the projector needs. */
export interface ProjectorCodec {
  decode(value: Buffer): Decoded | Promise<Decoded>
  decodeCommand(value: Buffer, timestampMs: number, wanted: typeof PROJECTED_COMMANDS): Decoded | Promise<Decoded>
}

export interface ProjectorOptions {
  readonly kafka: Pick<KafkaClient, 'tailReader' | 'partitionOf'>
  readonly admin: Pick<KafkaAdmin, 'startOffsets' | 'endOffsets'>
  readonly readModel: ReadModel
  readonly codec: ProjectorCodec
  readonly topics: Readonly<Record<ProjectedTopic, string>>
  readonly rules: Omit<ProjectionRules, 'homePartition'>
  readonly clock: Clock
  readonly timers: Timers
  readonly events: ProjectorEvents
}

/** `failed`: Kafka, the codec or the read model failed for good. */
export interface ProjectorEvents extends TopicTailEvents {
  /** A record of ours can't be read; the rows lack what it said. */
  skipped(record: InputRecord, cause: string): void
  /** The rows were of other topics, or of more than the topics hold, and are built anew. */
  rebuilding(reason: string): void
}

/** Records that are applied together at most: bounds how long a transaction holds the event loop. */
const BATCH_RECORDS_MAX = 500
/** Between two batches: what comes meanwhile shares a transaction, and a subjob that changes twice is written once. */
const REST_MS = 20
/** How far a partition may be behind another while both are read on: what came before a job was forgotten is known by then. */
const FORGOTTEN_KEPT_MS = 3_600_000
const SEAL_INTERVAL_MS = 60_000

interface Step {
  readonly changes: readonly RowChange[]
  readonly records: number
  readonly position: Position
  readonly settle: (error?: Error) => void
}

export class Projector {
  readonly #options: ProjectorOptions
  readonly #tail: TopicTail
  readonly #topicOf: ReadonlyMap<string, ProjectedTopic>
  readonly #listeners = new Set<(jobId: string) => void>()
  #rules: ProjectionRules
  #commandPartitions = 0
  #steps: Step[] = []
  #isApplying = false
  #failure: Error | null = null
  #sealedAt = 0

  constructor(options: ProjectorOptions) {
    this.#options = options
    const { commands, jobs, subjobEvents } = options.topics
    this.#topicOf = new Map([
      [commands, 'commands'],
      [jobs, 'jobs'],
      [subjobEvents, 'subjobEvents'],
    ])
    this.#rules = { ...options.rules, homePartition: (jobId) => this.homePartition(jobId) }
    this.#tail = new TopicTail({
      ...{ kafka: options.kafka, admin: options.admin, timers: options.timers, name: 'projector' },
      topics: [commands, jobs, subjobEvents],
      decode: ({ topic, timestampMs }, value) => {
        return topic === commands ? options.codec.decodeCommand(value, timestampMs, PROJECTED_COMMANDS) : options.codec.decode(value)
      },
      take: (records, position) => this.#take(records, position),
      events: options.events,
    })
  }

  /** Resolves once reading has begun. Rejects with KafkaFailure or ReadModelFailure. */
  async start(): Promise<void> {
    const { readModel, topics, events } = this.#options
    const ends = await this.#tail.ends()
    this.#commandPartitions = ends.filter((end) => end.topic === topics.commands).length
    let positions = await readModel.positions()
    const beyond = positions.find((position) => position.offset > endIn(ends, position))
    if (beyond !== undefined) {
      const { topic, partition, offset } = beyond
      events.rebuilding(`rows up to ${topic}-${partition} at ${offset}, which ends at ${endIn(ends, beyond)}: not the same topic`)
      await readModel.clear()
      positions = []
    }
    await this.#tail.start(positions)
  }

  /** Stops reading; what was taken in is applied before it resolves. The read model stays open. */
  async stop(): Promise<void> {
    await this.#tail.stop()
  }

  readonly name = 'the reading of the projector'

  /** Where it is to read next; see {@link TopicTail.positions}. */
  positions(): readonly Position[] {
    return this.#tail.positions()
  }

  /** Puts another reader in the place of one that stands still. */
  replaceReader(): void {
    this.#tail.replaceReader()
  }

  /** Whether all that was on the topics at the start is in the read model. */
  isReady(): boolean {
    return this.#tail.isReady()
  }

  /** Why nothing can be projected at present; null where it can. */
  waitsFor(): string | null {
    return this.#tail.waitsFor()
  }

  /** The offset of the next record to project. */
  position(at: TopicPartition): number {
    return this.#tail.position(at)
  }

  /** Resolves to true once the record at that place is in the read model, to false after `timeoutMs`. */
  waitFor(record: RecordPlace, timeoutMs: number): Promise<boolean> {
    return this.#tail.reachRecord(record, timeoutMs)
  }

  /**
   * Resolves to true once every command and change of the job that was acknowledged before the call is in the read model,
   * to false after `timeoutMs`. Rejects with KafkaFailure.
   */
  waitForJob(jobId: string, timeoutMs: number): Promise<boolean> {
    const { commands, jobs } = this.#options.topics
    const home = this.homePartition(jobId)
    return this.#tail.caughtUp(timeoutMs, ({ topic, partition }) => partition === home && (topic === commands || topic === jobs))
  }

  /** The same for what was told of the job's subjobs. */
  waitForSubjobs(jobId: string, timeoutMs: number): Promise<boolean> {
    const { subjobEvents } = this.#options.topics
    const home = this.homePartition(jobId)
    return this.#tail.caughtUp(timeoutMs, ({ topic, partition }) => partition === home && topic === subjobEvents)
  }

  /** The same for the commands and changes of all jobs. */
  waitForAll(timeoutMs: number): Promise<boolean> {
    const { commands, jobs } = this.#options.topics
    return this.#tail.caughtUp(timeoutMs, ({ topic }) => topic === commands || topic === jobs)
  }

  /** Records that were written and are not in the read model yet. Rejects with KafkaFailure. */
  lag(): Promise<number> {
    return this.#tail.lag()
  }

  /** The partition of the command topic that decides the job. */
  homePartition(jobId: string): number {
    return this.#options.kafka.partitionOf(jobId, this.#commandPartitions)
  }

  /** Calls the listener with each job that may have changed, after it can be read. Returns how to stop that. */
  onChange(listener: (jobId: string) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  #take(records: readonly TailRecord[], position: Position): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    const changes: RowChange[] = []
    for (const each of records) {
      const change = this.#changeOf(each)
      if (change !== null) changes.push(change)
    }
    return new Promise((resolve, reject) => {
      const settle = (error?: Error): void => {
        if (error === undefined) resolve()
        else reject(error)
      }
      this.#steps.push({ changes, records: records.length, position, settle })
      if (!this.#isApplying) void this.#applySteps()
    })
  }

  #changeOf({ record, decoded }: TailRecord): RowChange | null {
    const topic = this.#topicOf.get(record.topic)
    if (topic === undefined) throw new Error(`broken invariant: a record of ${record.topic}, which is not projected`)
    if (decoded === null) return changeOfTombstone(topic, record)
    if (decoded.ok) return changeOf(topic, record, decoded.message, this.#rules)
    // Anyone may write commands; the coordinator dead-letters what it can't read.
    if (topic !== 'commands') this.#options.events.skipped(record, decoded.cause)
    return null
  }

  // What arrives while a batch is being applied, or soon after, makes the next one.
  async #applySteps(): Promise<void> {
    this.#isApplying = true
    while (this.#steps.length > 0) {
      const steps = this.#nextSteps()
      try {
        await this.#apply(steps)
      } catch (error) {
        const failure = error instanceof Error ? error : new Error(String(error))
        // Nothing is applied after a gap. What may succeed later comes again, with what is behind it: each partition waits for its own.
        if (!(error instanceof ReadModelFailure && error.disposition === 'retry')) this.#failure = failure
        for (const step of [...steps, ...this.#steps.splice(0)]) step.settle(failure)
        break
      }
      for (const step of steps) step.settle()
      if (this.#isBehind()) await nextLoop()
      else await delay(this.#options.timers, REST_MS)
    }
    this.#isApplying = false
  }

  /** Whether a whole batch waits already. */
  #isBehind(): boolean {
    let records = 0
    for (const step of this.#steps) records += step.records
    return records >= BATCH_RECORDS_MAX
  }

  #nextSteps(): readonly Step[] {
    let records = 0
    let count = 0
    for (const step of this.#steps) {
      records += step.records
      if (count > 0 && records > BATCH_RECORDS_MAX) break
      count += 1
    }
    return this.#steps.splice(0, count)
  }

  async #apply(steps: readonly Step[]): Promise<void> {
    const changes = steps.flatMap((step) => step.changes)
    const sealed = this.#sealForgotten()
    passFailpoint('projector.apply.before', 'projector')
    await this.#options.readModel.apply({
      changes: sealed === null ? changes : [...changes, sealed],
      positions: steps.map((step) => step.position),
    })
    passFailpoint('projector.apply.after', 'projector')
    if (this.#listeners.size === 0) return
    const changed = new Set(changes.map(jobIdOf))
    for (const jobId of changed) for (const listener of this.#listeners) if (jobId !== null) listener(jobId)
  }

  #sealForgotten(): RowChange | null {
    const now = this.#options.clock.now()
    if (!this.#tail.isReady() || now - this.#sealedAt < SEAL_INTERVAL_MS) return null
    this.#sealedAt = now
    return { type: 'SealForgotten', before: now - FORGOTTEN_KEPT_MS }
  }
}

function jobIdOf(change: RowChange): string | null {
  switch (change.type) {
    case 'AcceptJob':
    case 'PutJob':
      return change.job.jobId
    case 'ForgetJob':
    case 'CancelJob':
      return change.jobId
    case 'PlanSubjobs':
    case 'FoldSubjobEvent':
      return change.event.jobId
    case 'SealForgotten':
      return null
  }
}

function endIn(ends: readonly Position[], at: TopicPartition): number {
  return ends.find((end) => end.topic === at.topic && end.partition === at.partition)?.offset ?? 0
}
