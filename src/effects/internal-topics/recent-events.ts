import type { ResultLimits, SubjobResponse } from '../../dmi/responses.ts'
import type { Position } from '../../kafka/port.ts'
import type { Answer } from './collection.ts'
import { eventResponses, type EventResponses, type ResultEvent } from './result-event.ts'

/** What became of an event: it was of use, came from another plugin, can't be read, or nobody has asked for it. */
export type EventOutcome = 'taken' | 'foreign' | 'unreadable' | 'unclaimed'

export interface KeptEvent {
  readonly event: ResultEvent
  bytes: number
  /** Empty until somebody asks for events like it. */
  responses: readonly SubjobResponse[]
  /** Whether it is known what became of it. */
  isSettled: boolean
}

interface KeptAnswer extends Answer {
  readonly kept: KeptEvent
}

/** The events of one correlation id and source. */
interface Bucket {
  readonly unread: Set<KeptEvent>
  readonly answers: Map<string, KeptAnswer>
}

export interface RecentEventsOptions {
  readonly bytesMax: number
  readonly limits: ResultLimits
  /** Hears of each event once. */
  readonly observe: (event: ResultEvent, outcome: EventOutcome, cause?: string) => void
}

// About what an event and a response take beside their bytes.
const EVENT_BYTES = 512
const RESPONSE_BYTES = 256

/**
 * The latest events that a reader has met, bounded by their bytes: who comes to look for events that have just gone by finds
 * them here, and the topic is not read again. An event is taken apart when somebody first asks for its correlation id.
 */
export class RecentEvents {
  readonly #options: RecentEventsOptions
  readonly #kept = new Set<KeptEvent>()
  readonly #buckets = new Map<string, Map<string, Bucket>>()
  /** From where on all events of a partition are here. */
  readonly #from: Map<number, number>
  #bytes = 0

  /** @param from where reading begins */
  constructor(from: readonly Position[], options: RecentEventsOptions) {
    this.#options = options
    this.#from = new Map(from.map(({ partition, offset }) => [partition, offset]))
  }

  /** The offset from which on all events of the partition are here. */
  from(partition: number): number {
    return this.#from.get(partition) ?? 0
  }

  /** @param isWanted whether its responses are asked for at once */
  keep(event: ResultEvent, isWanted: boolean): KeptEvent {
    // A copy: what was fetched is one large piece of memory.
    const own = { ...event, value: Buffer.from(event.value) }
    const kept: KeptEvent = { event: own, bytes: EVENT_BYTES + own.value.length, responses: [], isSettled: false }
    this.#kept.add(kept)
    this.#bytes += kept.bytes
    const bucket = this.#bucketOf(own)
    bucket.unread.add(kept)
    if (isWanted) this.#read(bucket)
    for (const oldest of this.#kept) {
      if (this.#bytes <= this.#options.bytesMax) break
      this.#drop(oldest)
    }
    return kept
  }

  /** The newest response to each of the operations, among events whose source is accepted. */
  *answers(correlationId: string, isSource: (source: string) => boolean, operationIds: Iterable<string>): Generator<Answer> {
    const ids = [...operationIds]
    for (const [source, bucket] of this.#buckets.get(correlationId) ?? []) {
      if (!isSource(source)) continue
      this.#read(bucket)
      for (const id of ids) {
        const answer = bucket.answers.get(id)
        if (answer === undefined) continue
        this.settle(answer.kept, 'taken')
        yield answer
      }
    }
  }

  /** Says what became of an event, unless that was said before. */
  settle(kept: KeptEvent, outcome: EventOutcome, cause?: string): void {
    if (kept.isSettled) return
    kept.isSettled = true
    this.#options.observe(kept.event, outcome, cause)
  }

  /** Lets go of everything. */
  clear(): void {
    for (const kept of this.#kept) this.#drop(kept)
  }

  #read({ unread, answers }: Bucket): void {
    for (const kept of unread) {
      unread.delete(kept)
      const read = eventResponses(kept.event, this.#options.limits)
      kept.responses = this.#responsesOf(kept, read)
      this.#bytes += RESPONSE_BYTES * kept.responses.length
      kept.bytes += RESPONSE_BYTES * kept.responses.length
      const { writtenAt } = kept.event
      for (const response of kept.responses) {
        const id = String(response.operationId)
        if ((answers.get(id)?.writtenAt ?? writtenAt) <= writtenAt) answers.set(id, { response, writtenAt, kept })
      }
    }
  }

  #responsesOf(kept: KeptEvent, read: EventResponses): readonly SubjobResponse[] {
    if (read.ok) return read.responses
    this.settle(kept, 'unreadable', read.cause)
    return []
  }

  #bucketOf({ correlationId, source }: ResultEvent): Bucket {
    const sources = this.#buckets.get(correlationId) ?? new Map<string, Bucket>()
    this.#buckets.set(correlationId, sources)
    const bucket = sources.get(source) ?? { unread: new Set(), answers: new Map() }
    sources.set(source, bucket)
    return bucket
  }

  #drop(kept: KeptEvent): void {
    const { correlationId, source, partition, offset } = kept.event
    this.#kept.delete(kept)
    this.#bytes -= kept.bytes
    this.#from.set(partition, Math.max(this.from(partition), offset + 1))
    this.settle(kept, 'unclaimed')
    const sources = this.#buckets.get(correlationId)
    const bucket = sources?.get(source)
    if (sources === undefined || bucket === undefined) return
    bucket.unread.delete(kept)
    for (const { operationId } of kept.responses) {
      if (bucket.answers.get(String(operationId))?.kept === kept) bucket.answers.delete(String(operationId))
    }
    if (bucket.unread.size + bucket.answers.size > 0) return
    sources.delete(source)
    if (sources.size === 0) this.#buckets.delete(correlationId)
  }
}
