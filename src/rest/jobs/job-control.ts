/** Stops jobs, and tries again what failed of them. */
import { isHeld, type Job } from '../../domain/job.ts'
import type { CancelJob, ForgetJob, HoldJob, ReleaseJob, RetryJob } from '../../domain/messages.ts'
import type { Position } from '../../kafka/port.ts'
import { statusOf } from '../../read-model/port.ts'
import type { JobDependencies } from '../dependencies.ts'
import { clip, Refusal, RETRY_AFTER_S, unavailable } from '../errors.ts'
import type { JobLookup } from './job-lookup.ts'
import { requireCallbacks } from './required-callbacks.ts'
import { writeCommand } from './write-command.ts'

export interface Requester {
  /** Who asks, where clients identify themselves. */
  readonly requestedBy: string | null
  /** The client's bearer token, for producers. */
  readonly authorization: string | null
}

export interface ReleaseRequest extends Pick<ReleaseJob, 'requestedBy' | 'callbacks'> {
  /** Left out or null, all. */
  readonly subjobs?: ReleaseJob['subjobs']
  /** Where the client's body holds the callbacks; left out, `callbacks`. */
  readonly callbacksField?: string
}

export class JobControl {
  readonly #deps: JobDependencies
  readonly #lookup: JobLookup

  constructor(deps: JobDependencies, lookup: JobLookup) {
    this.#deps = deps
    this.#lookup = lookup
  }

  /**
   * Resolves to the job once its cancellation is durable and can be read here; one that is being cancelled, or was, stays as it
   * is. Throws a 404 on an unknown job, a 409 on one that has ended otherwise, a 503 when Kafka is away or late.
   */
  async cancel(jobId: string, { requestedBy }: Pick<Requester, 'requestedBy'>): Promise<Job> {
    const job = await this.#lookup.require(jobId)
    if (isCancelled(job)) return job
    if (isOver(job)) throw tooLate(job)
    const position = await this.#write({ type: 'CancelJob', jobId, requestedBy, subjobs: null })
    const { progress, limits } = this.#deps
    if (!(await progress.waitFor(position, limits.catchUpTimeoutMs))) throw late(jobId, limits.catchUpTimeoutMs)
    const after = await this.#lookup.require(jobId)
    if (isOver(after) && !isCancelled(after)) throw tooLate(after)
    return after
  }

  /**
   * Resolves once the cancellation of one of its subjobs is durable; the job goes on. Throws a 503 when Kafka is away.
   */
  async cancelSubjob({ jobId, index }: { readonly jobId: string; readonly index: number }, requestedBy: string | null): Promise<void> {
    await this.#write({ type: 'CancelJob', jobId, requestedBy, subjobs: [index] })
  }

  /**
   * Resolves to the job once it runs again. Asked for twice at once, it runs once more. Throws a 404 on an unknown job, a 409 on
   * one of which nothing can be tried again, a 503 when Kafka is away or late.
   */
  async retry(jobId: string, requester: Requester): Promise<Job> {
    const job = await this.#lookup.require(jobId)
    const { retryRetentionMs, clock } = this.#deps
    if (job.state !== 'ended') throw notRetried(job, `is still ${statusOf(job)}`, 'What failed of it can be tried again once it has ended.')
    if (job.operations.failed === 0) throw notRetried(job, 'has nothing that failed', 'All of its operations were done.')
    if (!hasUndone(job)) throw notRetried(job, 'has nothing that could be tried again', lostParts(job))
    if (job.finishedAt + retryRetentionMs <= clock.now()) {
      const details = `What failed is kept for ${retryRetentionMs} ms (DATAJOB_RETRY_RETENTION_MS). Submit it as another job.`
      throw notRetried(job, 'ended too long ago', details)
    }
    const run = job.run + 1
    await this.#write({ type: 'RetryJob', jobId, run, ...requester, priority: null })
    return this.#once(jobId, (after) => after.run >= run)
  }

  /**
   * Resolves to the job once nothing more of it is begun; what was begun goes on. One that is held already stays so. Throws a 404 on an
   * unknown job, a 409 on one that has ended or is being cancelled, a 503 when Kafka is away or late.
   */
  async hold(jobId: string, { requestedBy }: Pick<Requester, 'requestedBy'>): Promise<Job> {
    const job = await this.#lookup.require(jobId)
    if (!mayBeHeld(job)) throw notHeld(job)
    await this.#write({ type: 'HoldJob', jobId, requestedBy })
    const after = await this.#once(jobId, (found) => !mayBeHeld(found) || (found.held && found.released.length === 0))
    if (!mayBeHeld(after)) throw notHeld(after)
    return after
  }

  /**
   * Resolves to the job once it was released, or those of its subjobs. Throws a 404 on an unknown job, a 409 on what is not held, a 400 on
   * callbacks that can't be, a 503 when Kafka is away or late.
   */
  async release(jobId: string, request: ReleaseRequest): Promise<Job> {
    const { requestedBy, callbacks, subjobs = null, callbacksField: field = 'callbacks' } = request
    const job = await this.#lookup.require(jobId)
    const free = subjobs?.find((index) => !isHeld(job, index))
    if (!job.held) throw new Refusal(409, `The job "${clip(jobId)}" is not held`, { details: `It is ${statusOf(job)}.` })
    if (free !== undefined) throw new Refusal(409, `The subjob ${free} of the job "${clip(jobId)}" is not held`)
    requireCallbacks({ ...job.callbacks, ...callbacks }, { field, refusalOf: this.#deps.callbackRefusal })
    await this.#write({ type: 'ReleaseJob', jobId, requestedBy, callbacks, subjobs })
    return this.#once(jobId, (after) => (subjobs === null ? !after.held : subjobs.every((index) => !isHeld(after, index))))
  }

  /**
   * Resolves once an ended job is forgotten; what was published of it stays. Throws a 404 on an unknown job, a 409 on one that has not
   * ended, a 503 when Kafka is away or late.
   */
  async forget(jobId: string, { requestedBy }: Pick<Requester, 'requestedBy'>): Promise<void> {
    const job = await this.#lookup.require(jobId)
    if (job.state !== 'ended') throw new Refusal(409, `The job "${clip(jobId)}" is still ${statusOf(job)}`, { details: 'Cancel it first.' })
    await this.#write({ type: 'ForgetJob', jobId, requestedBy })
    // One of the same id may have come since.
    await this.#onceFound(jobId, (after) => after?.number !== job.number)
  }

  #write(command: CancelJob | RetryJob | HoldJob | ReleaseJob | ForgetJob): Promise<Position> {
    const { codec, topics, progress } = this.#deps
    const partition = progress.homePartition(command.jobId)
    return writeCommand(this.#deps, { topic: topics.commands, partition, key: command.jobId, value: codec.encode(command) })
  }

  /** Resolves to the job once it is so. */
  async #once(jobId: string, isSo: (job: Job) => boolean): Promise<Job> {
    const job = await this.#onceFound(jobId, (found) => found !== undefined && isSo(found))
    if (job === undefined) throw new Error('broken invariant: a job that was found is none')
    return job
  }

  #onceFound(jobId: string, isSo: (job: Job | undefined) => boolean): Promise<Job | undefined> {
    const { readModel, progress, timers, limits } = this.#deps
    const { promise, resolve, reject } = Promise.withResolvers<Job | undefined>()
    const look = (): void => {
      readModel.job(jobId).then((job) => {
        if (isSo(job)) resolve(job)
      }, reject)
    }
    const stop = progress.onChange((changed) => {
      if (changed === jobId) look()
    })
    const timer = timers.after(limits.catchUpTimeoutMs, () => {
      reject(late(jobId, limits.catchUpTimeoutMs))
    })
    look()
    return promise.finally(() => {
      stop()
      timer.cancel()
    })
  }
}

function isCancelled(job: Job): boolean {
  const status = statusOf(job)
  return status === 'cancelling' || status === 'cancelled'
}

function mayBeHeld({ state }: Job): boolean {
  return state === 'accepted' || state === 'running'
}

/** Whether its outcome is settled. */
function isOver({ state }: Job): boolean {
  return state === 'concluding' || state === 'ended'
}

/** Whether anything that failed of it ever came to be a subjob. */
function hasUndone({ subjobs: { partiallyFailed, failed, cancelled } }: Job): boolean {
  return partiallyFailed + failed + cancelled > 0
}

function lostParts({ message }: Job): string {
  return `What failed of it never came: ${message ?? 'records with its operations are missing'}. Submit it as another job.`
}

function tooLate(job: Job): Refusal {
  const message = `The job "${clip(job.jobId)}" can't be cancelled any more: all of it has ended`
  return new Refusal(409, message, { details: 'What was done is not undone.' })
}

function notHeld(job: Job): Refusal {
  return new Refusal(409, `The job "${clip(job.jobId)}" can't be held any more`, { details: `It is ${statusOf(job)}.` })
}

function notRetried({ jobId }: Job, why: string, details: string): Refusal {
  return new Refusal(409, `The job "${clip(jobId)}" ${why}`, { details })
}

function late(jobId: string, timeoutMs: number): Refusal {
  const message = `What became of the request for "${clip(jobId)}" is not known within ${timeoutMs} ms`
  const details = 'It is written, and will be carried out. Ask for the status, or send it again: that changes nothing.'
  return unavailable(message, { retryAfterS: RETRY_AFTER_S, details })
}
