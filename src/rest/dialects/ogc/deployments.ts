/** The processes that a workspace's clients bring with them (OGC 20-044, Part 2: deploy, replace, undeploy). */
import type { ProcessRegistered } from '../../../domain/inventory-messages.ts'
import { BUILT_IN_SERVICE } from '../../../inventory/built-in-processes.ts'
import { processKey } from '../../../inventory/inventory.ts'
import type { OfferedProcess } from '../../../inventory/process-index.ts'
import type { Clock } from '../../../runtime/clock.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { clip, Refusal, RETRY_AFTER_S, unavailable } from '../../errors.ts'
import type { InventoryWriter } from '../../inventory-writer.ts'
import { operationValue } from '../../processes/execution-unit.ts'
import { OgcRefusal } from './exceptions.ts'
import type { ProcessLookup } from './process-lookup.ts'
import type { ProcessPackage } from './process-package.ts'

export interface DeploymentsOptions {
  readonly processes: ProcessLookup
  readonly writer: InventoryWriter
  readonly deps: Pick<ServerDependencies, 'inventory' | 'processes' | 'handles' | 'limits' | 'checkUnit' | 'execService'>
  readonly clock: Clock
}

export class Deployments {
  readonly #options: DeploymentsOptions

  constructor(options: DeploymentsOptions) {
    this.#options = options
  }

  /** Resolves once it is registered and known here. Throws a 409 on an id that is taken, a 4xx on what could not run. */
  async deploy(workspace: string, sent: ProcessPackage): Promise<OfferedProcess> {
    const { deps, processes } = this.#options
    // Another instance may just have taken one of this id.
    await deps.handles.caughtUp(deps.limits.catchUpTimeoutMs)
    if (processes.find(workspace, sent.id) !== undefined) throw duplicated(sent.id, workspace)
    if (deps.processes.count(workspace) >= deps.limits.processesMax) throw tooMany(workspace, deps.limits.processesMax)
    return this.#register(workspace, sent)
  }

  /** Throws a 404 where there is none of this id, a 403 on one that is built in. Jobs that were taken before run as they were. */
  async replace(workspace: string, id: string, sent: ProcessPackage): Promise<void> {
    await this.#requireMutable(workspace, id)
    if (sent.id !== id) throw new Refusal(400, `The process’s id "${clip(sent.id)}" is not "${clip(id)}", which is to be replaced`)
    await this.#register(workspace, sent)
  }

  /** Resolves to what it was. Throws as {@link replace} does. */
  async undeploy(workspace: string, id: string): Promise<OfferedProcess> {
    const process = await this.#requireMutable(workspace, id)
    await this.#options.writer.write([{ key: processKey(workspace, id), message: null }])
    return process
  }

  async #requireMutable(workspace: string, id: string): Promise<OfferedProcess> {
    const process = await this.#options.processes.require(workspace, id)
    if (process.mutable) return process
    const details = 'Every workspace has it as it is.'
    throw new OgcRefusal(403, 'immutable-process', `The process "${clip(id)}" can’t be replaced or removed`, { details })
  }

  async #register(workspace: string, sent: ProcessPackage): Promise<OfferedProcess> {
    const { writer, clock } = this.#options
    const { service, ...terms } = sent
    const process: ProcessRegistered = {
      ...{ type: 'ProcessRegistered', tenant: workspace, ...terms, service: service ?? this.#options.deps.execService },
      ...{ mutable: true, registeredAt: clock.now() },
    }
    await this.#requireRunnable(process)
    await writer.write([{ key: processKey(workspace, sent.id), message: process }])
    return process
  }

  async #requireRunnable(process: ProcessRegistered): Promise<void> {
    const { inventory, limits, checkUnit, execService } = this.#options.deps
    const service = process.service === BUILT_IN_SERVICE ? undefined : inventory.service(process.service)
    if (service === undefined) throw cannotRun(process, `the DMI service "${clip(process.service)}" is not registered`)
    if (process.executionUnit === null) return
    const check = await checkUnit(service, operationValue(process, new Map(), undefined), limits.unitCheckMs)
    if (check.type === 'refused') throw cannotRun(process, check.reason)
    if (check.type === 'unknown') {
      const details = `The DMI service "${clip(execService)}": ${check.reason}`
      throw unavailable('Whether the process can run here is not known now', { retryAfterS: RETRY_AFTER_S, details })
    }
  }
}

const REASON_LENGTH_MAX = 500

function cannotRun({ id, executionUnit }: ProcessRegistered, reason: string): Refusal {
  const needs = executionUnit === null ? '' : ' What runs it is started with `datajob producer exec`.'
  return new Refusal(422, `The process "${clip(id)}" can’t run here`, { details: `${reason.slice(0, REASON_LENGTH_MAX)}.${needs}` })
}

function duplicated(id: string, workspace: string): OgcRefusal {
  const details = 'PUT …/processes/{id} replaces it.'
  return new OgcRefusal(409, 'duplicated-process', `There is a process "${clip(id)}" in the workspace ${workspace} already`, { details })
}

function tooMany(workspace: string, max: number): Refusal {
  const details = 'Undeploy one that is not needed.'
  return new Refusal(422, `The workspace ${workspace} has ${max} processes, and may have no more`, { details })
}
