import type { Destination } from '../../domain/destination.ts'
import { formatDestination } from '../../domain/destination.ts'
import type { KafkaAdmin } from '../../kafka/port.ts'
import type { Clock, Timers } from '../../runtime/clock.ts'
import { Refusal, RETRY_AFTER_S, unavailable } from '../errors.ts'
import { bounded } from './bounded.ts'

export interface DestinationDirectoryOptions {
  readonly admin: Pick<KafkaAdmin, 'topicExists'>
  readonly bucketExists: (name: string) => Promise<boolean>
  readonly clock: Clock
  readonly timers: Timers
  readonly timeoutMs: number
  readonly ttlMs: number
}

/** Destinations that are remembered; beyond that the one that was asked for first is forgotten. */
const REMEMBERED_MAX = 10_000

/** Knows whether a destination is there. That one is missing is not remembered: it may be made any moment. */
export class DestinationDirectory {
  readonly #options: DestinationDirectoryOptions
  readonly #seenAt = new Map<string, number>()

  constructor(options: DestinationDirectoryOptions) {
    this.#options = options
  }

  /** Throws a 422 when it isn't there, a 503 when nobody can say. */
  async require(destination: Destination): Promise<void> {
    if (destination.type === 'none') return
    const name = formatDestination(destination)
    const { clock, ttlMs } = this.#options
    if (clock.now() - (this.#seenAt.get(name) ?? Number.NEGATIVE_INFINITY) < ttlMs) return
    if (!(await this.#exists(destination))) throw missing(destination)
    this.#seenAt.delete(name)
    this.#seenAt.set(name, clock.now())
    const [oldest] = this.#seenAt.keys()
    if (this.#seenAt.size > REMEMBERED_MAX && oldest !== undefined) this.#seenAt.delete(oldest)
  }

  async #exists(destination: Exclude<Destination, { type: 'none' }>): Promise<boolean> {
    const { admin, bucketExists, timers, timeoutMs } = this.#options
    if (destination.type === 'topic') {
      return bounded(admin.topicExists(destination.name), { timers, timeoutMs, who: 'Kafka' })
    }
    try {
      return await bounded(bucketExists(destination.name), { timers, timeoutMs, who: 'The object store' })
    } catch (cause) {
      if (cause instanceof Refusal) throw cause
      const details = 'Nothing was taken. Send the request again.'
      throw unavailable('The object store cannot be asked for the bucket', { retryAfterS: RETRY_AFTER_S, details, cause })
    }
  }
}

function missing(destination: Exclude<Destination, { type: 'none' }>): Refusal {
  const { type, name } = destination
  const other = type === 'topic' ? 's3' : 'kafka'
  const details =
    `Create the ${type} and send the job again, name another destination, or leave it out to keep the results here. ` +
    `"${other}:${name}" would name a ${type === 'topic' ? 'bucket' : 'topic'}.`
  return new Refusal(422, `The ${type} "${name}" does not exist`, { details })
}
