import type { ReadModel } from '../../src/read-model/port.ts'
import { openSqliteReadModel } from '../../src/read-model/sqlite.ts'
import type { DialectColumns } from '../../src/read-model/sqlite-schema.ts'
import type { SqliteLocation } from '../../src/read-model/sqlite-file.ts'
import { dialectColumns } from '../../src/service/job-subjects.ts'
import { systemClock } from '../../src/runtime/clock.ts'

/** The real read model, in memory unless a test names a folder. */
export function openTestReadModel(changes: Partial<SqliteLocation> = {}, columns: Partial<DialectColumns> = {}): ReadModel {
  const location = {
    ...{ folder: null, identity: 'cluster/datajob.', staleAfterMs: 3_600_000, diskFailureMsMax: 60_000 },
    ...{ clock: systemClock, onDiscard: () => undefined },
  }
  const subjectOf: DialectColumns['subjectOf'] = (job) => job.labels['subject'] ?? ''
  return openSqliteReadModel({ ...location, ...changes }, { ...dialectColumns, subjectOf, ...columns })
}
