/** Cancels and requeues all jobs that a filter finds: each time one command on a topic (docs/adr/0013). */
import { randomUUID } from 'node:crypto'
import type { CommandJobs } from '../../../domain/bulk.ts'
import type { FacetCondition } from '../../../read-model/job-facets.ts'
import { jobConditionOf } from '../../../read-model/job-conditions.ts'
import type { JobDependencies } from '../../dependencies.ts'
import { writeCommand } from '../../jobs/write-command.ts'
import { DIALECT } from './base.ts'
import { conditionsOfBulk, withStatus } from './job-filter.ts'
import type { BulkFilter, Requeue } from './job-schemas.ts'

export interface Requester {
  readonly requestedBy: string | null
  /** The client's bearer token, for producers. */
  readonly authorization: string | null
}

type BulkDependencies = Pick<JobDependencies, 'codec' | 'producer' | 'topics' | 'clock' | 'timers' | 'limits'>

interface Asked extends Pick<CommandJobs, 'action' | 'requestedBy'>, Partial<Pick<CommandJobs, 'authorization' | 'priority'>> {
  readonly conditions: readonly FacetCondition[]
}

export class Bulk {
  readonly #deps: BulkDependencies

  constructor(deps: BulkDependencies) {
    this.#deps = deps
  }

  /** Resolves once it is durable. Throws a 400 on a filter that can't be read, a 503 where whether it is durable is not known. */
  cancel(filter: BulkFilter, { requestedBy }: Pick<Requester, 'requestedBy'>): Promise<void> {
    const conditions = [...this.#conditionsOf(filter), withStatus('PENDING', 'BLOCKED', 'QUEUED', 'RUNNING', 'FAILED')]
    return this.#write({ action: 'cancel', conditions, requestedBy })
  }

  /** The same. */
  requeue({ priority, ...filter }: Requeue, requester: Requester): Promise<void> {
    const conditions = [...this.#conditionsOf(filter), withStatus('FAILED', 'CANCELED')]
    return this.#write({ action: 'requeue', conditions, priority: priority ?? null, ...requester })
  }

  #conditionsOf(filter: BulkFilter): readonly FacetCondition[] {
    return conditionsOfBulk(filter, this.#deps.clock.now())
  }

  async #write({ conditions, ...asked }: Asked): Promise<void> {
    const { codec, topics } = this.#deps
    const command: CommandJobs = {
      ...{ type: 'CommandJobs', commandId: randomUUID(), conditions: conditions.map(jobConditionOf) },
      ...{ authorization: null, priority: null, ...asked },
    }
    await writeCommand(this.#deps, { topic: topics.bulk, key: DIALECT, value: codec.encode(command) })
  }
}
