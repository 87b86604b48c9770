import type { OfferedProcess, ProcessIndex } from '../../../inventory/process-index.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { clip } from '../../errors.ts'
import { OgcRefusal } from './exceptions.ts'

/** Finds a workspace's processes. One that is missing may just have been deployed through another instance. */
export class ProcessLookup {
  readonly #processes: Pick<ProcessIndex, 'find'>
  readonly #deps: Pick<ServerDependencies, 'handles' | 'limits'>

  constructor(processes: Pick<ProcessIndex, 'find'>, deps: Pick<ServerDependencies, 'handles' | 'limits'>) {
    this.#processes = processes
    this.#deps = deps
  }

  /** As far as it is known here. */
  find(workspace: string, id: string): OfferedProcess | undefined {
    return this.#processes.find(workspace, id)
  }

  /** Throws a 404 when there is no such process. */
  async require(workspace: string, id: string): Promise<OfferedProcess> {
    const known = this.find(workspace, id) ?? (await this.#awaited(workspace, id))
    if (known === undefined) throw noSuchProcess(id, workspace)
    return known
  }

  async #awaited(workspace: string, id: string): Promise<OfferedProcess | undefined> {
    const { handles, limits } = this.#deps
    await handles.caughtUp(limits.catchUpTimeoutMs)
    return this.find(workspace, id)
  }
}

export function noSuchProcess(id: string, workspace: string): OgcRefusal {
  const details = 'Those there are: GET …/processes.'
  return new OgcRefusal(404, 'no-such-process', `There is no process "${clip(id)}" in the workspace ${workspace}`, { details })
}
