/** Opens the database file of the embedded read model; what is of no use any more is thrown away and made anew. */
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../runtime/clock.ts'
import { ReadModelFailure } from './port.ts'
import { SCHEMA, SCHEMA_VERSION } from './sqlite-schema.ts'

export interface SqliteLocation {
  /** Where the file is kept, for this process alone; null keeps everything in memory. */
  readonly folder: string | null
  /** Names the topics that the rows come from, such as cluster id and prefix; a file from other topics is rebuilt. */
  readonly identity: string
  /**
   * A file that was not written for longer than this is rebuilt: the `jobs` topic keeps the word that a job is gone for its
   * `delete.retention.ms` only, so the file may hold jobs that nothing would ever remove.
   */
  readonly staleAfterMs: number
  /** How long a disk may fail, other than for want of room, before another process is to try. */
  readonly diskFailureMsMax: number
  readonly clock: Clock
  /** Hears why a file that was there was thrown away. */
  readonly onDiscard: (reason: string) => void
}

export const READ_MODEL_FILE = 'read-model.sqlite'

// SQLite's primary result codes (sqlite.org/rescode.html).
const SQLITE_BUSY = 5
const SQLITE_IOERR = 10
const SQLITE_CORRUPT = 11
const SQLITE_FULL = 13
const SQLITE_NOTADB = 26

// The log is copied back into the file every 32 MiB, by itself SQLite does every 4: the same pages change again and again.
const CHECKPOINT_PAGES = 8_192
// A process that was told to go may still be closing its file when its successor starts.
const BUSY_TIMEOUT_MS = 2_000

/** Throws ReadModelFailure when the file can't be opened, or another process has it. */
export function openDatabase(location: SqliteLocation): DatabaseSync {
  const { folder, identity, onDiscard } = location
  if (folder === null) return prepared(new DatabaseSync(':memory:'), identity)
  const file = join(folder, READ_MODEL_FILE)
  try {
    mkdirSync(folder, { recursive: true })
    const reason = existsSync(file) ? reasonToDiscard(file, location) : null
    if (reason !== null) {
      discardFile(folder)
      onDiscard(reason)
    }
    return prepared(connect(file), identity)
  } catch (error) {
    throw openFailure(file, error)
  }
}

/** Removes the file and what SQLite keeps beside it. */
export function discardFile(folder: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(folder, READ_MODEL_FILE + suffix), { force: true })
}

/** Whether SQLite says that the file's content is damaged. */
export function isDamage(error: unknown): boolean {
  const code = resultCodeOf(error)
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB
}

/** Whether SQLite says that there is no room, or that the disk fails. */
export function isDiskTrouble(error: unknown): boolean {
  return resultCodeOf(error) === SQLITE_FULL || isDiskFailure(error)
}

/** Whether SQLite says that the disk fails; a limit on files or a quota is told so, too. */
export function isDiskFailure(error: unknown): boolean {
  return resultCodeOf(error) === SQLITE_IOERR
}

function connect(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    // With NORMAL a crash of the machine may lose the latest transactions, which are read again, but never damages the file.
    database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL')
    database.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function reasonToDiscard(file: string, { identity, staleAfterMs, clock }: SqliteLocation): string | null {
  const writtenAt = lastWriteAt(file)
  let database: DatabaseSync | undefined
  try {
    database = connect(file)
    const version = database.prepare('PRAGMA user_version').get()?.['user_version']
    // Version 0 is a file in which nothing was created yet: the process that began it was killed.
    if (version === 0) return null
    if (version !== SCHEMA_VERSION) return `its schema is version ${String(version)}, not ${SCHEMA_VERSION}`
    const found = database.prepare('SELECT identity FROM origin').get()?.['identity']
    if (found !== identity) return `it holds "${String(found)}", not "${identity}"`
    const ageMs = clock.now() - writtenAt
    return ageMs > staleAfterMs ? `it was last written ${Math.round(ageMs / 1000)} s ago, more than ${staleAfterMs / 1000} s` : null
  } catch (error) {
    if (isDamage(error)) return `it is damaged: ${String(error)}`
    throw error
  } finally {
    database?.close()
  }
}

function lastWriteAt(file: string): number {
  const times = ['', '-wal'].map((suffix) => statSync(file + suffix, { throwIfNoEntry: false })?.mtimeMs ?? 0)
  return Math.max(...times)
}

function prepared(database: DatabaseSync, identity: string): DatabaseSync {
  database.exec('PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768')
  if (database.prepare('PRAGMA user_version').get()?.['user_version'] === 0) {
    database.exec('BEGIN EXCLUSIVE')
    database.exec(SCHEMA)
    database.prepare('INSERT INTO origin VALUES (?)').run(identity)
    database.exec('COMMIT')
  }
  return database
}

function openFailure(file: string, cause: unknown): ReadModelFailure {
  if (resultCodeOf(cause) === SQLITE_BUSY) {
    const message = `${file} is in use by another process: give each process a data folder of its own`
    return new ReadModelFailure(message, { disposition: 'fatal', cause })
  }
  const disposition = isDiskTrouble(cause) ? 'retry' : 'fatal'
  return new ReadModelFailure(`${file} can't be opened: ${String(cause)}`, { disposition, cause })
}

// Extended result codes carry the primary one in their lowest byte.
function resultCodeOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null
  return error.errcode & 0xff
}
