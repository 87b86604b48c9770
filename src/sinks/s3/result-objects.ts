import type { Client } from 'minio'
import type { Clock } from '../../runtime/clock.ts'
import { objectPrefix } from './object-keys.ts'
import { s3Failure } from './s3-failure.ts'

export interface ResultObject {
  readonly key: string
  readonly bytes: number
  readonly etag: string
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number
}

export interface ResultObjectPage {
  readonly items: readonly ResultObject[]
  readonly isLast: boolean
}

export interface ObjectLink {
  readonly url: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

export interface ResultObjectsParts {
  /** Lists. */
  readonly client: Pick<Client, 'listObjectsV2Query'>
  /** Signs: it has the endpoint that clients reach, which may be another. */
  readonly signer: Pick<Client, 'presignedGetObject'>
  readonly clock: Clock
  /** How long links can be used, in seconds; S3 allows a week. */
  readonly linkValidityS: number
}

/** What jobs have stored in buckets, for who may see the job: nothing that lies outside a job's own prefix. */
export class ResultObjects {
  readonly #parts: ResultObjectsParts

  constructor(parts: ResultObjectsParts) {
    this.#parts = parts
  }

  /** A job's objects behind the key `after`, by key. Null where there is no such bucket. Throws SinkFailure. */
  async list(
    { bucket, jobId }: { readonly bucket: string; readonly jobId: string },
    { after, limit }: { readonly after: string; readonly limit: number },
  ): Promise<ResultObjectPage | null> {
    const prefix = `${objectPrefix(jobId)}/`
    try {
      const found = await this.#parts.client.listObjectsV2Query(bucket, prefix, '', '', limit, after)
      const items = found.objects.flatMap((each) => {
        // The client's types have entries for folders as well, which a listing without a delimiter has none of.
        if (each.name === undefined) return []
        return [{ key: each.name, bytes: each.size, etag: each.etag, modifiedAt: each.lastModified.getTime() }]
      })
      return { items, isLast: !found.isTruncated }
    } catch (error) {
      const failure = s3Failure(error, `listing ${prefix} in bucket "${bucket}"`)
      if (failure.code === 'NoSuchBucket') return null
      throw failure
    }
  }

  /** A link by which anyone can read the object for a while. Throws SinkFailure. */
  async link(bucket: string, key: string): Promise<ObjectLink> {
    const { signer, clock, linkValidityS } = this.#parts
    // A signature's time is in whole seconds.
    const signedAt = Math.floor(clock.now() / 1000) * 1000
    try {
      const url = await signer.presignedGetObject(bucket, key, linkValidityS, {}, new Date(signedAt))
      return { url, expiresAt: signedAt + linkValidityS * 1000 }
    } catch (error) {
      throw s3Failure(error, `signing a link to ${key} in bucket "${bucket}"`)
    }
  }
}
