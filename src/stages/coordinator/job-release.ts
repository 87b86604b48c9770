/** Begins what is held: a job, or some of its subjobs. */
import type { Assignment } from '../../domain/assignment.ts'
import { type CallbackFault, checkCallbacks } from '../../domain/callbacks.ts'
import type { Job } from '../../domain/job.ts'
import type { ReleaseJob } from '../../domain/messages.ts'
import { inOrder, type JobEntry } from './job-book.ts'

/** What can't be done of a release, whether the job is held or not. */
export function faultOfRelease(job: Job, { callbacks, subjobs }: Pick<ReleaseJob, 'callbacks' | 'subjobs'>): CallbackFault | null {
  const unknown = subjobs === null ? null : unknownSubjob(job, subjobs)
  return unknown === null ? checkCallbacks({ ...job.callbacks, ...callbacks }) : { field: 'subjobs', message: unknown }
}

/** Why not all of them are subjobs of the job; null where they are. */
export function unknownSubjob({ subjobs: { total } }: Job, indexes: readonly number[]): string | null {
  const unknown = indexes.find((index) => index < 0 || index >= total)
  return unknown === undefined ? null : `the job has ${total}, counted from 0, and so no ${unknown}`
}

/** Of a job that was held, those that are held no longer. */
export function releasedSince(before: Job, entry: JobEntry): readonly Assignment[] {
  const { held, released } = entry.job
  const wereFree = new Set(before.released)
  const areFree = new Set(released)
  return inOrder(entry).filter(({ index }) => (!held || areFree.has(index)) && !wereFree.has(index))
}
