/** One partition's log as a broker keeps it: transactions, their markers, the last stable offset, compaction. */
import type { InputRecord } from '../../src/kafka/port.ts'
import type { Random } from '../../src/runtime/random.ts'

export interface LogTransaction {
  state: 'open' | 'committed' | 'aborted'
}

interface LogEntry {
  readonly offset: number
  /** Null for the marker that ends a transaction. */
  readonly record: InputRecord | null
  readonly transaction: LogTransaction | null
  /** When compaction first came by. */
  cleanedAt: number | null
}

/** A deletion stays for readers that have seen what it deletes; no process stands still for longer (delete.retention.ms). */
export const DELETE_RETENTION_MS = 26_000

export interface ReadBatch {
  readonly records: readonly InputRecord[]
  readonly nextOffset: number
}

export class PartitionLog {
  readonly topic: string
  readonly partition: number
  #entries: LogEntry[] = []
  #start = 0
  #nextOffset = 0
  readonly #open = new Map<LogTransaction, number>()
  readonly #readers = new Set<() => void>()

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  /** The first record that is still there, or would be. */
  get start(): number {
    return this.#start
  }

  get end(): number {
    return this.#nextOffset
  }

  /** Where read_committed readers stop: the first record of the earliest transaction that is still open. */
  get stableEnd(): number {
    let end = this.#nextOffset
    for (const first of this.#open.values()) end = Math.min(end, first)
    return end
  }

  /** The first record of that time or later, or the end. */
  offsetAt(timestampMs: number): number {
    return this.#entries.find(({ record }) => record !== null && record.timestampMs >= timestampMs)?.offset ?? this.#nextOffset
  }

  append(record: Omit<InputRecord, 'topic' | 'partition' | 'offset'>, transaction: LogTransaction | null): number {
    const offset = this.#nextOffset
    if (transaction !== null && !this.#open.has(transaction)) this.#open.set(transaction, offset)
    this.#push({ ...record, topic: this.topic, partition: this.partition, offset }, transaction)
    if (transaction === null) this.#wakeReaders()
    return offset
  }

  /** Ends a transaction that has records here. */
  mark(transaction: LogTransaction): void {
    this.#open.delete(transaction)
    this.#push(null, transaction)
    this.#wakeReaders()
  }

  /** What a read_committed reader is shown from an offset on, at most `max` records, and at most one beyond `bytesMax`. */
  read(offset: number, max: number, bytesMax = Infinity): ReadBatch {
    const from = Math.max(offset, this.#start)
    const end = this.stableEnd
    const records: InputRecord[] = []
    let next = from
    let bytes = 0
    for (let at = this.#indexOf(from); at < this.#entries.length; at += 1) {
      const entry = this.#entries[at]!
      if (entry.offset >= end) break
      if (records.length === max || bytes >= bytesMax) return { records, nextOffset: next }
      next = entry.offset + 1
      if (entry.record === null || entry.transaction?.state === 'aborted') continue
      records.push(entry.record)
      bytes += entry.record.value?.length ?? 0
    }
    return { records, nextOffset: Math.max(next, Math.min(end, this.#nextOffset), from) }
  }

  /** All that a read_committed reader is ever shown. */
  committed(): readonly InputRecord[] {
    return this.read(0, Number.MAX_SAFE_INTEGER).records
  }

  /** Called, once, when there is more to read. */
  onceReadable(read: () => void): void {
    this.#readers.add(read)
  }

  /** Forgets what is before the offset, as retention does. */
  deleteBefore(offset: number): void {
    this.#start = Math.max(this.#start, offset)
    this.#entries = this.#entries.filter((entry) => entry.offset >= this.#start)
  }

  /** Keeps the latest record of each key up to some stable point, as the broker's cleaner does. */
  compact(random: Random, now: number): void {
    const upTo = Math.floor(random() * this.stableEnd)
    const latest = new Map<string, number>()
    const within = this.#entries.filter((entry) => entry.offset < upTo)
    for (const { offset, record, transaction } of within) {
      if (record !== null && record.key !== null && transaction?.state !== 'aborted') latest.set(record.key.toString(), offset)
    }
    this.#entries = this.#entries.filter((entry) => {
      const { offset, record, transaction } = entry
      if (offset >= upTo) return true
      if (record === null || record.key === null || transaction?.state === 'aborted') return false
      if (latest.get(record.key.toString()) !== offset) return false
      entry.cleanedAt ??= now
      return record.value !== null || now - entry.cleanedAt < DELETE_RETENTION_MS
    })
  }

  #push(record: InputRecord | null, transaction: LogTransaction | null): void {
    this.#entries.push({ offset: this.#nextOffset, record, transaction, cleanedAt: null })
    this.#nextOffset += 1
  }

  #indexOf(offset: number): number {
    let low = 0
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#entries[middle]!.offset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  #wakeReaders(): void {
    const readers = [...this.#readers]
    this.#readers.clear()
    for (const read of readers) read()
  }
}
