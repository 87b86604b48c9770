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
 * An object that is written piece by piece, without a length known beforehand and with no more than a part of it in
 * memory. Nobody sees any of it until `finish` has resolved; a smaller one than a part is written at once.
 */
export class ObjectUpload {
  readonly #client: S3Client
  readonly #target: UploadTarget
  readonly #partBytes: number
  /** Grows to the size of a part and is then used for each of them in turn: a large object leaves no garbage behind. */
  #part: Buffer = Buffer.alloc(0)
  #length = 0
  #bytes = 0
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
      if (this.#length === this.#partBytes) {
        await this.#sendPart(this.#part)
        this.#length = 0
      }
    }
  }

  /** Takes other bytes for all that were written, if none were sent yet; says whether it did. */
  replace(bytes: Buffer): boolean {
    if (this.#multipart !== null || bytes.length > this.#partBytes) return false
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
    const rest = this.#part.subarray(0, this.#length)
    if (this.#multipart === null) {
      const { etag } = await this.#ask(() => this.#client.putObject(bucket, key, rest, rest.length, { ...headers }))
      return { key, bytes: rest.length, etag }
    }
    if (rest.length > 0) await this.#sendPart(rest)
    const { id, parts } = this.#multipart
    const { etag } = await this.#ask(() => this.#client.completeMultipartUpload(bucket, key, id, parts))
    return { key, bytes: this.#bytes, etag }
  }

  /** Lets the store forget what was sent. Where even that fails, it is left to the bucket's lifecycle rule. */
  async abort(): Promise<void> {
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
