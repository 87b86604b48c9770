import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { openTestReadModel } from '../../test/fakes/test-read-model.ts'
import { exerciseFacets, FACETED, labelledFacets } from '../../test/contract/read-model-facets.ts'
import { exerciseReadModel } from '../../test/contract/read-model.ts'
import { exerciseJobLists } from '../../test/contract/read-model-lists.ts'

const folder = mkdtempSync(join(tmpdir(), 'datajob-read-model-'))
let opened = 0

afterAll(() => {
  rmSync(folder, { recursive: true })
})

const faceted = { facetedDialect: FACETED, facetsOf: labelledFacets }

for (const exercise of [exerciseReadModel, exerciseJobLists, exerciseFacets]) {
  exercise('SQLite in memory', () => Promise.resolve(openTestReadModel({}, faceted)))

  exercise('SQLite in a file', () => {
    opened += 1
    return Promise.resolve(openTestReadModel({ folder: join(folder, String(opened)) }, faceted))
  })
}
