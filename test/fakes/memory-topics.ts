/** Topics in memory behind the part of the Kafka port that readers of whole topics use. For unit tests only. */
import {
  type InputRecord, type KafkaAdmin, type KafkaClient, KafkaFailure, type PartitionStretch, type Position, type TailReader,
  type TailReaderOptions,
} from '../../src/kafka/port.ts'

export interface MemoryRecord {
  readonly topic: string
  readonly partition?: number
  readonly key?: string
  readonly value: string | Buffer | null
  readonly headers?: Readonly<Record<string, string>>
  readonly timestampMs?: number
}

interface Log {
  readonly topic: string
  readonly partition: number
  /** Null stands for a transaction's marker. */
  readonly entries: (InputRecord | null)[]
  start: number
}

/** Records that a reader is given at a time. */
const FETCH_RECORDS = 500

type Admin = Pick<KafkaAdmin, 'startOffsets' | 'endOffsets' | 'offsetsAt' | 'topicExists'>

export class MemoryTopics implements Pick<KafkaClient, 'tailReader' | 'partitionOf'>, Admin {
  readonly #logs = new Map<string, Log>()
  readonly #readers = new Set<MemoryTailReader>()
  endOffsetsCalls = 0
  /** Readers that were ever made. */
  readersMade = 0

  constructor(topics: Readonly<Record<string, number>>) {
    for (const [topic, partitions] of Object.entries(topics)) {
      for (let partition = 0; partition < partitions; partition += 1) {
        this.#logs.set(`${topic} ${partition}`, { topic, partition, entries: [], start: 0 })
      }
    }
  }

  /** Writes a record; returns where it is. */
  append({ topic, partition = 0, key, value, headers = {}, timestampMs = 0 }: MemoryRecord): Position {
    const log = this.#log(topic, partition)
    const offset = log.start + log.entries.length
    const bytes = typeof value === 'string' ? Buffer.from(value) : value
    log.entries.push({ topic, partition, offset, key: key === undefined ? null : Buffer.from(key), value: bytes, headers, timestampMs })
    this.#wake()
    return { topic, partition, offset }
  }

  /** Ends a transaction: takes an offset that no reader is shown. */
  appendMarker(topic: string, partition = 0): void {
    this.#log(topic, partition).entries.push(null)
    this.#wake()
  }

  /** Drops all records of a partition, as retention does. */
  expire(topic: string, partition = 0): void {
    const log = this.#log(topic, partition)
    log.start += log.entries.length
    log.entries.length = 0
  }

  /** All readers die. */
  crash(error: Error): void {
    for (const reader of this.#readers) reader.crash(error)
  }

  startOffsets(topic: string): Promise<readonly Position[]> {
    return Promise.resolve(this.logsOf([topic]).map((log) => ({ topic, partition: log.partition, offset: log.start })))
  }

  endOffsets(topic: string): Promise<readonly Position[]> {
    this.endOffsetsCalls += 1
    return Promise.resolve(
      this.logsOf([topic]).map((log) => ({ topic, partition: log.partition, offset: log.start + log.entries.length })),
    )
  }

  offsetsAt(topic: string, timestampMs: number): Promise<readonly Position[]> {
    const logs = this.logsOf([topic])
    if (logs.length === 0) return Promise.reject(unknownTopic(topic))
    const firstSince = ({ entries }: Log): number => entries.findIndex((entry) => entry !== null && entry.timestampMs >= timestampMs)
    return Promise.resolve(
      logs.map((log) => {
        const found = firstSince(log)
        return { topic, partition: log.partition, offset: log.start + (found === -1 ? log.entries.length : found) }
      }),
    )
  }

  /** As a partition reader does. */
  read({ topic, partition, offset }: Position, { bytesMax }: { readonly bytesMax: number }): Promise<PartitionStretch> {
    const log = this.logsOf([topic]).find((each) => each.partition === partition)
    if (log === undefined) return Promise.reject(unknownTopic(topic))
    const endOffset = log.start + log.entries.length
    const records: InputRecord[] = []
    let bytes = 0
    let nextOffset = Math.max(offset, log.start)
    for (const entry of log.entries.slice(nextOffset - log.start)) {
      if (bytes >= bytesMax) break
      bytes += entry?.value?.length ?? 0
      nextOffset += 1
      if (entry !== null) records.push(entry)
    }
    return Promise.resolve({ records, nextOffset, endOffset })
  }

  /** A topic is deleted. */
  drop(topic: string): void {
    for (const { partition } of this.logsOf([topic])) this.#logs.delete(`${topic} ${partition}`)
  }

  topicExists(name: string): Promise<boolean> {
    return Promise.resolve(this.logsOf([name]).length > 0)
  }

  /** A connection; all are the same. */
  admin(): Promise<Admin & Pick<KafkaAdmin, 'close'>> {
    const admin = {
      startOffsets: (topic: string) => this.startOffsets(topic),
      endOffsets: (topic: string) => this.endOffsets(topic),
      offsetsAt: (topic: string, timestampMs: number) => this.offsetsAt(topic, timestampMs),
      topicExists: (name: string) => this.topicExists(name),
      close: () => Promise.resolve(),
    }
    return Promise.resolve(admin)
  }

  partitionOf(key: string, partitions: number): number {
    let sum = 0
    for (const char of key) sum += char.charCodeAt(0)
    return sum % partitions
  }

  tailReader(options: TailReaderOptions): TailReader {
    this.readersMade += 1
    const reader = new MemoryTailReader(options, this.logsOf(options.topics))
    this.#readers.add(reader)
    return reader
  }

  logsOf(topics: readonly string[]): readonly Log[] {
    return [...this.#logs.values()].filter((log) => topics.includes(log.topic))
  }

  #log(topic: string, partition: number): Log {
    const log = this.#logs.get(`${topic} ${partition}`)
    if (log === undefined) throw new Error(`no partition ${partition} of ${topic}`)
    return log
  }

  #wake(): void {
    for (const reader of this.#readers) reader.wake()
  }
}

function unknownTopic(topic: string): KafkaFailure {
  return new KafkaFailure(`there is no topic ${topic}`, { code: 'UNKNOWN_TOPIC_OR_PARTITION', disposition: 'reject', topic })
}

class MemoryTailReader implements TailReader {
  readonly #options: TailReaderOptions
  readonly #logs: readonly Log[]
  readonly #reading = new Map<Log, Promise<void>>()
  readonly #next = new Map<Log, number>()
  #isRunning = false

  constructor(options: TailReaderOptions, logs: readonly Log[]) {
    this.#options = options
    this.#logs = logs
    for (const log of logs) {
      const from = options.from.find((each) => each.topic === log.topic && each.partition === log.partition)
      this.#next.set(log, Math.max(log.start, from?.offset ?? 0))
    }
  }

  start(): Promise<void> {
    this.#isRunning = true
    this.wake()
    return Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    await Promise.allSettled(this.#reading.values())
  }

  crash(error: Error): void {
    this.#isRunning = false
    this.#options.events.crashed(error)
  }

  wake(): void {
    if (!this.#isRunning) return
    for (const log of this.#logs) {
      if (this.#reading.has(log)) continue
      const reading = this.#read(log).finally(() => this.#reading.delete(log))
      reading.catch(() => {
        this.#isRunning = false
      })
      this.#reading.set(log, reading)
    }
  }

  async #read(log: Log): Promise<void> {
    await Promise.resolve()
    for (;;) {
      const next = this.#next.get(log) ?? 0
      const entries = log.entries.slice(next - log.start, next - log.start + FETCH_RECORDS)
      if (entries.length === 0 || !this.#isRunning) return
      const records = entries.filter((entry) => entry !== null)
      await this.#options.events.records({ topic: log.topic, partition: log.partition }, records, next + entries.length)
      this.#next.set(log, next + entries.length)
    }
  }
}
