import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openSqliteReadModel } from '../../src/read-model/sqlite.ts'
import { exerciseReadModel } from './read-model.ts'

const folder = mkdtempSync(join(tmpdir(), 'datajob-read-model-'))
let opened = 0

afterAll(() => {
  rmSync(folder, { recursive: true })
})

const location = { identity: 'cluster/datajob.', onDiscard: () => undefined }

exerciseReadModel('SQLite in memory', () => Promise.resolve(openSqliteReadModel({ ...location, folder: null })))

exerciseReadModel('SQLite in a file', () => {
  opened += 1
  return Promise.resolve(openSqliteReadModel({ ...location, folder: join(folder, String(opened)) }))
})
