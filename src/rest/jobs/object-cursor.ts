import { formatJobCursor, type JobCursor, parseJobCursor } from '../../read-model/job-cursor.ts'

/** How far a listing of objects has come: behind that key of that job. An empty key means that all of the job's were listed. */
export interface ObjectCursor {
  readonly job: JobCursor
  readonly key: string
}

/** A text for clients to hand back as it is. */
export function formatObjectCursor({ job, key }: ObjectCursor): string {
  return `${formatJobCursor(job)}.${Buffer.from(key).toString('base64url')}`
}

/** Null when the text is none that {@link formatObjectCursor} made. */
export function parseObjectCursor(text: string): ObjectCursor | null {
  const dot = text.indexOf('.')
  const job = parseJobCursor(text.slice(0, Math.max(0, dot)))
  if (job === null) return null
  const cursor = { job, key: Buffer.from(text.slice(dot + 1), 'base64url').toString() }
  return formatObjectCursor(cursor) === text ? cursor : null
}
