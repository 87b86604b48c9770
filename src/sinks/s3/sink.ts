import type { Clock } from '../../runtime/clock.ts'
import { resultMembers, RESPONSES_END, SEPARATOR, VALUE_END, VALUE_HEAD } from '../event-value.ts'
import { summaryOf } from '../job-summary.ts'
import { KnownDestinations } from '../known-destinations.ts'
import { ResponseLedger } from '../response-ledger.ts'
import type { JobConclusion, OpaqueSource, PublishedResults, ResultSource, Sink, SubjobToPublish } from '../sink.ts'
import type { S3Client } from './client.ts'
import type { S3SinkConfig } from './config.ts'
import { manifestKey, objectPrefix, resultsKey } from './object-keys.ts'
import { ObjectUpload } from './object-upload.ts'
import { s3Failure } from './s3-failure.ts'

export interface S3SinkParts {
  readonly client: S3Client
  readonly clock: Clock
  readonly config: Pick<S3SinkConfig, 'partBytes' | 'bodyBytesMax' | 'bucketKnownMs'>
}

/**
 * Results as objects in a client's bucket, one for each subjob, and a manifest last. An object is an event's value, whole:
 * all operations of the subjob are in it, those too that the producer did not mention. A producer's body is the object as it
 * came when it is complete and small; else the object is written while the responses come in, each of them as it came, and
 * so is one with a result that has no responses. Either may be larger than memory.
 *
 * Writing the same again overwrites an object with the same content.
 */
export class S3Sink implements Sink {
  readonly bodyBytesMax: number
  readonly #client: S3Client
  readonly #clock: Clock
  readonly #partBytes: number
  readonly #buckets: KnownDestinations<true>

  constructor({ client, clock, config }: S3SinkParts) {
    this.bodyBytesMax = Math.min(config.bodyBytesMax, config.partBytes)
    this.#client = client
    this.#clock = clock
    this.#partBytes = config.partBytes
    this.#buckets = new KnownDestinations((name) => this.#ask(name), { keptMs: config.bucketKnownMs, clock })
  }

  async destinationExists(name: string): Promise<boolean> {
    return (await this.#buckets.find(name)) !== null
  }

  async publish(subjob: SubjobToPublish, source: ResultSource): Promise<PublishedResults> {
    const { jobId, index, run, destination } = subjob
    const upload = this.#upload({ destination, jobId, key: resultsKey(jobId, index, run), subjob: index })
    const ledger = new ResponseLedger(subjob, null)
    try {
      await writeValue(upload, ledger, source)
      const object = await upload.finish()
      return { records: [], object, ...ledger.counts() }
    } catch (error) {
      await upload.abort()
      throw error
    }
  }

  async conclude({ job, destination, objects }: JobConclusion): Promise<readonly []> {
    const { jobId } = job
    const manifest = { ...summaryOf(job, this.#clock.now()), objects }
    const upload = this.#upload({ destination, jobId, key: manifestKey(jobId) })
    try {
      await upload.write(Buffer.from(JSON.stringify(manifest)))
      await upload.finish()
      return []
    } catch (error) {
      await upload.abort()
      throw error
    }
  }

  #upload(object: { destination: string; jobId: string; key: string; subjob?: number }): ObjectUpload {
    const { destination, jobId, key, subjob } = object
    const headers = {
      'content-type': 'application/json',
      'x-amz-meta-job-id': objectPrefix(jobId),
      ...(subjob === undefined ? {} : { 'x-amz-meta-subjob': String(subjob) }),
    }
    return new ObjectUpload(this.#client, { bucket: destination, key, headers }, this.#partBytes)
  }

  async #ask(bucket: string): Promise<true | null> {
    try {
      return (await this.#client.bucketExists(bucket)) || null
    } catch (error) {
      throw s3Failure(error, `looking for bucket "${bucket}"`)
    }
  }
}

async function writeValue(upload: ObjectUpload, ledger: ResponseLedger, source: ResultSource): Promise<void> {
  let before = VALUE_HEAD
  for await (const response of ledger.settle(source)) {
    await upload.write(before)
    await upload.write(response)
    before = SEPARATOR
  }
  if (before === VALUE_HEAD) await upload.write(before)
  await upload.write(RESPONSES_END)
  if (source.type === 'opaque') await writeResult(upload, source)
  await upload.write(VALUE_END)
  const asItCame = source.type === 'responses' && ledger.complete ? source.body.eventValue() : null
  if (asItCame !== null) upload.replace(asItCame)
}

async function writeResult(upload: ObjectUpload, source: OpaqueSource): Promise<void> {
  let isEmpty = true
  for await (const piece of resultMembers(source)) {
    if (isEmpty) await upload.write(SEPARATOR)
    isEmpty = false
    await upload.write(piece)
  }
}
