import type { Job } from '../domain/job.ts'
import { processIdOf } from '../rest/dialects/ogc/execution-data.ts'
import { DIALECT as OGC } from '../rest/dialects/ogc/job-mapping.ts'

/** What the lists of a job's dialect find it by: the process that it executes; empty for other dialects. */
export function subjectOf(job: Job): string {
  return job.dialect === OGC ? processIdOf(job) : ''
}
