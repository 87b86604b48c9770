/** The read model in a file of this process, on the SQLite that comes with Node. */
import type { DatabaseSync } from 'node:sqlite'
import type { Job } from '../domain/job.ts'
import type { Position } from '../kafka/port.ts'
import type { Clock } from '../runtime/clock.ts'
import type { JobCursor } from './job-cursor.ts'
import { jobQueries } from './job-query.ts'
import {
  type JobFilter,
  type JobPage,
  type ReadModel,
  ReadModelFailure,
  type RowBatch,
  type SubjobPage,
  type SubjobPageRequest,
  type VersionedJob,
} from './port.ts'
import { SqliteBatch } from './sqlite-batch.ts'
import { discardFile, isDamage, isDiskFailure, isDiskTrouble, openDatabase, type SqliteLocation } from './sqlite-file.ts'
import { Statements } from './sqlite-statements.ts'
import type { SubjobRow } from './subjob-row.ts'

/** Throws ReadModelFailure when the file can't be opened, or another process has it. */
export function openSqliteReadModel(location: SqliteLocation): ReadModel {
  return new SqliteReadModel(openDatabase(location), location)
}

class SqliteReadModel implements ReadModel {
  readonly #database: DatabaseSync
  readonly #folder: string | null
  readonly #statements: Statements
  readonly #clock: Clock
  readonly #diskFailureMsMax: number
  /** Since when nothing can be written because the disk fails; null while it does not. */
  #diskFailsSince: number | null = null

  constructor(database: DatabaseSync, { folder, clock, diskFailureMsMax }: SqliteLocation) {
    this.#database = database
    this.#folder = folder
    this.#statements = new Statements(database)
    this.#clock = clock
    this.#diskFailureMsMax = diskFailureMsMax
  }

  apply(batch: RowBatch): Promise<void> {
    return this.#settle(() => {
      this.#transaction(() => {
        new SqliteBatch(this.#statements).apply(batch)
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

  jobs(filter: JobFilter, page: { readonly limit: number; readonly after: JobCursor | null }): Promise<JobPage> {
    return this.#settle(() => {
      // One more than asked for tells whether another page follows.
      const queries = jobQueries(filter, { ...page, limit: page.limit + 1 })
      const found = queries.flatMap(({ sql, values }) => this.#statements.of(sql).all(...values)).map(sortableOf)
      if (queries.length > 1) found.sort((one, other) => other.createdAt - one.createdAt || other.number - one.number)
      const shown = found.slice(0, page.limit)
      const last = shown.at(-1)
      const next = found.length > page.limit && last !== undefined ? { createdAt: last.createdAt, number: last.number } : null
      return { items: shown.map(({ document }) => JSON.parse(document) as Job), next }
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
        for (const table of ['positions', 'jobs', 'subjobs', 'forgotten']) this.#statements.run(`DELETE FROM ${table}`)
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

// As statusOf says of jobs. A job has so few subjobs that an index for it would cost more than it saves.
const SUBJOB_STATUS = "CASE document ->> 'state' WHEN 'ended' THEN document ->> 'outcome' ELSE document ->> 'state' END"

interface SortableRow extends JobCursor {
  readonly document: string
}

function sortableOf(row: Record<string, unknown>): SortableRow {
  return { createdAt: Number(row['created_at']), number: Number(row['number']), document: String(row['document']) }
}
