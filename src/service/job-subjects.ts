import type { Job } from '../domain/job.ts'
import type { DialectColumns } from '../read-model/sqlite-schema.ts'
import { processIdOf } from '../rest/dialects/ogc/execution-data.ts'
import { DIALECT as OGC } from '../rest/dialects/ogc/job-mapping.ts'
import { DIALECT as SCALE } from '../rest/dialects/scale/base.ts'
import { scaleFacetsOf } from '../rest/dialects/scale/facets.ts'

/** What the lists of a job's dialect find it by: the process that it executes; empty for other dialects. */
function subjectOf(job: Job): string {
  return job.dialect === OGC ? processIdOf(job) : ''
}

/** What the read model searches jobs by beside what they hold themselves. */
export const dialectColumns: DialectColumns = { subjectOf, facetedDialect: SCALE, facetsOf: scaleFacetsOf }
