import type { Job } from '../../domain/job.ts'
import { type InputRecord, KafkaFailure, type PartitionStretch, type Position } from '../../kafka/port.ts'
import { delay } from '../../runtime/clock.ts'
import type { JobDependencies } from '../dependencies.ts'
import { clip, Refusal, RETRY_AFTER_S, unavailable } from '../errors.ts'
import { bounded } from './bounded.ts'

/** The place on the job's topic from which the next page reads. */
export interface EventCursor {
  readonly partition: number
  readonly offset: number
}

export interface EventPage {
  readonly items: readonly InputRecord[]
  /** Null once the job has ended and all of its events were read. */
  readonly next: EventCursor | null
}

export interface EventPageRequest {
  readonly limit: number
  readonly after: EventCursor | null
  /** Milliseconds since the epoch: no event of interest was written before; left out, the job's creation is. */
  readonly since?: number | undefined
  /** The same of after: what comes later on the topic is not read. Left out, all of it is. */
  readonly until?: number | undefined
}

type EventDependencies = Pick<JobDependencies, 'admin' | 'resultTopics' | 'limits' | 'clock' | 'timers'>

const CURSOR = /^(\d{1,7})\.(\d{1,16})$/

/** A text for clients to hand back as it is. */
export function formatEventCursor({ partition, offset }: EventCursor): string {
  return Buffer.from(`${partition}.${offset}`).toString('base64url')
}

/** Null when the text is none that {@link formatEventCursor} made. */
export function parseEventCursor(text: string): EventCursor | null {
  const match = CURSOR.exec(Buffer.from(text, 'base64url').toString('latin1'))
  if (match === null) return null
  const cursor = { partition: Number(match[1]), offset: Number(match[2]) }
  return formatEventCursor(cursor) === text ? cursor : null
}

/** Results are written by other processes than the one that dates the job, and their clocks differ. */
const CLOCK_MARGIN_MS = 60_000
const READ_BYTES = 1024 * 1024
/** Of the events of a page, unless a single one is larger. */
const PAGE_BYTES_MAX = 4 * 1024 * 1024
/** A page ends after this much of other jobs' events; the next one goes on. */
const SCANNED_BYTES_MAX = 64 * 1024 * 1024
const SCAN_MS_MAX = 2_000
/** How long a page without events waits for the first one, so that who asks for pages until there is no next asks not too often. */
const WAIT_MS_MAX = 1_000
const WAIT_STEP_MS = 100

interface Scan {
  readonly job: Job
  readonly topic: string
  readonly limit: number
  readonly until: number
  readonly startedAt: number
  readonly items: InputRecord[]
  bytes: number
  scannedBytes: number
  position: Position
}

/**
 * Finds a job's events on the topic that they were published to: on the partition that the job's id names, from about the
 * time of its creation on, committed ones only. Nothing is kept between two pages but what the cursor says.
 */
export class ResultEvents {
  readonly #deps: EventDependencies
  #inFlight = 0

  constructor(deps: EventDependencies) {
    this.#deps = deps
  }

  /** Throws a 410 when the topic is gone, a 422 when it can't be read by us, a 503 when Kafka is away or too many are reading. */
  async page(job: Job, topic: string, { limit, after, since, until = Infinity }: EventPageRequest): Promise<EventPage> {
    const { limits, clock } = this.#deps
    if (this.#inFlight >= limits.resultReadsMax) {
      const message = `${limits.resultReadsMax} pages of results are being read already`
      throw unavailable(message, { retryAfterS: RETRY_AFTER_S, details: 'Ask again.' })
    }
    this.#inFlight += 1
    try {
      const position = after === null ? await this.#beginOf(job, topic, since ?? firstEventAt(job)) : { topic, ...after }
      const scan = { job, topic, limit, until, startedAt: clock.now(), items: [], bytes: 0, scannedBytes: 0, position }
      const isAll = await this.#scan(scan)
      const { partition, offset } = scan.position
      return { items: scan.items, next: isAll && job.state === 'ended' ? null : { partition, offset } }
    } catch (error) {
      throw asRefusal(error, topic)
    } finally {
      this.#inFlight -= 1
    }
  }

  async #beginOf(job: Job, topic: string, since: number): Promise<Position> {
    const { admin, resultTopics } = this.#deps
    // Asked for offsets of a topic that is gone, the client library tries for seconds, and holds up all other questions.
    if (!(await this.#ask(() => admin.topicExists(topic)))) throw gone(topic)
    const begins = await this.#ask(() => resultTopics.offsetsAt(topic, Math.max(0, since)))
    const home = resultTopics.partitionOf(job.jobId, begins.length)
    const begin = begins.find(({ partition }) => partition === home)
    if (begin === undefined) throw new Error(`broken invariant: ${topic} has no partition ${home} of ${begins.length}`)
    return begin
  }

  /** Whether all that was there is read; else the page is full, or takes too long. */
  async #scan(scan: Scan): Promise<boolean> {
    const { clock, timers, resultTopics } = this.#deps
    for (;;) {
      const from = scan.position.offset
      const stretch = await this.#ask(() => resultTopics.read(scan.position, { bytesMax: READ_BYTES }))
      const end = take(scan, stretch)
      if (end !== 'read') return end === 'past'
      const isAtEnd = scan.position.offset >= stretch.endOffset
      if (isAtEnd && (scan.job.state === 'ended' || scan.items.length > 0)) return true
      if (scan.items.length === scan.limit) return false
      const elapsedMs = clock.now() - scan.startedAt
      if (elapsedMs >= SCAN_MS_MAX || scan.scannedBytes >= SCANNED_BYTES_MAX) return false
      if (scan.position.offset > from) continue
      // Nothing more can be read: not yet written, or behind a transaction that is still open.
      if (scan.items.length > 0 || elapsedMs >= WAIT_MS_MAX) return false
      await delay(timers, WAIT_STEP_MS)
    }
  }

  #ask<T>(call: () => Promise<T>): Promise<T> {
    const { timers, limits } = this.#deps
    return bounded(call(), { timers, timeoutMs: limits.backendTimeoutMs, who: 'Kafka' })
  }
}

function firstEventAt(job: Job): number {
  // Who wrote the command may have given any time as that of the creation.
  const startedAt = job.state === 'accepted' ? null : job.startedAt
  return Math.min(job.createdAt, startedAt ?? job.createdAt) - CLOCK_MARGIN_MS
}

/** Adds what is the job's. Unless all was read, the position is at the record that is next. */
function take(scan: Scan, { records, nextOffset }: PartitionStretch): 'read' | 'full' | 'past' {
  for (const record of records) {
    const bytes = record.value?.length ?? 0
    scan.scannedBytes += bytes
    if (record.timestampMs > scan.until) {
      scan.position = { ...scan.position, offset: record.offset }
      return 'past'
    }
    if (record.headers['ce_correlationid'] !== scan.job.jobId) continue
    const isFull = scan.items.length === scan.limit || (scan.items.length > 0 && scan.bytes + bytes > PAGE_BYTES_MAX)
    if (isFull) {
      scan.position = { ...scan.position, offset: record.offset }
      return 'full'
    }
    scan.items.push(record)
    scan.bytes += bytes
  }
  scan.position = { ...scan.position, offset: nextOffset }
  return 'read'
}

function gone(topic: string): Refusal {
  const details = 'The events went with it. What became of the job as a whole is in its status.'
  return new Refusal(410, `The topic "${clip(topic)}" is not there any more`, { details })
}

function asRefusal(error: unknown, topic: string): unknown {
  if (!(error instanceof KafkaFailure) || error.disposition !== 'reject') return error
  if (error.code === 'UNKNOWN_TOPIC_OR_PARTITION') return gone(topic)
  const details = `${error.code}. Consume the topic with a client of your own.`
  return new Refusal(422, `The topic "${clip(topic)}" can’t be read here`, { details, cause: error })
}
