/** An object store that remembers what was written to it. */
import { hash } from 'node:crypto'
import type { PublishedObject } from '../../src/domain/assignment.ts'
import type { Clock } from '../../src/runtime/clock.ts'
import { SinkFailure } from '../../src/sinks/sink.ts'
import { LostMessage, type Network } from './network.ts'
import type { SimulatedProcess } from './process.ts'

export interface Writing {
  readonly key: string
  readonly body: string
  /** Of the content: whatever is written again has the tag that it had. */
  readonly etag: string
  readonly writtenAt: number
  /** When whoever wrote it set out to, before it had the content. */
  readonly begunAt: number
}

export type NewObject = Pick<Writing, 'key' | 'body' | 'begunAt'>

export class SimulatedBucket {
  readonly #clock: Clock
  readonly #objects = new Map<string, Writing>()
  /** Every writing that arrived, in order, whether it changed anything or not. */
  readonly writings: Writing[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  find(key: string): Writing | undefined {
    return this.#objects.get(key)
  }

  /** What is there under the prefix, each as it was written last, by key. */
  list(prefix: string): readonly Writing[] {
    const found = [...this.#objects.values()].filter(({ key }) => key.startsWith(prefix))
    return found.sort((one, other) => Buffer.compare(Buffer.from(one.key), Buffer.from(other.key)))
  }

  put({ key, body, begunAt }: NewObject): PublishedObject {
    const etag = hash('md5', body)
    const writing = { key, body, etag, writtenAt: this.#clock.now(), begunAt }
    this.writings.push(writing)
    this.#objects.set(key, writing)
    return { key, bytes: Buffer.byteLength(body), etag }
  }
}

/** A process's way to the bucket. */
export interface BucketAccess {
  readonly process: SimulatedProcess
  readonly bucket: SimulatedBucket
  readonly bucketNetwork: Network
}

/** Throws SinkFailure. */
export async function storeObject({ process, bucket, bucketNetwork }: BucketAccess, object: NewObject): Promise<PublishedObject> {
  try {
    return await process.call(bucketNetwork, () => bucket.put(object))
  } catch (error) {
    if (!(error instanceof LostMessage)) throw error
    throw new SinkFailure('the store is away', { disposition: 'retry', code: 'ETIMEDOUT', cause: error })
  }
}
