/** Follows some topics from given positions on: takes in what comes, and tells how far it is against their ends. */
import type { Timers } from '../runtime/clock.ts'
import type { InputRecord, KafkaAdmin, KafkaClient, Position, TailReader, TopicPartition } from './port.ts'
import { TailProgress } from './tail-progress.ts'

export interface TopicTailOptions {
  readonly kafka: Pick<KafkaClient, 'tailReader'>
  readonly admin: Pick<KafkaAdmin, 'startOffsets' | 'endOffsets'>
  readonly timers: Timers
  readonly name: string
  readonly topics: readonly string[]
  /** Called one after the other for a partition, side by side for several; what it took counts as read once it resolves. */
  readonly take: (at: TopicPartition, records: readonly InputRecord[], nextOffset: number) => Promise<void>
  /** Reading has ended for good. Called once. */
  readonly failed: (error: Error) => void
}

export class TopicTail {
  readonly #options: TopicTailOptions
  readonly #progress: TailProgress
  #reader: TailReader | null = null
  #failure: Error | null = null
  #isReady = false
  #endsRunning: Promise<readonly Position[]> | null = null
  #endsNext: Promise<readonly Position[]> | null = null

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
    const { kafka, name, topics } = this.#options
    this.#reader = kafka.tailReader({
      name,
      topics,
      from: begin,
      events: {
        records: (at, records, nextOffset) => this.#take(at, records, nextOffset),
        crashed: (error) => {
          this.#fail(error)
        },
      },
    })
    await this.#reader.start()
  }

  async stop(): Promise<void> {
    await this.#reader?.stop()
  }

  /** Whether all that was there at the start was taken in. */
  isReady(): boolean {
    return this.#isReady && this.#failure === null
  }

  /** The offset of the next record to take in. */
  position(at: TopicPartition): number {
    return this.#progress.at(at)
  }

  /** Resolves to true once every partition has come to its position, to false after `timeoutMs`. */
  reach(targets: readonly Position[], timeoutMs: number): Promise<boolean> {
    return this.#progress.reach(targets, timeoutMs)
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
    if (this.#endsRunning === null) return this.#askForEnds()
    this.#endsNext ??= this.#endsRunning.then(
      () => this.#askForEnds(),
      () => this.#askForEnds(),
    )
    return this.#endsNext
  }

  #askForEnds(): Promise<readonly Position[]> {
    this.#endsNext = null
    const asked = this.#offsets('endOffsets').finally(() => {
      if (this.#endsRunning === asked) this.#endsRunning = null
    })
    this.#endsRunning = asked
    return asked
  }

  async #offsets(which: 'startOffsets' | 'endOffsets'): Promise<readonly Position[]> {
    const { admin, topics } = this.#options
    const perTopic = await Promise.all(topics.map((topic) => admin[which](topic)))
    return perTopic.flat()
  }

  async #take(at: TopicPartition, records: readonly InputRecord[], nextOffset: number): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    try {
      await this.#options.take(at, records, nextOffset)
    } catch (error) {
      throw this.#fail(error)
    }
    this.#progress.advance({ ...at, offset: nextOffset })
  }

  #fail(cause: unknown): Error {
    if (this.#failure === null) {
      this.#failure = cause instanceof Error ? cause : new Error(String(cause))
      this.#options.failed(this.#failure)
    }
    return this.#failure
  }
}

function offsetIn(positions: readonly Position[], at: TopicPartition): number {
  return positions.find((each) => each.topic === at.topic && each.partition === at.partition)?.offset ?? 0
}
