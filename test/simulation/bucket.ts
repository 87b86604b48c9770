/** An object store that keeps its history. */
import type { Clock } from '../../src/runtime/clock.ts'

export interface StoredObject {
  readonly key: string
  readonly body: string
  readonly etag: string
  readonly writtenAt: number
}

export class SimulatedBucket {
  readonly #clock: Clock
  readonly #objects = new Map<string, StoredObject>()
  #writes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get objects(): ReadonlyMap<string, StoredObject> {
    return this.#objects
  }

  /** Writing what is there already leaves it as it is. */
  put(key: string, body: string): StoredObject {
    const known = this.#objects.get(key)
    if (known?.body === body) return known
    this.#writes += 1
    const object = { key, body, etag: `etag-${this.#writes}`, writtenAt: this.#clock.now() }
    this.#objects.set(key, object)
    return object
  }
}
