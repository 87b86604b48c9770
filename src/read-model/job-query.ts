/** A page of jobs as SQL: one statement for each status that is asked for, as only then an index gives the order. */
import type { JobCursor } from './job-cursor.ts'
import type { JobFilter, JobStatus } from './port.ts'

export interface JobQuery {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

/** Each gives up to `limit` rows in the page's order; the page is the first `limit` of all of them. */
export function jobQueries(filter: JobFilter, page: { readonly limit: number; readonly after: JobCursor | null }): readonly JobQuery[] {
  const statuses = new Set<JobStatus | undefined>(filter.statuses ?? [])
  if (statuses.size === 0) statuses.add(undefined)
  return [...statuses].map((status) => jobQuery(filter, status, page))
}

function jobQuery(
  filter: JobFilter,
  status: JobStatus | undefined,
  page: { readonly limit: number; readonly after: JobCursor | null },
): JobQuery {
  const conditions: string[] = []
  const values: (string | number)[] = []
  const given: readonly (readonly [condition: string, value: string | number | undefined])[] = [
    ['status = ?', status],
    ['destination = ?', filter.destination],
    ['kind = ?', filter.kind],
    ['tenant = ?', filter.tenant],
    ['dialect = ?', filter.dialect],
    ['created_at >= ?', filter.createdAfter],
    ['created_at < ?', filter.createdBefore],
  ]
  for (const [condition, value] of given) {
    if (value === undefined) continue
    conditions.push(condition)
    values.push(value)
  }
  if (page.after !== null) {
    conditions.push('(created_at, number) < (?, ?)')
    values.push(page.after.createdAt, page.after.number)
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')} `
  const from = `FROM jobs INDEXED BY ${indexFor(filter, status)} ${where}`
  const sql = `SELECT created_at, number, document ${from}ORDER BY created_at DESC, number DESC LIMIT ?`
  return { sql, values: [...values, page.limit] }
}

// SQLite doesn't know how many rows a value has, and takes any index that fits. Most jobs have succeeded and most are of the
// same kind, dialect and tenant, so those narrow a search down the least.
function indexFor(filter: JobFilter, status: JobStatus | undefined): string {
  if (status !== undefined && status !== 'succeeded') return 'jobs_by_status'
  if (filter.destination !== undefined) return 'jobs_by_destination'
  if (filter.tenant !== undefined) return 'jobs_by_tenant'
  if (filter.dialect !== undefined) return 'jobs_by_dialect'
  if (filter.kind !== undefined) return 'jobs_by_kind'
  return status === undefined ? 'jobs_by_time' : 'jobs_by_status'
}
