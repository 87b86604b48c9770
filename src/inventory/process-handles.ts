/** Processes as managed objects: how a job names one of its tenant's, and who answers for it. */
import type { RegisteredHandle } from './handle-index.ts'
import type { OfferedProcess, ProcessIndex } from './process-index.ts'
import { decodedSegment } from './path-segment.ts'
import { PROCESSES } from './reserved-names.ts'

const PREFIX = `/${PROCESSES}/`

/** The path of the operation that executes the process. */
export function processPath(id: string): string {
  return PREFIX + encodeURIComponent(id)
}

/** Who answers for the process that the name is of; undefined where the name is of none that the tenant has. */
export function processHandle(name: string, tenant: string, processes: Pick<ProcessIndex, 'find'>): RegisteredHandle | undefined {
  if (!name.startsWith(PREFIX)) return undefined
  const id = decodedSegment(name.slice(PREFIX.length))
  const process = id === null ? undefined : processes.find(tenant, id)
  return process === undefined ? undefined : handleOf(name, tenant, process)
}

// Each tenant's process is a data producer of its own, so no tenant waits behind another one's executions.
function handleOf(alternateId: string, tenant: string, { id, service }: OfferedProcess): RegisteredHandle {
  const registered = { alternateId, cmHandle: '', moduleSetTag: '', dataProducerId: `${tenant}/${id}`, service, writeService: null }
  return { ...registered, ready: true, state: 'READY', properties: {} }
}
