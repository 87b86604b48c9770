import type { ResultLimits } from '../../dmi/responses.ts'
import { type InputRecord, type KafkaClient, KafkaFailure, type Position } from '../../kafka/port.ts'
import type { Timers } from '../../runtime/clock.ts'
import type { Collection } from './collection.ts'
import { type EventOutcome, RecentEvents } from './recent-events.ts'
import { eventResponses, isSourceOf, type ResultEvent, resultEventOf } from './result-event.ts'
import { type TopicAdmin, TopicOffsets } from './topic-offsets.ts'
import { TopicReader } from './topic-reader.ts'
import { Watchers } from './watchers.ts'

export type ObserveEvent = (topic: string, event: ResultEvent, outcome: EventOutcome, cause?: string) => void

export interface InternalTopicOptions {
  readonly kafka: Pick<KafkaClient, 'tailReader'> & { readonly admin: () => Promise<TopicAdmin> }
  readonly timers: Timers
  readonly limits: ResultLimits
  readonly isService: (name: string) => boolean
  readonly observe: ObserveEvent
  /** Events that have gone by and are kept. */
  readonly recentBytesMax: number
}

interface Tail {
  readonly reader: TopicReader
  readonly recent: RecentEvents
  readonly started: Promise<void>
}

/** A collection that came later than some of its events. */
interface Straggler {
  readonly collection: Collection
  /** Of each partition, where its events may begin, and where those begin that it has seen. */
  readonly gaps: readonly { readonly partition: number; readonly from: number; readonly to: number }[]
}

/**
 * How far a writer's clock may be behind ours. What was written earlier than this before the producer's first call is not
 * looked at.
 */
const CLOCKS_DIFFER_MS_MAX = 60_000
/** How often a topic is asked for again that is not read to its end although the wait is over. */
const LOOK_AGAIN_MS = 2_000

/**
 * A topic that plugins put results on. One reader follows its end for all subjobs that wait, as long as some do. Who comes
 * later than its events finds the latest of them in memory; for earlier ones the topic is read again, by one more reader for
 * all who need that at the time. No position is committed: reading may be repeated, publishing is what happens once.
 */
export class InternalTopic {
  readonly #topic: string
  readonly #options: InternalTopicOptions
  readonly #offsets: TopicOffsets
  readonly #watchers: Watchers
  readonly #collections = new Map<string, Set<Collection>>()
  readonly #stopping = new AbortController()
  #tail: Tail | null = null
  #stragglers: Straggler[] = []
  #catchingUp: Promise<void> | null = null

  constructor(topic: string, options: InternalTopicOptions) {
    this.#topic = topic
    this.#options = options
    this.#offsets = new TopicOffsets(topic, () => options.kafka.admin())
    this.#watchers = new Watchers(options.timers)
  }

  /**
   * Resolves once all of the collection's operations have a response and everything was read that was there at the call; or
   * once `waitMs` are over and everything was read that was there then; or once `isGivenUp` says so.
   * Throws KafkaFailure when the topic can't be read, and the signal's reason.
   */
  async fill(
    collection: Collection,
    { since, waitMs, isGivenUp, signal }: { since: number; waitMs: number; isGivenUp: () => boolean; signal: AbortSignal },
  ): Promise<void> {
    const [from, ends] = await Promise.all([this.#offsets.at(since - CLOCKS_DIFFER_MS_MAX), this.#offsets.ends()])
    try {
      await this.#join(collection, from)
      const isFound = (): boolean => isGivenUp() || (collection.isComplete && this.#hasRead(ends))
      if (await this.#watchers.until(isFound, waitMs, signal)) return
      await this.#readToEnd(collection, isGivenUp, signal)
    } finally {
      this.#leave(collection)
    }
  }

  /** Whether reading has ended: another takes its place. */
  get hasFailed(): boolean {
    return this.#watchers.hasFailed
  }

  /** Looks whether somebody's reason to go on has gone. */
  changed(): void {
    this.#watchers.changed()
  }

  /** Ends all reading. Who still waits is told so. */
  async stop(): Promise<void> {
    const stopped = new KafkaFailure(`topic ${this.#topic} is not read any more`, { code: 'CLOSED', disposition: 'retry' })
    this.#stopping.abort(stopped)
    this.#watchers.fail(stopped)
    const tail = this.#tail
    await tail?.started.catch(() => undefined)
    await tail?.reader.stop()
    await this.#catchingUp
    await this.#offsets.close()
    tail?.recent.clear()
  }

  /** From now on the collection hears of all that comes; what has gone by it is given, or it is caught up later. */
  async #join(collection: Collection, from: readonly Position[]): Promise<void> {
    this.#tail ??= this.#follow(from)
    const { recent, started } = this.#tail
    for (const id of collection.subjob.correlationIds) {
      const together = this.#collections.get(id) ?? new Set()
      this.#collections.set(id, together.add(collection))
    }
    const gaps = from
      .map(({ partition, offset }) => ({ partition, from: offset, to: recent.from(partition) }))
      .filter((gap) => gap.from < gap.to)
    const isSource = this.#isSourceFor(collection)
    for (const id of collection.subjob.correlationIds) {
      for (const answer of recent.answers(id, isSource, collection.subjob.operationIds)) collection.offer(answer)
    }
    collection.isCaughtUp = gaps.length === 0
    if (gaps.length > 0) this.#stragglers.push({ collection, gaps })
    await started
    if (gaps.length > 0) this.#catchUp()
  }

  #leave(collection: Collection): void {
    for (const id of collection.subjob.correlationIds) {
      const together = this.#collections.get(id)
      together?.delete(collection)
      if (together?.size === 0) this.#collections.delete(id)
    }
    this.#stragglers = this.#stragglers.filter((straggler) => straggler.collection !== collection)
    this.#watchers.changed()
  }

  #isHere(collection: Collection): boolean {
    return collection.subjob.correlationIds.some((id) => this.#collections.get(id)?.has(collection) === true)
  }

  // The wait is over. What is there by now still counts; a broker that is away meanwhile is nobody's fault but its own.
  async #readToEnd(collection: Collection, isGivenUp: () => boolean, signal: AbortSignal): Promise<void> {
    let ends: readonly Position[] | null = null
    const isOver = (): boolean => {
      return isGivenUp() || collection.isComplete || (ends !== null && collection.isCaughtUp && this.#hasRead(ends))
    }
    for (;;) {
      try {
        await this.#offsets.requireTopic()
        const found = await this.#offsets.ends()
        ends = ends === null ? found : earlier(ends, found)
      } catch (error) {
        if (!isPassing(error)) {
          this.#fail(error)
          throw error
        }
      }
      if (await this.#watchers.until(isOver, LOOK_AGAIN_MS, signal)) return
    }
  }

  #hasRead(ends: readonly Position[]): boolean {
    return this.#tail?.reader.hasRead(ends) === true
  }

  #follow(from: readonly Position[]): Tail {
    const { limits, recentBytesMax, observe } = this.#options
    const recent = new RecentEvents(from, {
      ...{ bytesMax: recentBytesMax, limits },
      observe: (event, outcome, cause) => {
        observe(this.#topic, event, outcome, cause)
      },
    })
    const reader = this.#reader(from, (record) => {
      this.#take(record, recent)
    })
    const started = reader.start().catch((error: unknown) => {
      this.#fail(error)
      throw error
    })
    // Who joins hears of it; nobody may be left who does.
    started.catch(() => undefined)
    return { reader, recent, started }
  }

  #reader(from: readonly Position[], take: (record: InputRecord) => void): TopicReader {
    return new TopicReader({
      ...{ kafka: this.#options.kafka, topic: this.#topic, from, take },
      onProgress: () => {
        this.#watchers.changed()
      },
      onFailure: (error) => {
        this.#fail(error)
      },
    })
  }

  #take(record: InputRecord, recent: RecentEvents): void {
    const event = resultEventOf(record)
    if (event === null) return
    const waiting = this.#collections.get(event.correlationId)
    const own = [...(waiting ?? [])].filter((collection) => this.#isSourceFor(collection)(event.source))
    const kept = recent.keep(event, own.length > 0)
    if (waiting !== undefined && own.length === 0) {
      recent.settle(kept, 'foreign', `ce_source "${event.source}" names another service`)
      return
    }
    const { writtenAt } = event
    let isTaken = false
    for (const response of kept.responses) {
      for (const collection of own) isTaken = collection.offer({ response, writtenAt }) || isTaken
    }
    if (isTaken) recent.settle(kept, 'taken')
  }

  #isSourceFor({ subjob }: Collection): (source: string) => boolean {
    return (source) => isSourceOf(source, subjob.service, this.#options.isService)
  }

  #catchUp(): void {
    this.#catchingUp ??= this.#readAgain().finally(() => {
      this.#catchingUp = null
    })
  }

  async #readAgain(): Promise<void> {
    try {
      while (this.#stragglers.length > 0) {
        const together = this.#stragglers
        this.#stragglers = []
        await this.#readGaps(together)
        for (const { collection } of together) collection.isCaughtUp = true
        this.#watchers.changed()
      }
    } catch (error) {
      if (!this.#stopping.signal.aborted) this.#fail(error)
    }
  }

  async #readGaps(stragglers: readonly Straggler[]): Promise<void> {
    const gaps = stragglers.flatMap((straggler) => straggler.gaps)
    const partitions = [...new Set(gaps.map(({ partition }) => partition))]
    const ends = await this.#offsets.ends()
    const of = (partition: number): typeof gaps => gaps.filter((gap) => gap.partition === partition)
    const position = (partition: number, offset: number): Position => ({ topic: this.#topic, partition, offset })
    const from = partitions.map((partition) => position(partition, Math.min(...of(partition).map((gap) => gap.from))))
    const to = partitions.map((partition) => position(partition, Math.max(...of(partition).map((gap) => gap.to))))
    // Nothing is missing of the other partitions.
    const others = ends.filter(({ partition }) => !partitions.includes(partition))
    const reader = this.#reader([...from, ...others], (record) => {
      this.#takeAgain(record, stragglers)
    })
    await reader.start()
    try {
      const isDone = (): boolean => reader.hasRead(earlier(to, ends)) || !stragglers.some(({ collection }) => this.#isHere(collection))
      await this.#watchers.until(isDone, Number.POSITIVE_INFINITY, this.#stopping.signal)
    } finally {
      await reader.stop()
    }
  }

  #takeAgain(record: InputRecord, stragglers: readonly Straggler[]): void {
    const event = resultEventOf(record)
    if (event === null) return
    const wanted = stragglers.filter(({ collection }) => {
      const isOwn = collection.subjob.correlationIds.includes(event.correlationId)
      return isOwn && this.#isHere(collection) && this.#isSourceFor(collection)(event.source)
    })
    if (wanted.length === 0) return
    const read = eventResponses(event, this.#options.limits)
    const { writtenAt } = event
    for (const response of read.ok ? read.responses : []) {
      for (const { collection } of wanted) collection.offer({ response, writtenAt })
    }
  }

  #fail(cause: unknown): void {
    this.#watchers.fail(cause instanceof Error ? cause : new Error(String(cause)))
  }
}

/** Positions that both say are there: a topic that was made anew may have fewer records. */
function earlier(one: readonly Position[], other: readonly Position[]): readonly Position[] {
  const offsets = new Map(other.map(({ partition, offset }) => [partition, offset]))
  return one.map((at) => ({ ...at, offset: Math.min(at.offset, offsets.get(at.partition) ?? 0) }))
}

function isPassing(error: unknown): boolean {
  return error instanceof KafkaFailure && (error.disposition === 'retry' || error.disposition === 'restart')
}
