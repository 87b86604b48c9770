import type { Job } from '../../domain/job.ts'
import type { JobCursor } from '../../read-model/job-cursor.ts'
import type { JobFilter } from '../../read-model/port.ts'
import type { JobDependencies, ResultObject } from '../dependencies.ts'
import { clip, Refusal, RETRY_AFTER_S, unavailable } from '../errors.ts'
import { bounded } from './bounded.ts'
import type { ObjectCursor } from './object-cursor.ts'

/** An object with a link to it. */
export interface LinkedObject extends ResultObject {
  readonly jobId: string
  readonly url: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

export interface ObjectPage {
  readonly items: readonly LinkedObject[]
  /** Null on the last page. */
  readonly next: ObjectCursor | null
}

export interface PageRequest {
  readonly limit: number
  readonly after: ObjectCursor | null
}

/** Jobs that are read at a time. */
const JOBS_READ = 100

/**
 * Shows what jobs have put into buckets. The credentials for the store are ours, so a client sees only buckets that a job
 * known here has as its destination, and in them only what lies under such a job's own prefix.
 */
export class BucketListing {
  readonly #deps: JobDependencies

  constructor(deps: JobDependencies) {
    this.#deps = deps
  }

  /** One job's objects, by key. Throws a 404 when the bucket is gone, a 503 when the store can't be asked. */
  async ofJob(job: Job, bucket: string, { limit, after }: PageRequest): Promise<ObjectPage> {
    if (after !== null && after.job.number !== job.number) {
      const details = 'Use the "next" of the page before as it is.'
      throw new Refusal(400, 'query cursor: it belongs to the objects of another job', { details })
    }
    const { items, isLast } = await this.#list(job, bucket, { after: after?.key ?? '', limit })
    const last = items.at(-1)
    return { items, next: isLast || last === undefined ? null : { job: cursorOf(job), key: last.key } }
  }

  /**
   * The objects of all jobs whose destination the bucket is: the newest job first, each job's by key. Jobs that come in
   * meanwhile never shift a page. A page may be short, or empty, before the last. Throws as {@link ofJob} does, and a 404
   * when no job has the bucket as its destination.
   */
  async ofBucket(bucket: string, tenant: string, { limit, after }: PageRequest): Promise<ObjectPage> {
    const filter = { tenant, destination: `s3:${bucket}` }
    await this.#requireDestination(bucket, filter)
    const items: LinkedObject[] = []
    let listings = this.#deps.limits.listingsPerPageMax
    let last: ObjectCursor | null = after
    for await (const job of this.#jobs(filter, after)) {
      if (listings === 0 || items.length === limit) return { items, next: last }
      const from = after !== null && after.job.number === job.number ? after.key : ''
      const found = await this.#list(job, bucket, { after: from, limit: limit - items.length })
      listings -= 1
      items.push(...found.items)
      last = { job: cursorOf(job), key: found.isLast ? '' : (found.items.at(-1)?.key ?? from) }
      if (!found.isLast) return { items, next: last }
    }
    return { items, next: null }
  }

  // The job that the page before ended in comes once more, unless all of it was listed.
  async *#jobs(filter: JobFilter, after: ObjectCursor | null): AsyncGenerator<Job> {
    const isWithin = after !== null && after.key !== ''
    let cursor: JobCursor | null = isWithin ? { ...after.job, number: after.job.number + 1 } : (after?.job ?? null)
    do {
      const page = await this.#deps.readModel.jobs(filter, { limit: JOBS_READ, after: cursor })
      yield* page.items
      cursor = page.next
    } while (cursor !== null)
  }

  async #requireDestination(bucket: string, filter: JobFilter): Promise<void> {
    const { readModel, progress, limits, timers } = this.#deps
    const isKnown = async (): Promise<boolean> => (await readModel.jobs(filter, { limit: 1, after: null })).items.length > 0
    if (await isKnown()) return
    const timeoutMs = limits.catchUpTimeoutMs
    const reached = await bounded(progress.waitForAll(timeoutMs), { timers, timeoutMs, who: 'Kafka' })
    if (await isKnown()) return
    if (reached) throw new Refusal(404, `No job has the bucket "${clip(bucket)}" as its destination`)
    throw unavailable(`Whether a job has the bucket "${clip(bucket)}" as its destination is not known within ${timeoutMs} ms`, {
      retryAfterS: RETRY_AFTER_S,
      details: 'What was written to Kafka is still being read here. Ask again.',
    })
  }

  async #list(
    { jobId }: Job,
    bucket: string,
    page: { readonly after: string; readonly limit: number },
  ): Promise<{ readonly items: readonly LinkedObject[]; readonly isLast: boolean }> {
    const { objects } = this.#deps
    const found = await this.#ask(() => objects.list({ bucket, jobId }, page))
    if (found === null) throw new Refusal(404, `The bucket "${clip(bucket)}" is not there any more`)
    const items: LinkedObject[] = []
    for (const each of found.items) items.push({ ...each, jobId, ...(await this.#ask(() => objects.link(bucket, each.key))) })
    return { items, isLast: found.isLast }
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    const { timers, limits } = this.#deps
    try {
      return await bounded(call(), { timers, timeoutMs: limits.backendTimeoutMs, who: 'The object store' })
    } catch (cause) {
      if (cause instanceof Refusal) throw cause
      throw unavailable('The object store cannot be asked now', { retryAfterS: RETRY_AFTER_S, details: 'Ask again.', cause })
    }
  }
}

function cursorOf({ createdAt, number }: Job): JobCursor {
  return { createdAt, number }
}
