import { Client } from 'minio'
import type { Config } from '../../config/config.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'

export interface StoredKey {
  readonly key: string
  readonly bytes: number
}

/** Codes of S3 for what is not there. */
const ABSENT: ReadonlySet<string> = new Set(['NoSuchBucket', 'NoSuchKey', 'NotFound'])

/** Reads buckets. Every method throws a CommandFailure: `NotFound` for what is not there, else `Unreachable`. */
export class BucketStore {
  readonly #client: Client
  readonly #endpoint: string

  constructor({ s3Endpoint, s3AccessKey, s3SecretKey, s3Region }: Config) {
    const { protocol, hostname, port } = new URL(s3Endpoint)
    this.#endpoint = s3Endpoint
    this.#client = new Client({
      endPoint: hostname,
      ...(port === '' ? {} : { port: Number(port) }),
      useSSL: protocol === 'https:',
      accessKey: s3AccessKey,
      secretKey: s3SecretKey,
      region: s3Region,
    })
  }

  create(bucket: string): Promise<void> {
    return this.#ask(`creating bucket ${bucket}`, () => this.#client.makeBucket(bucket))
  }

  /** The whole of an object, in memory. */
  get(bucket: string, key: string): Promise<Buffer> {
    return this.#ask(`reading ${key} of bucket ${bucket}`, async () => {
      const pieces: Uint8Array[] = []
      for await (const piece of await this.#client.getObject(bucket, key)) pieces.push(piece as Uint8Array)
      return Buffer.concat(pieces)
    })
  }

  /** Undefined when there is no such object. */
  async find(bucket: string, key: string): Promise<Buffer | undefined> {
    try {
      return await this.get(bucket, key)
    } catch (error) {
      if (error instanceof CommandFailure && error.exitCode === ExitCode.NotFound) return undefined
      throw error
    }
  }

  /** All objects whose keys begin with the prefix, by key. */
  list(bucket: string, prefix: string): Promise<readonly StoredKey[]> {
    return this.#ask(`listing bucket ${bucket}`, async () => {
      const found: StoredKey[] = []
      for await (const item of this.#client.listObjectsV2(bucket, prefix, true)) {
        const { name, size } = item as { readonly name?: string; readonly size?: number }
        if (name !== undefined) found.push({ key: name, bytes: size ?? 0 })
      }
      return found.sort((a, b) => (a.key < b.key ? -1 : 1))
    })
  }

  async #ask<T>(doing: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : ''
      const why = error instanceof Error && error.message !== '' ? error.message : code
      const exitCode = ABSENT.has(code) ? ExitCode.NotFound : ExitCode.Unreachable
      throw new CommandFailure(exitCode, `${doing} at ${this.#endpoint}: ${why}`, { cause: error })
    }
  }
}
