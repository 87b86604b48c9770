import { text } from 'node:stream/consumers'
import type { BucketItem, Client } from 'minio'

export interface StoredText {
  readonly key: string
  readonly bytes: number
  readonly etag: string
  /** Milliseconds since the epoch. */
  readonly storedAt: number
  readonly value: string
}

/** Every object under the prefix, with its content. */
export async function readBucket(client: Client, bucket: string, prefix: string): Promise<readonly StoredText[]> {
  const items = (await client.listObjectsV2(bucket, prefix, true).toArray()) as BucketItem[]
  const objects: StoredText[] = []
  for (const { name } of items) {
    if (name === undefined) continue
    const { size, etag, lastModified } = await client.statObject(bucket, name)
    const value = await text(await client.getObject(bucket, name))
    objects.push({ key: name, bytes: size, etag, storedAt: lastModified.getTime(), value })
  }
  return objects
}
