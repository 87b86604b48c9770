/** What came of a job's operations, read back from the topic that its results went to. */
import type { Job } from '../../domain/job.ts'
import { type OperationReport, wholeReportsOf } from '../../results/result-event.ts'
import { WholeEvents } from '../../results/whole-events.ts'
import { completionId } from '../../sinks/kafka/event-headers.ts'
import type { JobDependencies } from '../dependencies.ts'
import { clip, Refusal } from '../errors.ts'
import type { EventCursor, ResultEvents } from './result-events.ts'

export type EndedJob = Extract<Job, { readonly state: 'ended' }>

/** What is to be read of what was reported of a job's operations. */
export interface HistoryRequest {
  /** When attempts at them have ended. */
  readonly ends: readonly number[]
  /** How many reports there are, as far as that is known: while the job goes on, no more of them are waited for. */
  readonly reports: number
}

interface ResultDependencies {
  readonly readModel: Pick<JobDependencies['readModel'], 'subjobs'>
  readonly topics: Pick<JobDependencies['topics'], 'results'>
}

/** Jobs whose results are read at a time; the others wait. It leaves places for those who page through events. */
const READINGS_MAX = 8
/** Small results by the megabyte, which is what is read at a time: what is behind a page’s last event is read again for the next one. */
const PAGE_LIMIT = 10_000
const RESULTS_BYTES_MAX = 32 * 1024 * 1024
const SUBJOBS_LOOKED_AT = 1_000
/** Between the time of an event and that of its subjob's end, which another process may have noted. */
const MARGIN_MS = 2_000
/** The same the other way: one that is there is so close, and a topic goes on for as long as its jobs do. */
const LATE_MARGIN_MS = 60_000

interface Reading {
  /** Left out, the job's creation is. */
  readonly since?: number | undefined
  /** Left out, all. */
  readonly until: number
  /** Whether nothing more is to be waited for; left out, all that there is is read. */
  readonly isEnough?: (reports: ReadonlyMap<string, OperationReport>) => boolean
  /** Is given each report, also of an operation that another one follows of. */
  readonly take?: (report: OperationReport) => void
}

export class JobResults {
  readonly #deps: ResultDependencies
  readonly #events: ResultEvents
  readonly #waiting: (() => void)[] = []
  #reading = 0

  constructor(deps: ResultDependencies, events: ResultEvents) {
    this.#deps = deps
    this.#events = events
  }

  /**
   * By operation, its id as a text. Those whose events the topic keeps no longer are missing. Throws a 422 on a job whose results went
   * into a bucket, or are too many to be read at once, and what {@link ResultEvents.page} throws.
   */
  of(job: EndedJob): Promise<ReadonlyMap<string, OperationReport>> {
    return this.#inTurn(async () => {
      const until = job.finishedAt + LATE_MARGIN_MS
      const reports = await this.#read(job, { since: await this.#firstEndOf(job), until })
      // Who has noted the ends may have another clock than who wrote the events.
      return reports.size >= job.operations.total ? reports : this.#read(job, { until })
    })
  }

  /** The same of some operations whose subjobs have ended, at those times; the job may go on. Throws as {@link of} does. */
  ofEnded(job: Job, endedAt: ReadonlyMap<string, number>): Promise<ReadonlyMap<string, OperationReport>> {
    const times = [...endedAt.values()]
    const [since, until] = [Math.min(...times) - MARGIN_MS, Math.max(...times) + LATE_MARGIN_MS]
    const wanted = [...endedAt.keys()]
    const isEnough = (reports: ReadonlyMap<string, OperationReport>): boolean => wanted.every((id) => reports.has(id))
    return this.#inTurn(() => this.#read(job, { since, until, isEnough }))
  }

  /**
   * All that was reported of its operations since they began to end, the latest last: once for each run of theirs, as far as the topic
   * keeps it. Throws as {@link of} does.
   */
  historyOf(job: Job, { ends, reports: expected }: HistoryRequest): Promise<ReadonlyMap<string, readonly OperationReport[]>> {
    const [first, last] = ends.reduce(([low, high], end) => [Math.min(low, end), Math.max(high, end)], [Infinity, 0])
    const history = new Map<string, OperationReport[]>()
    let count = 0
    const take = (report: OperationReport): void => {
      count += 1
      const known = history.get(String(report.operationId))
      if (known === undefined) history.set(String(report.operationId), [report])
      else known.push(report)
    }
    // A run that was cancelled before anything of it began is reported, too, without an attempt.
    const until = Math.max(last, job.state === 'ended' ? job.finishedAt : 0) + LATE_MARGIN_MS
    return this.#inTurn(async () => {
      await this.#read(job, { since: first - MARGIN_MS, until, take, isEnough: () => count >= expected })
      return history
    })
  }

  async #inTurn<T>(read: () => Promise<T>): Promise<T> {
    if (this.#reading < READINGS_MAX) this.#reading += 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await read()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#reading -= 1
      else next()
    }
  }

  async #read(job: Job, { since, until, isEnough, take }: Reading): Promise<ReadonlyMap<string, OperationReport>> {
    const topic = this.#topicOf(job)
    const lastEvent = completionId(job)
    const reports = new Map<string, OperationReport>()
    const seen = new Set<string | undefined>()
    const isComplete = (): boolean => seen.has(lastEvent) || isEnough?.(reports) === true
    const whole = new WholeEvents((record) => {
      seen.add(record.headers['ce_id'])
      for (const report of wholeReportsOf(record.value) ?? []) {
        reports.set(String(report.operationId), report)
        take?.(report)
      }
    })
    let bytes = 0
    let after: EventCursor | null = null
    do {
      const page = await this.#events.page(job, topic, { limit: PAGE_LIMIT, after, since, until })
      for (const record of page.items) {
        bytes += record.value?.length ?? 0
        whole.take(record)
      }
      if (bytes > RESULTS_BYTES_MAX) throw tooMany(job.jobId)
      // Of a job that goes on, what is not there yet may take any time.
      after = page.items.length === 0 && job.state !== 'ended' ? null : page.next
    } while (after !== null && !isComplete())
    whole.end()
    return reports
  }

  /** About when the first of its events was written; undefined where that is not known. */
  async #firstEndOf({ jobId }: EndedJob): Promise<number | undefined> {
    const { items, next } = await this.#deps.readModel.subjobs(jobId, { limit: SUBJOBS_LOOKED_AT, after: null })
    const ends = items.map((row) => (row.state === 'ended' ? row.finishedAt : undefined))
    if (next !== null || ends.length === 0 || ends.includes(undefined)) return undefined
    return Math.min(...ends.map((end) => end ?? 0)) - MARGIN_MS
  }

  #topicOf({ jobId, destination }: Job): string {
    if (destination === '') return this.#deps.topics.results
    if (destination.startsWith('kafka:')) return destination.slice('kafka:'.length)
    throw new Refusal(422, `The results of the job "${clip(jobId)}" are in ${destination}`, { details: 'Read them there.' })
  }
}

function tooMany(jobId: string): Refusal {
  const details = `It has more than ${RESULTS_BYTES_MAX} bytes of results. Consume its topic with a client of your own.`
  return new Refusal(422, `The results of the job "${clip(jobId)}" can't be shown at once`, { details })
}
