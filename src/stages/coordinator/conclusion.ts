/** The end of a job: what the coordinator asks for, and what comes back. */
import type { StoredObject } from '../../domain/assignment.ts'
import { type Destination, type DestinationRules, parseDestination } from '../../domain/destination.ts'
import type { Job } from '../../domain/job.ts'
import type { OutputRecord } from '../../kafka/port.ts'
import type { JobEntry } from './job-book.ts'

/** The last word to the client: the completion event, or the manifest of what is in the bucket. */
export interface ConcludeJob {
  readonly type: 'ConcludeJob'
  readonly job: ConcludingJob
  readonly destination: Destination
  /** What was stored in the bucket, ordered by subjob; empty for other destinations. */
  readonly objects: readonly ManifestEntry[]
}

export type ConcludingJob = Extract<Job, { readonly state: 'concluding' }>

export interface ManifestEntry extends StoredObject {
  readonly subjob: number
}

/** Tried until it worked, or can never work: then `message` says why the client was not told. */
export interface JobConclusion {
  readonly jobId: string
  /** Records to write in the transaction that ends the job; none when the last word is an object. */
  readonly records: readonly OutputRecord[]
  readonly message: string | null
}

/** What is to be done for the entry's job, which is concluding. */
export function conclusionOf(entry: JobEntry, destinations: DestinationRules): ConcludeJob {
  const { job } = entry
  if (job.state !== 'concluding') throw new Error(`broken invariant: a job that is ${job.state} is concluded`)
  const parsed = parseDestination(job.destination, destinations)
  if (!parsed.ok) throw new Error(`broken invariant: ${parsed.message}, yet the job was accepted`)
  const objects = parsed.destination.type === 'bucket' ? manifestOf(entry) : []
  return { type: 'ConcludeJob', job, destination: parsed.destination, objects }
}

function manifestOf(entry: JobEntry): readonly ManifestEntry[] {
  const objects: ManifestEntry[] = []
  for (const assignment of entry.assignments.values()) {
    const { index: subjob, operations, earlierObjects } = assignment
    for (const object of earlierObjects) objects.push({ ...object, subjob })
    if (assignment.state === 'ended' && assignment.object !== null) objects.push({ ...assignment.object, subjob, operations })
  }
  return objects.sort((one, other) => one.subjob - other.subjob)
}
