/**
 * A page of jobs as SQL, and their number. Several statuses are a statement each, as only then an index gives the order; the jobs that
 * a dialect shows to a tenant have an index of their own, which is read past those of other statuses.
 */
import type { JobCursor } from './job-cursor.ts'
import type { JobFilter, JobPageRequest, JobStatus } from './port.ts'

export interface JobQuery {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

interface Condition {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

/** In the order of {@link isBackwards}; the page is the first `limit` of all rows together, behind the first `skip`. */
export interface JobPageQuery {
  readonly queries: readonly JobQuery[]
  readonly skip: number
}

export function jobQueries(filter: JobFilter, page: JobPageRequest): JobPageQuery {
  const [order, beyond] = isBackwards(page) ? ['ASC', '>'] : ['DESC', '<']
  const cursor = cursorOf(page)
  const behind: Condition[] =
    cursor === null ? [] : [{ sql: `(created_at, number) ${beyond} (?, ?)`, values: [cursor.createdAt, cursor.number] }]
  const parts = partsOf(filter)
  // Of several, nobody knows how many rows of each come first.
  const [offset, skip] = parts.length === 1 ? [offsetOf(page), 0] : [0, offsetOf(page)]
  const queries = parts.map((part) => {
    const { sql, values } = selection(part, behind)
    const ordered = `SELECT created_at, number, document ${sql} ORDER BY created_at ${order}, number ${order} LIMIT ? OFFSET ?`
    return { sql: ordered, values: [...values, skip + page.limit, offset] }
  })
  return { queries, skip }
}

export function offsetOf(page: JobPageRequest): number {
  return 'offset' in page ? page.offset : 0
}

function cursorOf(page: JobPageRequest): JobCursor | null {
  if ('offset' in page) return null
  return isBackwards(page) ? page.before : page.after
}

/** The sum of what each gives as `jobs` is how many jobs there are. */
export function countQueries(filter: JobFilter): readonly JobQuery[] {
  return partsOf(filter).map((part) => {
    const { sql, values } = selection(part, [])
    return { sql: `SELECT count(*) AS jobs ${sql}`, values }
  })
}

/** Whether the page is read from its end: the oldest of those that are before a job come last. */
export function isBackwards(page: JobPageRequest): page is Extract<JobPageRequest, { readonly before: unknown }> {
  return 'before' in page
}

/** Filters that have no job in common, and together all that the filter has. */
function partsOf(filter: JobFilter): readonly JobFilter[] {
  const statuses = [...new Set(filter.statuses ?? [])]
  if (isOfDialect(filter) || statuses.length <= 1) return [{ ...filter, statuses }]
  return statuses.map((status) => ({ ...filter, statuses: [status] }))
}

// What else may be asked for is in the index of these two, but for where results go and what kind a job is.
function isOfDialect({ tenant, dialect, destination, kind }: JobFilter): boolean {
  return tenant !== undefined && dialect !== undefined && destination === undefined && kind === undefined
}

function selection(filter: JobFilter, more: readonly Condition[]): Condition {
  const conditions = [...conditionsOf(filter), ...more]
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.map(({ sql }) => sql).join(' AND ')}`
  return { sql: `FROM jobs INDEXED BY ${indexFor(filter)}${where}`, values: conditions.flatMap(({ values }) => values) }
}

function conditionsOf(filter: JobFilter): readonly Condition[] {
  const given: readonly (readonly [sql: string, value: string | number | undefined])[] = [
    ['destination = ?', filter.destination],
    ['kind = ?', filter.kind],
    ['tenant = ?', filter.tenant],
    ['dialect = ?', filter.dialect],
    ['created_at >= ?', filter.createdAfter],
    ['created_at < ?', filter.createdBefore],
  ]
  const equal = given.flatMap(([sql, value]): Condition[] => (value === undefined ? [] : [{ sql, values: [value] }]))
  return [...equal, ...oneOf('status', filter.statuses), ...oneOf('subject', filter.subjects), ...durationConditions(filter)]
}

function oneOf(column: 'status' | 'subject', values: readonly string[] = []): readonly Condition[] {
  const [first, ...others] = values
  if (first === undefined) return []
  if (others.length === 0) return [{ sql: `${column} = ?`, values: [first] }]
  return [{ sql: `${column} IN (SELECT value FROM json_each(?))`, values: [JSON.stringify(values)] }]
}

const RUNNING: readonly JobStatus[] = ['running', 'concluding']
// Without a start, or an end where it has none yet, it is null, which is neither more nor less than anything.
const DURATION = `CASE WHEN finished_at IS NOT NULL OR status IN (${RUNNING.map((status) => `'${status}'`).join(', ')})
  THEN coalesce(finished_at, ?) - started_at END`

function durationConditions({ duration }: JobFilter): readonly Condition[] {
  if (duration === undefined) return []
  const bounds = [['>=', duration.atLeastMs], ['<=', duration.atMostMs]] as const
  return bounds.flatMap(([sign, ms]) => (ms === undefined ? [] : [{ sql: `${DURATION} ${sign} ?`, values: [duration.now, ms] }]))
}

// SQLite doesn't know how many rows a value has, and takes any index that fits. Most jobs have succeeded and most are of the
// same kind and tenant, so those narrow a search down the least.
function indexFor(filter: JobFilter): string {
  if (isOfDialect(filter)) return 'jobs_by_tenant_and_dialect'
  const status = filter.statuses?.[0]
  if (status !== undefined && status !== 'succeeded') return 'jobs_by_status'
  if (filter.destination !== undefined) return 'jobs_by_destination'
  if (filter.dialect !== undefined) return 'jobs_by_dialect'
  if (filter.tenant !== undefined) return 'jobs_by_tenant'
  if (filter.kind !== undefined) return 'jobs_by_kind'
  return status === undefined ? 'jobs_by_time' : 'jobs_by_status'
}
