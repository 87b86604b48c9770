import { objectPrefix } from '../../sinks/s3/object-keys.ts'
import { ObjectUpload } from '../../sinks/s3/object-upload.ts'
import type { S3Client } from '../../sinks/s3/client.ts'
import { openPlainFile } from './plain-file.ts'

/** Where logs and files are put. */
export interface Bucket {
  /** Stores the file, of any size, whole or not at all. Null when it is none. Throws SinkFailure. */
  put(key: string, file: string, mediaType: string): Promise<{ readonly uri: string; readonly bytes: number } | null>
  uriOf(key: string): string
}

/** In what pieces a file is read, and the size of a large object's parts. */
const PIECE_BYTES = 1_048_576
const PART_BYTES = 8 * 1_048_576

export function s3Bucket(client: S3Client, bucket: string): Bucket {
  const uriOf = (key: string): string => `s3://${bucket}/${key}`
  return {
    uriOf,
    async put(key, file, mediaType) {
      const handle = await openPlainFile(file)
      if (handle === null) return null
      const upload = new ObjectUpload(client, { bucket, key, headers: { 'content-type': mediaType } }, PART_BYTES)
      try {
        for await (const piece of handle.createReadStream({ autoClose: false, highWaterMark: PIECE_BYTES })) {
          await upload.write(piece as Buffer)
        }
        return { uri: uriOf(key), bytes: (await upload.finish()).bytes }
      } catch (error) {
        await upload.abort()
        throw error
      } finally {
        await handle.close()
      }
    },
  }
}

/** Where an operation's logs go, and its files unless it says where. Depends on nothing that differs between two attempts. */
export function operationPrefix(jobId: string, id: string, index: number): string {
  return `${objectPrefix(jobId === '' ? id : jobId)}/${id}/${index}/`
}

/** Where an operation's files go: as it says itself, or else beside its logs. */
export function outputPrefix(chosen: string | undefined, { jobId, id, index }: Named): string {
  return chosen === undefined ? `${operationPrefix(jobId, id, index)}files/` : chosenPrefix(chosen, jobId === '' ? id : jobId)
}

interface Named {
  /** Of the client's job; may be empty. */
  readonly jobId: string
  readonly id: string
  readonly index: number
}

/** The same as an operation gives it, with the job's id in its place. */
function chosenPrefix(template: string, jobId: string): string {
  const filled = template.replace('{jobId}', objectPrefix(jobId))
  return filled.endsWith('/') ? filled : `${filled}/`
}
