/** The read model in a file of this process, on the SQLite that comes with Node. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { decideJob, evolveJob, type Job } from '../domain/job.ts'
import type { SubjobReport, SubjobsPlanned } from '../domain/messages.ts'
import type { Position } from '../kafka/port.ts'
import type { JobCursor } from './job-cursor.ts'
import { jobQueries } from './job-query.ts'
import {
  type JobFilter,
  type JobPage,
  type ReadModel,
  ReadModelFailure,
  type RowBatch,
  type RowChange,
  statusOf,
  type SubjobPage,
  type SubjobPageRequest,
  type VersionedJob,
} from './port.ts'
import { discardFile, isDamage, isDiskTrouble, openDatabase, type SqliteLocation } from './sqlite-file.ts'
import { foldPlannedSubjob, foldSubjobEvent, type SubjobRow } from './subjob-row.ts'

/** Throws ReadModelFailure when the file can't be opened, or another process has it. */
export function openSqliteReadModel(location: SqliteLocation): ReadModel {
  return new SqliteReadModel(openDatabase(location), location.folder)
}

class SqliteReadModel implements ReadModel {
  readonly #database: DatabaseSync
  readonly #folder: string | null
  readonly #statements = new Map<string, StatementSync>()

  constructor(database: DatabaseSync, folder: string | null) {
    this.#database = database
    this.#folder = folder
  }

  apply(batch: RowBatch): Promise<void> {
    return this.#settle(() => {
      this.#transaction(() => {
        for (const change of batch.changes) this.#change(change)
        for (const { topic, partition, offset } of batch.positions) {
          this.#run('INSERT OR REPLACE INTO positions VALUES (?, ?, ?)', topic, partition, offset)
        }
      })
    })
  }

  async job(jobId: string): Promise<Job | undefined> {
    return (await this.versionedJob(jobId))?.job
  }

  versionedJob(jobId: string): Promise<VersionedJob | undefined> {
    return this.#settle(() => {
      const row = this.#statement('SELECT version, document FROM jobs WHERE job_id = ?').get(jobId)
      if (row === undefined) return undefined
      return { job: JSON.parse(String(row['document'])) as Job, version: Number(row['version']) }
    })
  }

  jobs(filter: JobFilter, page: { readonly limit: number; readonly after: JobCursor | null }): Promise<JobPage> {
    return this.#settle(() => {
      // One more than asked for tells whether another page follows.
      const queries = jobQueries(filter, { ...page, limit: page.limit + 1 })
      const found = queries.flatMap(({ sql, values }) => this.#statement(sql).all(...values)).map(sortableOf)
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
      const found = this.#documents(`SELECT document FROM subjobs WHERE ${where} ORDER BY number LIMIT ?`, ...values)
      const items = found.slice(0, limit).map((each) => JSON.parse(each) as SubjobRow)
      return { items, next: found.length > limit ? (items.at(-1)?.index ?? null) : null }
    })
  }

  endedSubjobs(jobId: string, indexes: readonly number[]): Promise<ReadonlySet<number>> {
    return this.#settle(() => {
      const isAsked = 'number IN (SELECT value FROM json_each(?))'
      const sql = `SELECT number FROM subjobs WHERE job_id = ? AND ${isAsked} AND document ->> 'state' = 'ended'`
      return new Set(this.#statement(sql).all(jobId, JSON.stringify(indexes)).map((row) => Number(row['number'])))
    })
  }

  positions(): Promise<readonly Position[]> {
    return this.#settle(() => {
      const rows = this.#statement('SELECT topic, partition, position FROM positions').all()
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
        for (const table of ['positions', 'jobs', 'subjobs', 'forgotten']) this.#run(`DELETE FROM ${table}`)
      })
    })
  }

  close(): Promise<void> {
    return this.#settle(() => {
      if (this.#database.isOpen) this.#database.close()
    })
  }

  #change(change: RowChange): void {
    switch (change.type) {
      case 'AcceptJob':
        if (!this.#isForgotten(change.job.jobId, change.at)) this.#writeJob(INSERT_JOB, { job: change.job, version: 0 })
        return
      case 'PutJob':
        this.#putJob(change)
        return
      case 'ForgetJob':
        this.#run('DELETE FROM jobs WHERE job_id = ?', change.jobId)
        this.#run('DELETE FROM subjobs WHERE job_id = ?', change.jobId)
        this.#run('INSERT OR REPLACE INTO forgotten VALUES (?, ?)', change.jobId, change.at)
        return
      case 'CancelJob':
        this.#cancelJob(change.jobId)
        return
      case 'PlanSubjobs':
        if (!this.#isForgotten(change.event.jobId, change.at)) this.#planSubjobs(change.event)
        return
      case 'FoldSubjobEvent':
        if (!this.#isForgotten(change.event.jobId, change.at)) this.#foldSubjobEvent(change.event)
        return
      case 'SealForgotten':
        this.#run('DELETE FROM forgotten WHERE forgotten_at < ?', change.before)
        return
      default:
        change satisfies never
    }
  }

  // Most changes of a job are to its counts; then no index need be touched.
  #putJob({ job, version }: VersionedJob): void {
    const sql = 'UPDATE jobs SET version = ?, document = ? WHERE job_id = ? AND status = ? AND number = ? AND created_at = ?'
    const updated = this.#run(sql, version, JSON.stringify(job), job.jobId, statusOf(job), job.number, job.createdAt)
    if (updated === 0) this.#writeJob(UPSERT_JOB, { job: this.#asCancelled(job), version })
  }

  // What the coordinator said before it knew of the request comes later here.
  #asCancelled(job: Job): Job {
    const document = this.#documents("SELECT document FROM jobs WHERE job_id = ? AND status = 'cancelling'", job.jobId)[0]
    if (document === undefined || (JSON.parse(document) as Job).run !== job.run) return job
    return decideJob(job, { type: 'CancelJob' }).reduce<Job>(evolveJob, job)
  }

  #writeJob(sql: string, { job, version }: VersionedJob): void {
    const { jobId, number, createdAt, destination, kind, tenant, dialect } = job
    const columns = [jobId, number, createdAt, statusOf(job), destination, kind, tenant, dialect, version] as const
    this.#run(sql, ...columns, JSON.stringify(job))
  }

  #cancelJob(jobId: string): void {
    const row = this.#statement('SELECT version, document FROM jobs WHERE job_id = ?').get(jobId)
    if (row === undefined) return
    const job = JSON.parse(String(row['document'])) as Job
    const cancelled = decideJob(job, { type: 'CancelJob' }).reduce<Job>(evolveJob, job)
    if (cancelled !== job) this.#putJob({ job: cancelled, version: Number(row['version']) })
  }

  #planSubjobs({ jobId, subjobs, at }: SubjobsPlanned): void {
    for (const planned of subjobs) this.#fold(jobId, planned.index, (known) => foldPlannedSubjob(known, jobId, planned, at))
  }

  #foldSubjobEvent(event: SubjobReport): void {
    this.#fold(event.jobId, event.index, (known) => foldSubjobEvent(known, event))
  }

  #fold(jobId: string, index: number, fold: (known: SubjobRow | undefined) => SubjobRow): void {
    const document = this.#documents('SELECT document FROM subjobs WHERE job_id = ? AND number = ?', jobId, index)[0]
    const known = document === undefined ? undefined : (JSON.parse(document) as SubjobRow)
    const folded = fold(known)
    if (folded !== known) this.#run('INSERT OR REPLACE INTO subjobs VALUES (?, ?, ?)', jobId, index, JSON.stringify(folded))
  }

  #isForgotten(jobId: string, at: number): boolean {
    const row = this.#statement('SELECT 1 FROM forgotten WHERE job_id = ? AND forgotten_at >= ?').get(jobId, at)
    return row !== undefined
  }

  #documents(sql: string, ...values: (string | number)[]): readonly string[] {
    return this.#statement(sql)
      .all(...values)
      .map((row) => String(row['document']))
  }

  #run(sql: string, ...values: (string | number)[]): number {
    return Number(this.#statement(sql).run(...values).changes)
  }

  // The texts are few: those above and one for each set of filters.
  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#database.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
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

  #settle<Result>(work: () => Result): Promise<Result> {
    try {
      return Promise.resolve(work())
    } catch (error) {
      return Promise.reject(this.#failure(error))
    }
  }

  // What is damaged now would be at the next start too, were the file kept.
  #failure(cause: unknown): ReadModelFailure {
    if (this.#folder !== null && isDiskTrouble(cause)) {
      const message = `the disk is full or fails below ${this.#folder}: ${cause instanceof Error ? cause.message : String(cause)}`
      return new ReadModelFailure(message, { disposition: 'retry', cause })
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

const INSERT_JOB = 'INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job_id) DO NOTHING'
const UPSERT_JOB = `
  INSERT INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (job_id) DO UPDATE SET
    number = excluded.number, created_at = excluded.created_at, status = excluded.status, destination = excluded.destination,
    kind = excluded.kind, tenant = excluded.tenant, dialect = excluded.dialect,
    version = excluded.version, document = excluded.document`

interface SortableRow extends JobCursor {
  readonly document: string
}

function sortableOf(row: Record<string, unknown>): SortableRow {
  return { createdAt: Number(row['created_at']), number: Number(row['number']), document: String(row['document']) }
}
