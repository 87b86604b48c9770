import type { PublishedObject } from '../../domain/assignment.ts'
import { passFailpoint } from '../../runtime/failpoints.ts'
import { SinkFailure } from '../sink.ts'
import type { S3Client } from './client.ts'
import { s3Failure } from './s3-failure.ts'

export interface UploadTarget {
  readonly bucket: string
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
}

// Amazon S3, "Multipart upload limits".
const PARTS_MAX = 10_000

interface Multipart {
  readonly id: string
  readonly parts: { part: number; etag: string }[]
}

/**
 * An object that is written piece by piece, without a length known beforehand and with no more than two parts of it in
 * memory: one is filled while the other is on its way. Nobody sees any of it until `finish` has resolved; a smaller one
 * than a part is written at once.
 */
export class ObjectUpload {
  readonly #client: S3Client
  readonly #target: UploadTarget
  readonly #partBytes: number
  /** Grows to the size of a part, and takes turns with the one that was sent: a large object leaves no garbage behind. */
  #part: Buffer = Buffer.alloc(0)
  #spare: Buffer = Buffer.alloc(0)
  #length = 0
  #bytes = 0
  /** The part on its way; null as long as none was sent. */
  #sending: Promise<void> | null = null
  #multipart: Multipart | null = null

  constructor(client: S3Client, target: UploadTarget, partBytes: number) {
    this.#client = client
    this.#target = target
    this.#partBytes = partBytes
  }

  /** Throws SinkFailure. */
  async write(piece: Buffer): Promise<void> {
    for (let from = 0; from < piece.length; ) {
      this.#makeRoom(piece.length - from)
      const copied = piece.copy(this.#part, this.#length, from)
      this.#length += copied
      from += copied
      if (this.#length === this.#partBytes) await this.#handOver()
    }
  }

  /** Takes other bytes for all that were written, if none were sent yet; says whether it did. */
  replace(bytes: Buffer): boolean {
    if (this.#sending !== null || bytes.length > this.#partBytes) return false
    this.#part = bytes
    this.#length = bytes.length
    return true
  }

  /** Throws SinkFailure. */
  async finish(): Promise<PublishedObject> {
    const { key } = this.#target
    passFailpoint('sink.put.before', key)
    const object = await this.#finish()
    passFailpoint('sink.put.after', key)
    return object
  }

  async #finish(): Promise<PublishedObject> {
    const { bucket, key, headers } = this.#target
    if (this.#sending === null) {
      const whole = this.#part.subarray(0, this.#length)
      const { etag } = await this.#ask(() => this.#client.putObject(bucket, key, whole, whole.length, { ...headers }))
      return { key, bytes: whole.length, etag }
    }
    if (this.#length > 0) await this.#handOver()
    await this.#sending
    if (this.#multipart === null) throw new Error('broken invariant: a part was sent of no upload')
    const { id, parts } = this.#multipart
    const { etag } = await this.#ask(() => this.#client.completeMultipartUpload(bucket, key, id, parts))
    return { key, bytes: this.#bytes, etag }
  }

  /** Lets the store forget what was sent. Where even that fails, it is left to the bucket's lifecycle rule. */
  async abort(): Promise<void> {
    await this.#sending?.catch(() => undefined)
    if (this.#multipart === null) return
    const { bucket, key } = this.#target
    await this.#client.abortMultipartUpload(bucket, key, this.#multipart.id).catch(() => undefined)
  }

  #makeRoom(bytes: number): void {
    const needed = Math.min(this.#partBytes, this.#length + bytes)
    if (needed <= this.#part.length) return
    const larger = Buffer.allocUnsafeSlow(Math.min(this.#partBytes, Math.max(needed, 2 * this.#part.length)))
    this.#part.copy(larger, 0, 0, this.#length)
    this.#part = larger
  }

  /** Sends what has gathered, once the part before has arrived. */
  async #handOver(): Promise<void> {
    await this.#sending
    const part = this.#part
    this.#sending = this.#sendPart(part.subarray(0, this.#length))
    // Whoever waits for it next hears of its failure.
    this.#sending.catch(() => undefined)
    this.#part = this.#spare
    this.#spare = part
    this.#length = 0
  }

  async #sendPart(bytes: Buffer): Promise<void> {
    const { bucket, key, headers } = this.#target
    this.#multipart ??= {
      id: await this.#ask(() => this.#client.initiateNewMultipartUpload(bucket, key, { ...headers })),
      parts: [],
    }
    const { id, parts } = this.#multipart
    const part = parts.length + 1
    if (part > PARTS_MAX) {
      const message = `storing ${key}: it is larger than ${PARTS_MAX} parts of ${this.#partBytes} bytes`
      throw new SinkFailure(message, { disposition: 'reject', code: 'EntityTooLarge' })
    }
    const where = { bucketName: bucket, objectName: key, uploadID: id, partNumber: part, headers: {} }
    const { etag } = await this.#ask(() => this.#client.uploadPart(where, bytes))
    parts.push({ part, etag })
    this.#bytes += bytes.length
  }

  async #ask<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      throw s3Failure(error, `storing ${this.#target.key} in bucket "${this.#target.bucket}"`)
    }
  }
}
