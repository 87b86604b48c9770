import { isJobId } from '../../domain/ids.ts'
import type { Job } from '../../domain/job.ts'
import type { JobFilter, JobPage, JobPageRequest, JobReport, SubjobPage, SubjobPageRequest, VersionedJob } from '../../read-model/port.ts'
import type { JobDependencies } from '../dependencies.ts'
import type { SubjobRow } from '../../read-model/subjob-row.ts'
import { clip, Refusal, RETRY_AFTER_S, unavailable } from '../errors.ts'
import { bounded } from './bounded.ts'
import { ReadLag } from './read-lag.ts'

export interface SubjobsFound extends SubjobPage {
  readonly job: Job
  readonly unended: ReadonlySet<number>
}

/**
 * Reads jobs. The read model follows the topics; what it lacks may be written already, so a miss is believed only once
 * the read model has come past everything that was written before the question.
 */
export class JobLookup {
  readonly #deps: JobDependencies
  readonly #lag: ReadLag

  constructor(deps: JobDependencies) {
    this.#deps = deps
    const { clock, timers, progress, limits } = deps
    this.#lag = new ReadLag({ count: () => progress.lag(), clock, timers, ttlMs: limits.lagTtlMs })
  }

  /**
   * The job in a version not below `seen`, which another instance may have shown; of an id that was taken anew since, the job
   * as it is. Throws as {@link require} does.
   */
  async requireSince(jobId: string, seen: number): Promise<VersionedJob> {
    const { readModel, progress, limits, timers } = this.#deps
    await this.require(jobId)
    const found = await readModel.versionedJob(jobId)
    if (found !== undefined && found.version >= seen) return found
    const timeoutMs = limits.catchUpTimeoutMs
    const reached = await bounded(progress.waitForJob(jobId, timeoutMs), { timers, timeoutMs, who: 'Kafka' })
    const since = await readModel.versionedJob(jobId)
    if (since === undefined) throw new Refusal(404, `There is no job "${clip(jobId)}"`)
    if (since.version >= seen || reached) return since
    throw unavailable(`What became of job "${clip(jobId)}" is not known within ${timeoutMs} ms`, STILL_READING)
  }

  /** Throws a 404 when there is no such job, a 503 when that can't be said in time. */
  async require(jobId: string): Promise<Job> {
    const { readModel } = this.#deps
    const job = isJobId(jobId) ? ((await readModel.job(jobId)) ?? (await this.#awaited(jobId))) : undefined
    if (job === undefined) throw new Refusal(404, `There is no job "${clip(jobId)}"`)
    return job
  }

  /** The job of that number; undefined when there is none. Throws a 503 when that can't be said in time. */
  async byNumber(number: number): Promise<Job | undefined> {
    const { readModel, progress, limits, timers } = this.#deps
    const known = await readModel.jobByNumber(number)
    if (known !== null) return known
    const timeoutMs = limits.catchUpTimeoutMs
    const reached = await bounded(progress.waitForAll(timeoutMs), { timers, timeoutMs, who: 'Kafka' })
    const job = await readModel.jobByNumber(number)
    if (job !== null || reached) return job ?? undefined
    throw unavailable(`Whether there is a job of the number ${number} is not known within ${timeoutMs} ms`, STILL_READING)
  }

  /**
   * A page of the job's subjobs, and which of those that they depend on have not ended. What a job has ended with is on another topic
   * than its end: it is waited for, unless the page is of some statuses only. Throws as {@link require} does.
   */
  async subjobs(jobId: string, page: SubjobPageRequest): Promise<SubjobsFound> {
    const { readModel } = this.#deps
    const job = await this.require(jobId)
    const { items, next } = await this.#rowsOf(job, page)
    const parents = [...new Set(items.flatMap(({ plan, state }) => (state === 'planned' ? (plan?.parents ?? []) : [])))]
    const ended = parents.length === 0 ? new Set() : await readModel.endedSubjobs(jobId, parents)
    return { job, items, next, unended: new Set(parents.filter((parent) => !ended.has(parent))) }
  }

  list(filter: JobFilter, page: JobPageRequest): Promise<JobPage> {
    return this.#deps.readModel.jobs(filter, page)
  }

  count(filter: JobFilter): Promise<number> {
    return this.#deps.readModel.countJobs(filter)
  }

  /** What producers say of those jobs that run, by the job's id. */
  async reports(jobs: readonly Job[]): Promise<ReadonlyMap<string, JobReport>> {
    const running = jobs.filter(({ state }) => state === 'running').map(({ jobId }) => jobId)
    return running.length === 0 ? new Map() : await this.#deps.readModel.reports(running)
  }

  /** Resolves once what was written before the call can be listed, or that took too long: a list is of what is known then. */
  async settle(): Promise<void> {
    const { progress, timers } = this.#deps
    const caughtUp = progress.waitForAll(SETTLE_TIMEOUT_MS)
    await bounded(caughtUp, { timers, timeoutMs: SETTLE_TIMEOUT_MS, who: 'Kafka' }).catch(() => undefined)
  }

  async #rowsOf(job: Job, page: SubjobPageRequest): Promise<SubjobPage> {
    const { readModel, progress, timers } = this.#deps
    const { jobId } = job
    const known = await readModel.subjobs(jobId, page)
    if (!lacksEnds(job, known.items, page)) return known
    const caughtUp = progress.waitForSubjobs(jobId, SETTLE_TIMEOUT_MS)
    await bounded(caughtUp, { timers, timeoutMs: SETTLE_TIMEOUT_MS, who: 'Kafka' }).catch(() => undefined)
    return readModel.subjobs(jobId, page)
  }

  /** Records that answers may lack, a short while ago; null when nobody can say. */
  recordsBehind(): Promise<number | null> {
    return this.#lag.recent()
  }

  async #awaited(jobId: string): Promise<Job | undefined> {
    const { progress, readModel, limits, timers } = this.#deps
    const timeoutMs = limits.catchUpTimeoutMs
    const reached = await bounded(progress.waitForJob(jobId, timeoutMs), { timers, timeoutMs, who: 'Kafka' })
    const job = await readModel.job(jobId)
    if (job !== undefined || reached) return job
    throw unavailable(`Whether there is a job "${clip(jobId)}" is not known within ${timeoutMs} ms`, STILL_READING)
  }
}

function lacksEnds(job: Job, rows: readonly SubjobRow[], { after, limit, statuses = [] }: SubjobPageRequest): boolean {
  if (job.state !== 'ended' || statuses.length > 0) return false
  const expected = Math.min(limit, job.subjobs.total - (after ?? -1) - 1)
  return rows.length < expected || rows.some(({ state }) => state !== 'ended')
}

/** A client that has just submitted a job expects it in a list, but one that only looks has no use for an error. */
const SETTLE_TIMEOUT_MS = 1_000

const STILL_READING = { retryAfterS: RETRY_AFTER_S, details: 'What was written to Kafka is still being read here. Ask again.' }
