/** The read model in a file of this process, on the SQLite that comes with Node. */
import type { DatabaseSync } from 'node:sqlite'
import type { Job } from '../domain/job.ts'
import type { Position } from '../kafka/port.ts'
import type { Clock } from '../runtime/clock.ts'
import type { JobCursor } from './job-cursor.ts'
import {
  type FacetCondition, facetCount, type FacetedJobKey, facetKeys, facetPage, type FacetPage, type FacetPageRequest,
} from './job-facets.ts'
import { countQueries, isBackwards, jobQueries, offsetOf } from './job-query.ts'
import {
  type JobFilter,
  type JobPage,
  type JobPageRequest,
  type JobReport,
  type ReadModel,
  ReadModelFailure,
  type RowBatch,
  type SubjobPage,
  type SubjobPageRequest,
  type VersionedJob,
} from './port.ts'
import { SqliteBatch } from './sqlite-batch.ts'
import { discardFile, isDamage, isDiskFailure, isDiskTrouble, openDatabase, type SqliteLocation } from './sqlite-file.ts'
import type { DialectColumns } from './sqlite-schema.ts'
import { Statements } from './sqlite-statements.ts'
import type { SubjobRow } from './subjob-row.ts'

/** Throws ReadModelFailure when the file can't be opened, or another process has it. */
export function openSqliteReadModel(location: SqliteLocation, columns: DialectColumns): ReadModel {
  return new SqliteReadModel(openDatabase(location), location, columns)
}

class SqliteReadModel implements ReadModel {
  readonly #database: DatabaseSync
  readonly #folder: string | null
  readonly #statements: Statements
  readonly #columns: DialectColumns
  readonly #clock: Clock
  readonly #diskFailureMsMax: number
  /** Since when nothing can be written because the disk fails; null while it does not. */
  #diskFailsSince: number | null = null

  constructor(database: DatabaseSync, { folder, clock, diskFailureMsMax }: SqliteLocation, columns: DialectColumns) {
    this.#database = database
    this.#columns = columns
    this.#folder = folder
    this.#statements = new Statements(database)
    this.#clock = clock
    this.#diskFailureMsMax = diskFailureMsMax
  }

  apply(batch: RowBatch): Promise<void> {
    return this.#settle(() => {
      this.#transaction(() => {
        new SqliteBatch(this.#statements, this.#columns).apply(batch)
      })
      this.#diskFailsSince = null
    }, () => this.#dispositionOfDisk())
  }

  async job(jobId: string): Promise<Job | undefined> {
    return (await this.versionedJob(jobId))?.job
  }

  versionedJob(jobId: string): Promise<VersionedJob | undefined> {
    return this.#settle(() => {
      const row = this.#statements.of('SELECT version, document FROM jobs WHERE job_id = ?').get(jobId)
      if (row === undefined) return undefined
      return { job: JSON.parse(String(row['document'])) as Job, version: Number(row['version']) }
    })
  }

  jobByNumber(number: number): Promise<Job | null> {
    return this.#settle(() => {
      const [document] = this.#statements.documents('SELECT document FROM jobs INDEXED BY jobs_by_number WHERE number = ?', number)
      return document === undefined ? null : (JSON.parse(document) as Job)
    })
  }

  jobs(filter: JobFilter, page: JobPageRequest): Promise<JobPage> {
    return this.#settle(() => {
      // One more than asked for tells whether another page follows.
      const { queries, skip } = jobQueries(filter, { ...page, limit: page.limit + 1 })
      const found = queries.flatMap(({ sql, values }) => this.#statements.of(sql).all(...values)).map(sortableOf)
      const sign = isBackwards(page) ? -1 : 1
      if (queries.length > 1) found.sort((one, other) => sign * (other.createdAt - one.createdAt || other.number - one.number))
      return pageOf(found.slice(skip), page)
    })
  }

  countJobs(filter: JobFilter): Promise<number> {
    return this.#settle(() => {
      const counts = countQueries(filter).map(({ sql, values }) => Number(this.#statements.of(sql).get(...values)?.['jobs']))
      return counts.reduce((sum, count) => sum + count, 0)
    })
  }

  facetedJobs(conditions: readonly FacetCondition[], request: FacetPageRequest): Promise<FacetPage> {
    return this.#settle(() => {
      const page = facetPage(conditions, request)
      const ids = this.#statements.of(page.sql).all(...page.values).map((row) => String(row['job_id']))
      const items = ids.map((jobId) => ({
        job: this.#document(JOB_OF, jobId) as Job | null,
        first: this.#document(FIRST_OF, jobId) as SubjobRow | null,
      }))
      const isLast = items.length > 0 && items.length < request.limit
      const count = facetCount(conditions)
      return {
        items: items.flatMap(({ job, first }) => (job === null ? [] : [{ job, first }])),
        count: isLast ? request.offset + items.length : Number(this.#statements.of(count.sql).get(...count.values)?.['jobs']),
      }
    })
  }

  facetedKeys(conditions: readonly FacetCondition[]): Promise<readonly FacetedJobKey[]> {
    return this.#settle(() => {
      const { sql, values } = facetKeys(conditions)
      const rows = this.#statements.of(sql).all(...values)
      return rows.map((row) => ({ number: Number(row['number']), jobId: String(row['job_id']), run: Number(row['run']) }))
    })
  }

  #document(sql: string, jobId: string): unknown {
    const [document] = this.#statements.documents(sql, jobId)
    return document === undefined ? null : JSON.parse(document)
  }

  reports(jobIds: readonly string[]): Promise<ReadonlyMap<string, JobReport>> {
    return this.#settle(() => {
      const rows = this.#statements.of(REPORTS).all(JSON.stringify(jobIds))
      return new Map(rows.map((row) => [String(row['job_id']), { points: Number(row['points']), message: textOf(row['message']) }]))
    })
  }

  subjobs(jobId: string, { limit, after, statuses = [] }: SubjobPageRequest): Promise<SubjobPage> {
    return this.#settle(() => {
      const where = `job_id = ? AND number > ?${statuses.length === 0 ? '' : ` AND ${SUBJOB_STATUS} IN (SELECT value FROM json_each(?))`}`
      const values = [jobId, after ?? -1, ...(statuses.length === 0 ? [] : [JSON.stringify(statuses)]), limit + 1]
      const found = this.#statements.documents(`SELECT document FROM subjobs WHERE ${where} ORDER BY number LIMIT ?`, ...values)
      const items = found.slice(0, limit).map((each) => JSON.parse(each) as SubjobRow)
      return { items, next: found.length > limit ? (items.at(-1)?.index ?? null) : null }
    })
  }

  endedSubjobs(jobId: string, indexes: readonly number[]): Promise<ReadonlySet<number>> {
    return this.#settle(() => {
      const isAsked = 'number IN (SELECT value FROM json_each(?))'
      const sql = `SELECT number FROM subjobs WHERE job_id = ? AND ${isAsked} AND document ->> 'state' = 'ended'`
      return new Set(this.#statements.of(sql).all(jobId, JSON.stringify(indexes)).map((row) => Number(row['number'])))
    })
  }

  positions(): Promise<readonly Position[]> {
    return this.#settle(() => {
      const rows = this.#statements.of('SELECT topic, partition, position FROM positions').all()
      return rows.map(({ topic, partition, position }) => ({
        topic: String(topic),
        partition: Number(partition),
        offset: Number(position),
      }))
    })
  }

  clear(): Promise<void> {
    return this.#settle(() => {
      this.#transaction(() => {
        for (const table of ['positions', 'jobs', 'subjobs', 'job_facets', 'forgotten']) this.#statements.run(`DELETE FROM ${table}`)
      })
    })
  }

  close(): Promise<void> {
    return this.#settle(() => {
      if (this.#database.isOpen) this.#database.close()
    })
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      work()
      this.#database.exec('COMMIT')
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
      throw error
    }
  }

  #settle<Result>(work: () => Result, ofDisk: () => 'retry' | 'restart' = () => 'retry'): Promise<Result> {
    try {
      return Promise.resolve(work())
    } catch (error) {
      return Promise.reject(this.#failure(error, ofDisk))
    }
  }

  // Room may be made, however late. A disk that fails for long is broken: a process elsewhere, or on another one, has a better chance.
  #dispositionOfDisk(): 'retry' | 'restart' {
    const now = this.#clock.now()
    this.#diskFailsSince ??= now
    return now - this.#diskFailsSince < this.#diskFailureMsMax ? 'retry' : 'restart'
  }

  // What is damaged now would be at the next start too, were the file kept.
  #failure(cause: unknown, ofDisk: () => 'retry' | 'restart'): ReadModelFailure {
    if (this.#folder !== null && isDiskTrouble(cause)) {
      const message = `the disk is full or fails below ${this.#folder}: ${cause instanceof Error ? cause.message : String(cause)}`
      return new ReadModelFailure(message, { disposition: isDiskFailure(cause) ? ofDisk() : 'retry', cause })
    }
    if (this.#folder === null || !isDamage(cause)) {
      return new ReadModelFailure(`the read model failed: ${String(cause)}`, { disposition: 'fatal', cause })
    }
    if (this.#database.isOpen) this.#database.close()
    discardFile(this.#folder)
    const message = `the read model in ${this.#folder} was damaged and is thrown away; the next start builds it anew: ${String(cause)}`
    return new ReadModelFailure(message, { disposition: 'restart', cause })
  }
}

const JOB_OF = 'SELECT document FROM jobs WHERE job_id = ?'
const FIRST_OF = 'SELECT document FROM subjobs WHERE job_id = ? AND number = 0'

// As statusOf says of jobs. A job has so few subjobs that an index for it would cost more than it saves.
const SUBJOB_STATUS = "CASE document ->> 'state' WHEN 'ended' THEN document ->> 'outcome' ELSE document ->> 'state' END"

// Beside max(), SQLite takes what is no sum from the row that has it (sqlite.org/lang_select.html#bareagg).
const REPORTS = `
  SELECT job_id, sum(points) AS points, max(reported_at), document ->> '$.report.message' AS message
  FROM subjobs INDEXED BY subjobs_reported
  WHERE job_id IN (SELECT value FROM json_each(?)) AND reported_at IS NOT NULL GROUP BY job_id`

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

interface SortableRow extends JobCursor {
  readonly document: string
}

function sortableOf(row: Record<string, unknown>): SortableRow {
  return { createdAt: Number(row['created_at']), number: Number(row['number']), document: String(row['document']) }
}

/** `found` begins where the page does, and holds one row more than the page where there is one. */
function pageOf(found: readonly SortableRow[], page: JobPageRequest): JobPage {
  const shown = found.slice(0, page.limit)
  if (isBackwards(page)) shown.reverse()
  const goesOn = found.length > page.limit
  const [isFirst, isLast] = isBackwards(page) ? [!goesOn, false] : [isAtStart(page), !goesOn]
  return {
    items: shown.map(({ document }) => JSON.parse(document) as Job),
    next: isLast ? null : cursorOf(shown.at(-1)),
    previous: isFirst ? null : cursorOf(shown.at(0)),
  }
}

// Beyond a cursor is at least the job that it is.
function isAtStart(page: Exclude<JobPageRequest, { readonly before: unknown }>): boolean {
  return 'offset' in page ? offsetOf(page) === 0 : page.after === null
}

function cursorOf(row: SortableRow | undefined): JobCursor | null {
  return row === undefined ? null : { createdAt: row.createdAt, number: row.number }
}
