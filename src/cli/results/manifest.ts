import type { JobSummary } from '../../sinks/job-summary.ts'
import { manifestKey } from '../../sinks/s3/object-keys.ts'
import type { StoredObject } from '../../sinks/sink.ts'
import type { BucketStore } from './bucket-store.ts'

/** What is written last into a bucket, when a job has ended. */
export interface Manifest extends JobSummary {
  readonly objects: readonly StoredObject[]
}

/** Undefined as long as the job has not ended. Throws a CommandFailure. */
export async function readManifest(store: BucketStore, bucket: string, jobId: string): Promise<Manifest | undefined> {
  const bytes = await store.find(bucket, manifestKey(jobId))
  return bytes === undefined ? undefined : (JSON.parse(bytes.toString()) as Manifest)
}
