/** Cuts a job into subjobs: one producer each, in the request's order, none larger than the limits. */
import { type ProducerKey, producerKey } from './ids.ts'
import { type JobKind, type Operation, operationBytes, type RoutedOperation } from './operation.ts'
import { ResponseCode } from './response-code.ts'

/** Who answers for a managed object and everything below it that has no handle of its own. */
export interface Handle {
  readonly alternateId: string
  readonly cmHandle: string
  readonly moduleSetTag: string
  readonly dataProducerId: string
  /** The DMI service that registered it; reads go there, and writes unless it named another. */
  readonly service: string
  readonly writeService: string | null
  readonly ready: boolean
}

/**
 * The handle with the longest alternate id that is a prefix of the name, by whole segments. Handles are everybody's; what is a tenant's
 * own, such as its processes, only that tenant's jobs find.
 */
export type FindHandle = (fullyDistinguishedName: string, tenant: string) => Handle | undefined

export interface SubjobPlan {
  readonly index: number
  readonly producerKey: ProducerKey
  readonly service: string
  readonly dataProducerId: string
  /** Set where no producer is asked: every operation is reported with this code. */
  readonly refusal: ResponseCode | null
  readonly operations: readonly RoutedOperation[]
}

export interface SplitLimits {
  readonly operationsMax: number
  readonly bytesMax: number
}

/** Who is to carry an operation out: a producer, or nobody for a reason. */
export type Route = Omit<SubjobPlan, 'index' | 'operations'>

interface Group extends Route {
  readonly chunks: RoutedOperation[][]
  lastChunkBytes: number
}

/**
 * Rules: contract page "Splitting". Operations keep their order within a producer, duplicates too; one that matches no
 * handle, or one that is not ready, goes to a subjob that reports it (codes 100 and 101) instead of failing the job.
 */
export function splitJob(
  job: { readonly tenant: string; readonly kind: JobKind; readonly operations: readonly Operation[] },
  findHandle: FindHandle,
  limits: SplitLimits,
): readonly SubjobPlan[] {
  const groups = new Map<string, Group>()
  for (const operation of job.operations) {
    const handle = findHandle(managedObjectOf(operation.path), job.tenant)
    const group = groupFor(groups, handle, job.kind)
    append(group, { ...operation, moduleSetTag: handle?.moduleSetTag ?? '' }, limits)
  }
  const plans: SubjobPlan[] = []
  for (const { producerKey, service, dataProducerId, refusal, chunks } of groups.values()) {
    for (const operations of chunks) {
      plans.push({ index: plans.length, producerKey, service, dataProducerId, refusal, operations })
    }
  }
  return plans
}

/** The name of the managed object that a path speaks of: without `#attribute` or `#action`, without a trailing slash. */
export function managedObjectOf(path: string): string {
  const hash = path.indexOf('#')
  const end = hash === -1 ? path.length : hash
  return path.slice(0, end > 1 && path.charCodeAt(end - 1) === SLASH ? end - 1 : end)
}

const SLASH = 0x2f

/** Where an operation of that handle goes. */
export function routeOf(handle: Handle | undefined, kind: JobKind): Route {
  const refusal = refusalOf(handle)
  if (refusal !== null || handle === undefined) {
    const code = refusal ?? ResponseCode.HandleNotFound
    return { producerKey: refusedKey(code), service: '', dataProducerId: '', refusal: code }
  }
  const service = serviceOf(handle, kind)
  const { dataProducerId } = handle
  return { producerKey: producerKey(service, dataProducerId), service, dataProducerId, refusal: null }
}

function groupFor(groups: Map<string, Group>, handle: Handle | undefined, kind: JobKind): Group {
  const route = routeOf(handle, kind)
  const known = groups.get(route.producerKey)
  if (known !== undefined) return known
  const group = { ...route, chunks: [], lastChunkBytes: 0 }
  groups.set(route.producerKey, group)
  return group
}

function refusalOf(handle: Handle | undefined): ResponseCode | null {
  if (handle === undefined) return ResponseCode.HandleNotFound
  return handle.ready ? null : ResponseCode.HandleNotReady
}

function serviceOf(handle: Handle, kind: JobKind): string {
  return kind === 'WRITE' && handle.writeService !== null ? handle.writeService : handle.service
}

// A service has a name, so no real producer's key starts with '#'.
function refusedKey(refusal: ResponseCode): ProducerKey {
  return producerKey('', String(refusal))
}

function append(group: Group, operation: RoutedOperation, limits: SplitLimits): void {
  const bytes = operationBytes(operation) + operation.moduleSetTag.length
  const last = group.chunks.at(-1)
  const fits = last !== undefined && last.length < limits.operationsMax && group.lastChunkBytes + bytes <= limits.bytesMax
  if (fits) {
    last.push(operation)
    group.lastChunkBytes += bytes
  } else {
    group.chunks.push([operation])
    group.lastChunkBytes = bytes
  }
}
