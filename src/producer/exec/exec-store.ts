/** What an exec producer has accepted and what became of it, in one SQLite file of its data folder, for this process alone. */
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { ExecJob } from './exec-job.ts'
import type { ExecRequest } from './exec-request.ts'
import type { ExecResult } from './exec-result.ts'

/** One of a job's operations, as it came. */
export interface ExecOperation {
  readonly operationId: string | number
  readonly op: string
  readonly path: string
  readonly request: ExecRequest
}

/** What never changes of a job. */
export interface AcceptedJob {
  readonly id: string
  /** Of the client's job that it is a part of; may be empty. */
  readonly jobId: string
  readonly acceptedAt: number
}

export interface StoredJob extends AcceptedJob {
  /** In the order of acceptance. */
  readonly number: number
  readonly job: ExecJob
}

export interface StoredResult {
  readonly operation: Pick<ExecOperation, 'operationId' | 'op' | 'path'>
  readonly result: ExecResult
}

const SCHEMA_VERSION = 1
const SCHEMA = `
  CREATE TABLE jobs (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, job_id TEXT NOT NULL, accepted_at INTEGER NOT NULL,
    ended_at INTEGER, job TEXT NOT NULL
  ) STRICT;
  CREATE INDEX jobs_by_end ON jobs (ended_at);
  CREATE TABLE operations (
    id TEXT NOT NULL, place INTEGER NOT NULL, operation TEXT NOT NULL, result TEXT, PRIMARY KEY (id, place)
  ) STRICT, WITHOUT ROWID;
  PRAGMA user_version = ${SCHEMA_VERSION};
`
const BUSY_TIMEOUT_MS = 2_000

type Row = Readonly<Record<string, unknown>>

export class ExecStore {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  private constructor(database: DatabaseSync) {
    this.#database = database
  }

  /** Throws when the file is another process's, or of another version. */
  static open(folder: string): ExecStore {
    // Others, such as the commands' user, may pass through to what is theirs, and see nothing.
    mkdirSync(folder, { recursive: true })
    chmodSync(folder, 0o711)
    const file = join(folder, 'exec.sqlite')
    const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS })
    try {
      // What was accepted has to outlast the machine, so each transaction is on disk before it is answered.
      chmodSync(file, 0o600)
      database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
      const version = database.prepare('PRAGMA user_version').get()?.['user_version']
      if (version === 0) database.exec(`BEGIN EXCLUSIVE; ${SCHEMA} COMMIT`)
      else if (version !== SCHEMA_VERSION) throw new Error(`its schema is version ${String(version)}, not ${SCHEMA_VERSION}`)
      return new ExecStore(database)
    } catch (cause) {
      database.close()
      const hint = 'it may be in use by another process: give each producer a data folder of its own'
      throw new ExecStoreUnusable(`${file} can't be opened: ${String(cause)} (${hint})`, { cause })
    }
  }

  close(): void {
    this.#database.close()
  }

  accept(accepted: AcceptedJob, job: ExecJob, operations: readonly ExecOperation[]): StoredJob {
    return this.#transaction(() => {
      const { id, jobId, acceptedAt } = accepted
      const values = [id, jobId, acceptedAt, JSON.stringify(job)]
      const { lastInsertRowid } = this.#sql('INSERT INTO jobs (id, job_id, accepted_at, job) VALUES (?, ?, ?, ?)').run(...values)
      const insert = this.#sql('INSERT INTO operations (id, place, operation) VALUES (?, ?, ?)')
      for (const [place, operation] of operations.entries()) insert.run(id, place, JSON.stringify(operation))
      return { ...accepted, number: Number(lastInsertRowid), job }
    })
  }

  /** @param endedAt null while it has not ended */
  save(id: string, job: ExecJob, endedAt: number | null): void {
    this.#sql('UPDATE jobs SET job = ?, ended_at = ? WHERE id = ?').run(JSON.stringify(job), endedAt, id)
  }

  /** The same together with what became of one of its operations: the one is never there without the other. */
  saveResult(id: string, job: ExecJob, endedAt: number | null, place: number, result: ExecResult): void {
    this.#transaction(() => {
      this.#sql('UPDATE operations SET result = ? WHERE id = ? AND place = ?').run(JSON.stringify(result), id, place)
      this.save(id, job, endedAt)
    })
  }

  find(id: string): StoredJob | null {
    const row = this.#sql('SELECT number, id, job_id, accepted_at, job FROM jobs WHERE id = ?').get(id)
    return row === undefined ? null : storedJob(row)
  }

  /** Those that have not ended, in the order in which they were accepted. */
  open(): readonly StoredJob[] {
    return this.#sql('SELECT number, id, job_id, accepted_at, job FROM jobs WHERE ended_at IS NULL ORDER BY number').all().map(storedJob)
  }

  operation(id: string, place: number): ExecOperation {
    const row = this.#sql('SELECT operation FROM operations WHERE id = ? AND place = ?').get(id, place)
    if (row === undefined) throw new Error(`broken invariant: job ${id} has no operation ${place}`)
    return JSON.parse(String(row['operation'])) as ExecOperation
  }

  /** Of the operations that ended, in their order. */
  *results(id: string): Generator<StoredResult, void, undefined> {
    const next = this.#sql(
      'SELECT place, operation, result FROM operations WHERE id = ? AND place > ? AND result IS NOT NULL ORDER BY place LIMIT 1',
    )
    for (let row = next.get(id, -1); row !== undefined; row = next.get(id, Number(row['place']))) {
      const { operationId, op, path } = JSON.parse(String(row['operation'])) as ExecOperation
      yield { operation: { operationId, op, path }, result: JSON.parse(String(row['result'])) as ExecResult }
    }
  }

  /** Forgets jobs that ended before that time. Answers their ids. */
  forget(endedBefore: number, most: number): readonly string[] {
    return this.#transaction(() => {
      const rows = this.#sql('SELECT id FROM jobs WHERE ended_at < ? ORDER BY ended_at LIMIT ?').all(endedBefore, most)
      const ids = rows.map((row) => String(row['id']))
      for (const id of ids) {
        this.#sql('DELETE FROM operations WHERE id = ?').run(id)
        this.#sql('DELETE FROM jobs WHERE id = ?').run(id)
      }
      return ids
    })
  }

  #sql(text: string): StatementSync {
    const statement = this.#statements.get(text) ?? this.#database.prepare(text)
    this.#statements.set(text, statement)
    return statement
  }

  #transaction<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE')
    try {
      const answer = work()
      this.#database.exec('COMMIT')
      return answer
    } catch (error) {
      this.#database.exec('ROLLBACK')
      throw error
    }
  }
}

/** Another process has the data folder, or it is of another version: a person has to look. */
export class ExecStoreUnusable extends Error {
  override readonly name = 'ExecStoreUnusable'
}

function storedJob(row: Row): StoredJob {
  const { number, id, job_id: jobId, accepted_at: acceptedAt, job } = row
  const accepted = { id: String(id), jobId: String(jobId), acceptedAt: Number(acceptedAt) }
  return { ...accepted, number: Number(number), job: JSON.parse(String(job)) as ExecJob }
}
