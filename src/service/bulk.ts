/** What commands about many jobs find their jobs with. */
import { facetConditionOf } from '../read-model/job-conditions.ts'
import type { ReadModel } from '../read-model/port.ts'
import type { EffectRunner } from '../stages/stage.ts'
import type { FindJobs, JobsFound } from '../stages/bulk-commander.ts'
import type { Projector } from '../stages/projector/projector.ts'
import { mayWorkLater } from './may-work-later.ts'

interface Searched {
  readonly readModel: Pick<ReadModel, 'facetedKeys'>
  readonly projector: Pick<Projector, 'waitForAll'>
}

/** How long one look waits for the read model. */
const CATCH_UP_MS = 5_000

/** What was acknowledged before a command was read is found: without that, jobs that its client has seen would be passed over. */
export function jobSearch({ readModel, projector }: Searched): EffectRunner<FindJobs, JobsFound> {
  return async ({ commandId, conditions, after }) => {
    const facets = conditions.map(facetConditionOf)
    const known = facets.filter((condition) => condition !== null)
    if (known.length < facets.length) throw new Error('broken invariant: a command with a facet that is not known was decoded')
    try {
      if (!(await projector.waitForAll(CATCH_UP_MS))) return { commandId, jobs: null }
      return { commandId, jobs: await readModel.facetedKeys([...known, { facet: 'number', atLeast: after + 1 }]) }
    } catch (error) {
      if (!mayWorkLater(error)) throw error
      return { commandId, jobs: null }
    }
  }
}
