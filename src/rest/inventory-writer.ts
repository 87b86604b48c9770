import type { OutputRecord, Position } from '../kafka/port.ts'
import type { ServerDependencies } from './dependencies.ts'
import { bounded } from './jobs/bounded.ts'
import type { InventoryMessage } from '../domain/inventory-messages.ts'

/** A record of the inventory topic: what a key means from now on, or null when it means nothing any more. */
export interface InventoryChange {
  readonly key: string
  readonly message: InventoryMessage | null
}

/** Records sent at a time: few enough to answer other requests in between, enough to load 50,000 in seconds. */
const BATCH_RECORDS_MAX = 500

type WriterDependencies = Pick<ServerDependencies, 'codec' | 'producer' | 'inventory' | 'timers' | 'topics' | 'limits'>

/** Writes to the inventory topic; what was written counts on this instance before the request is answered. */
export class InventoryWriter {
  readonly #deps: WriterDependencies

  constructor(deps: WriterDependencies) {
    this.#deps = deps
  }

  /**
   * Resolves once all changes are acknowledged. Throws a 503 or KafkaFailure when they are not; some may be written then,
   * and writing all of them again is safe.
   */
  async write(changes: readonly InventoryChange[]): Promise<void> {
    const { producer, timers, limits } = this.#deps
    const timeoutMs = limits.backendTimeoutMs
    const last = new Map<number, Position>()
    for (let first = 0; first < changes.length; first += BATCH_RECORDS_MAX) {
      const records = changes.slice(first, first + BATCH_RECORDS_MAX).map((change) => this.#recordOf(change))
      const positions = await bounded(producer.send(records), { timers, timeoutMs, who: 'Kafka' })
      for (const position of positions) last.set(position.partition, position)
    }
    // Whoever registers and asks at once should see it; but it is registered, seen or not.
    await Promise.allSettled([...last.values()].map((position) => this.#seen(position)))
  }

  #seen(position: Position): Promise<boolean> {
    const { inventory, timers, limits } = this.#deps
    const timeoutMs = limits.catchUpTimeoutMs
    return bounded(inventory.waitFor(position, timeoutMs), { timers, timeoutMs, who: 'Kafka' })
  }

  #recordOf({ key, message }: InventoryChange): OutputRecord {
    const { codec, topics } = this.#deps
    return { topic: topics.inventory, key, value: message === null ? null : codec.encode(message) }
  }
}
