import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { StackError } from './errors.ts'

export interface LockOptions {
  readonly file: string
  readonly waitMsMax: number
  /** Called once when someone else holds the lock. */
  readonly onWait: () => void
}

/**
 * Runs the work while no other process runs work under the same file. The lock is SQLite's lock on the file, which the
 * operating system drops when its holder dies: a killed process leaves nothing stale behind.
 * Throws a StackError `busy` when the lock isn't free within the wait.
 */
export async function withLock<T>(options: LockOptions, work: () => Promise<T>): Promise<T> {
  mkdirSync(dirname(options.file), { recursive: true })
  const database = new DatabaseSync(options.file, { timeout: 0 })
  try {
    await acquire(database, options)
    return await work()
  } finally {
    database.close()
  }
}

async function acquire(database: DatabaseSync, options: LockOptions): Promise<void> {
  const giveUpAt = performance.now() + options.waitMsMax
  let told = false
  while (!tryAcquire(database)) {
    if (!told) options.onWait()
    told = true
    if (performance.now() > giveUpAt) {
      throw new StackError('busy', `${options.file} was held by another process for ${options.waitMsMax / 1000} s`)
    }
    await sleep(100)
  }
}

function tryAcquire(database: DatabaseSync): boolean {
  const busy = 5
  try {
    database.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === busy) return false
    throw error
  }
}
