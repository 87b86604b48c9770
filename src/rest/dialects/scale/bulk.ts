/** Cancels, requeues and releases all jobs that a filter finds, as they are at the moment of the request (docs/adr/0013). */
import type { FacetCondition } from '../../../read-model/job-facets.ts'
import type { JobDependencies } from '../../dependencies.ts'
import { RETRY_AFTER_S, unavailable } from '../../errors.ts'
import { bounded } from '../../jobs/bounded.ts'
import type { BulkCommands, BulkedCommand } from '../../jobs/bulk-commands.ts'
import { conditionsOfBulk, withStatus } from './job-filter.ts'
import type { BulkFilter, Requeue } from './job-schemas.ts'

export interface Requester {
  readonly requestedBy: string | null
  /** The client's bearer token, for producers. */
  readonly authorization: string | null
}

type KeyedCommand = (key: { readonly jobId: string; readonly run: number }) => BulkedCommand

type BulkDependencies = Pick<JobDependencies, 'readModel' | 'progress' | 'clock' | 'timers' | 'limits'>

export class Bulk {
  readonly #deps: BulkDependencies
  readonly #commands: BulkCommands

  constructor(deps: BulkDependencies, commands: BulkCommands) {
    this.#deps = deps
    this.#commands = commands
  }

  /** Resolves once it is durable. Throws a 400 on a filter that can't be read, and as BulkCommands.write does. */
  cancel(filter: BulkFilter, { requestedBy }: Pick<Requester, 'requestedBy'>): Promise<void> {
    const conditions = [...this.#conditionsOf(filter), withStatus('PENDING', 'BLOCKED', 'QUEUED', 'RUNNING')]
    return this.#write(conditions, ({ jobId }) => ({ type: 'CancelJob', jobId, requestedBy, subjobs: null }))
  }

  /** The same. Each job runs once more, however often the command is read, or given before its effect shows. */
  requeue({ priority, ...filter }: Requeue, requester: Requester): Promise<void> {
    const conditions = [...this.#conditionsOf(filter), withStatus('FAILED', 'CANCELED')]
    const again = { priority: priority ?? null, ...requester }
    return this.#write(conditions, ({ jobId, run }) => ({ type: 'RetryJob', jobId, run: run + 1, ...again }))
  }

  /** Jobs of the type that wait for it to be resumed are begun. */
  release(typeId: number, { requestedBy }: Pick<Requester, 'requestedBy'>): Promise<void> {
    const conditions: readonly FacetCondition[] = [{ facet: 'typeId', anyOf: [typeId] }, withStatus('PENDING')]
    return this.#write(conditions, ({ jobId }) => ({ type: 'ReleaseJob', jobId, requestedBy, callbacks: {}, subjobs: null }))
  }

  #conditionsOf(filter: BulkFilter): readonly FacetCondition[] {
    return conditionsOfBulk(filter, this.#deps.clock.now())
  }

  async #write(conditions: readonly FacetCondition[], commandOf: KeyedCommand): Promise<void> {
    await this.#settle()
    const keys = await this.#deps.readModel.facetedKeys(conditions)
    await this.#commands.write(keys.map(commandOf))
  }

  // What was acknowledged before the request is of its moment: without it, jobs would be passed over.
  async #settle(): Promise<void> {
    const { progress, timers, limits } = this.#deps
    const timeoutMs = limits.catchUpTimeoutMs
    if (await bounded(progress.waitForAll(timeoutMs), { timers, timeoutMs, who: 'Kafka' })) return
    const details = 'What was written to Kafka is still being read here. Nothing was done.'
    throw unavailable(`Which jobs these are is not known within ${timeoutMs} ms`, { retryAfterS: RETRY_AFTER_S, details })
  }
}
