/** Follows some topics from given positions on: takes in what comes, and tells how far it is against their ends. */
import type { Message } from '../domain/messages.ts'
import { delay, type Timers } from '../runtime/clock.ts'
import { NextAnswer } from '../runtime/next-answer.ts'
import type { InputRecord, KafkaAdmin, KafkaClient, Position, TailReader, TopicPartition } from './port.ts'
import { TailProgress } from './tail-progress.ts'

/** Where a record is: unlike a Position, the offset is its own. */
export interface RecordPlace extends TopicPartition {
  readonly offset: number
}

/** A record's message, or why it can't be read. */
export type Decoded = { readonly ok: true; readonly message: Message } | { readonly ok: false; readonly cause: string }

/** `decoded` is null for a record without a value, which says that its key is gone. */
export interface TailRecord {
  readonly record: InputRecord
  readonly decoded: Decoded | null
}

export interface TopicTailOptions {
  readonly kafka: Pick<KafkaClient, 'tailReader'>
  readonly admin: Pick<KafkaAdmin, 'startOffsets' | 'endOffsets'>
  readonly timers: Timers
  readonly name: string
  readonly topics: readonly string[]
  /** May reject; with an error whose `disposition` is `retry` it is asked again later, with any other reading fails. */
  readonly decode: (record: InputRecord, value: Buffer) => Decoded | Promise<Decoded>
  /**
   * Called with a few records at a time, in order for a partition, side by side for several. They count as read once it resolves. May
   * reject as `decode` may.
   */
  readonly take: (records: readonly TailRecord[], position: Position) => Promise<void>
  readonly events: TopicTailEvents
}

export interface TopicTailEvents {
  /** Reading has ended for good. Called once. */
  failed(error: Error): void
  /** Beginning to read, decoding or taking in is tried again after a while; reading waits meanwhile. */
  waiting(error: Error): void
}

/** Records that are taken in at a time: bounds how long the event loop is held. */
const SLICE_RECORDS_MAX = 200
const RETRY_DELAY_MS_MIN = 100
const RETRY_DELAY_MS_MAX = 5_000

export class TopicTail {
  readonly #options: TopicTailOptions
  readonly #progress: TailProgress
  #reader: TailReader | null = null
  // Waits for the registry, for whoever takes records in, or for Kafka at the start: said by `waiting`, and no standstill.
  #patience = 0
  #waitsFor: string | null = null
  #failure: Error | null = null
  readonly #stopping = new AbortController()
  #isReady = false
  readonly #ends = new NextAnswer(() => this.#offsets('endOffsets'))

  constructor(options: TopicTailOptions) {
    this.#options = options
    this.#progress = new TailProgress(options.timers)
  }

  /** Begins at `from`, or at a partition's first record where it names none. Resolves once reading has begun. */
  async start(from: readonly Position[]): Promise<void> {
    const [starts, ends] = await Promise.all([this.#offsets('startOffsets'), this.ends()])
    const begin = starts.map((first) => ({ ...first, offset: Math.max(first.offset, offsetIn(from, first)) }))
    for (const position of begin) this.#progress.advance(position)
    void this.#progress.reach(ends, null).then(() => {
      this.#isReady = true
    })
    await this.#launch(begin)
  }

  async #launch(from: readonly Position[]): Promise<void> {
    await this.#patiently(async () => {
      this.#stopping.signal.throwIfAborted()
      const reader = this.#readerFrom(from)
      this.#reader = reader
      await reader.start()
    })
  }

  /** What is being taken in is finished first. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('reading was stopped'))
    await this.#reader?.stop()
  }

  /** Where it is to read next, of each partition; nothing while it waits for something that {@link TopicTailEvents.waiting} names. */
  positions(): readonly Position[] {
    const isReading = this.#reader !== null && this.#patience === 0 && this.#failure === null
    return isReading ? this.#progress.all() : []
  }

  /** Puts another reader in the place of this one, whatever it is doing: begins where the last one has come to. */
  replaceReader(): void {
    const standing = this.#reader
    if (standing === null || this.#stopping.signal.aborted) return
    this.#reader = null
    void standing.stop().catch(() => undefined)
    this.#launch(this.#progress.all()).catch((error: unknown) => {
      if (!this.#stopping.signal.aborted) this.#fail(error)
    })
  }

  /** Whether all that was there at the start was taken in. */
  isReady(): boolean {
    return this.#isReady && this.#failure === null
  }

  /** Why it waits, as {@link TopicTailEvents.waiting} said last; null while it reads. */
  waitsFor(): string | null {
    return this.#patience > 0 ? this.#waitsFor : null
  }

  /** The offset of the next record to take in. */
  position(at: TopicPartition): number {
    return this.#progress.at(at)
  }

  /** Resolves to true once the record at that place was taken in, to false after `timeoutMs`. */
  reachRecord({ topic, partition, offset }: RecordPlace, timeoutMs: number): Promise<boolean> {
    return this.#progress.reach([{ topic, partition, offset: offset + 1 }], timeoutMs)
  }

  /** Resolves to true once all that was written before the call was taken in, to false after `timeoutMs`. Rejects with KafkaFailure. */
  async caughtUp(timeoutMs: number, isWanted: (end: Position) => boolean = () => true): Promise<boolean> {
    const ends = await this.ends()
    return this.#progress.reach(ends.filter(isWanted), timeoutMs)
  }

  /** Records that were written and not yet taken in. Rejects with KafkaFailure. */
  async lag(): Promise<number> {
    const ends = await this.ends()
    return ends.reduce((sum, end) => sum + Math.max(0, end.offset - this.#progress.at(end)), 0)
  }

  /** The ends of all partitions, asked for after the call. Callers that come while a question is on its way share the next one. */
  ends(): Promise<readonly Position[]> {
    return this.#ends.get()
  }

  async #offsets(which: 'startOffsets' | 'endOffsets'): Promise<readonly Position[]> {
    const { admin, topics } = this.#options
    const perTopic = await Promise.all(topics.map((topic) => admin[which](topic)))
    return perTopic.flat()
  }

  // One that could not start is of no use any more.
  #readerFrom(from: readonly Position[]): TailReader {
    const { kafka, name, topics } = this.#options
    const reader = kafka.tailReader({
      name,
      topics,
      from,
      events: {
        records: (at, records, nextOffset) => {
          return this.#read(at, records, { nextOffset, isCurrent: () => this.#reader === reader })
        },
        crashed: (error) => {
          if (this.#reader === reader) this.#fail(error)
        },
      },
    })
    return reader
  }

  async #read(
    at: TopicPartition,
    records: readonly InputRecord[],
    { nextOffset, isCurrent }: { readonly nextOffset: number; readonly isCurrent: () => boolean },
  ): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    try {
      for (let first = 0; first === 0 || first < records.length; first += SLICE_RECORDS_MAX) {
        const slice = records.slice(first, first + SLICE_RECORDS_MAX)
        const isLast = first + SLICE_RECORDS_MAX >= records.length
        const position = { ...at, offset: isLast ? nextOffset : (slice.at(-1)?.offset ?? 0) + 1 }
        const decoded = await this.#decodeAll(slice)
        await this.#patiently(() => {
          // What is taken in after another has taken over would set positions and rows back.
          if (!isCurrent()) throw new Error('another reader has taken over')
          return this.#options.take(decoded, position)
        })
        if (isCurrent()) this.#progress.advance(position)
        this.#stopping.signal.throwIfAborted()
      }
    } catch (error) {
      throw this.#stopping.signal.aborted || !isCurrent() ? error : this.#fail(error)
    }
  }

  async #decodeAll(records: readonly InputRecord[]): Promise<readonly TailRecord[]> {
    const decoded: TailRecord[] = []
    for (const record of records) {
      const { value } = record
      decoded.push({ record, decoded: value === null ? null : await this.#decode(record, value) })
    }
    return decoded
  }

  #decode(record: InputRecord, value: Buffer): Promise<Decoded> {
    return this.#patiently(() => this.#options.decode(record, value))
  }

  async #patiently<Result>(call: () => Result | Promise<Result>): Promise<Result> {
    for (let waitMs = RETRY_DELAY_MS_MIN; ; waitMs = Math.min(RETRY_DELAY_MS_MAX, waitMs * 2)) {
      try {
        return await call()
      } catch (error) {
        if (!isTemporary(error)) throw error
        this.#options.events.waiting(error)
        this.#patience += 1
        this.#waitsFor = error.message
        await delay(this.#options.timers, waitMs, this.#stopping.signal).finally(() => (this.#patience -= 1))
      }
    }
  }

  #fail(cause: unknown): Error {
    if (this.#failure === null) {
      this.#failure = cause instanceof Error ? cause : new Error(String(cause))
      this.#options.events.failed(this.#failure)
    }
    return this.#failure
  }
}

function offsetIn(positions: readonly Position[], at: TopicPartition): number {
  return positions.find((each) => each.topic === at.topic && each.partition === at.partition)?.offset ?? 0
}

function isTemporary(error: unknown): error is Error {
  return error instanceof Error && 'disposition' in error && error.disposition === 'retry'
}
