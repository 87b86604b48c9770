/** An object store that keeps its history. */
import type { Clock } from '../../src/runtime/clock.ts'

export interface StoredObject {
  readonly key: string
  readonly body: string
  readonly etag: string
  readonly writtenAt: number
  /** When whoever wrote it set out to, before it had the content. */
  readonly begunAt: number
}

export class SimulatedBucket {
  readonly #clock: Clock
  readonly #objects = new Map<string, StoredObject>()
  readonly #history = new Map<string, StoredObject>()
  /** Every writing that arrived, whether it changed anything or not. */
  readonly writings: Pick<StoredObject, 'key' | 'begunAt'>[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get objects(): ReadonlyMap<string, StoredObject> {
    return this.#objects
  }

  /** What was ever written under a tag. */
  written(etag: string): StoredObject | undefined {
    return this.#history.get(etag)
  }

  /** Writing what is there already leaves it as it is. */
  put({ key, body, begunAt }: Pick<StoredObject, 'key' | 'body' | 'begunAt'>): StoredObject {
    this.writings.push({ key, begunAt })
    const known = this.#objects.get(key)
    if (known?.body === body) return known
    const etag = `etag-${this.#history.size + 1}`
    const object = { key, body, etag, writtenAt: this.#clock.now(), begunAt }
    this.#objects.set(key, object)
    this.#history.set(etag, object)
    return object
  }
}
