import { randomUUID } from 'node:crypto'
import type { HandleToRegister } from './service-client.ts'

/** An operation that is to be submitted, and what is to come of it. */
export interface PlannedOperation {
  readonly operationId: string | number
  readonly op: 'read' | 'merge'
  readonly path: string
  readonly value?: unknown
  /** Contract page, "Results on a topic". */
  readonly code: number
  /** The DMI service that reports it; null where no producer is asked. */
  readonly service: string | null
}

export interface PlannedJob {
  readonly jobId: string
  readonly kind: 'READ' | 'WRITE'
  /** `kafka:NAME`, `s3:NAME`, or null: the topic of the service's own. */
  readonly destination: string | null
  readonly operations: readonly PlannedOperation[]
}

export interface PlanOptions {
  readonly kind: PlannedJob['kind']
  readonly destination: string | null
  readonly services: readonly string[]
  readonly operations: number
  readonly jobId?: string
  /** Every how many operations one is for a cell that its producer refuses. */
  readonly failEvery?: number
  /** Every how many operations one is for an element that nobody has registered. */
  readonly unknownEvery?: number
}

/** Elements behind each service, and the data producers that they are spread over. */
const ELEMENTS = 40
const PRODUCERS = 4

/** What simulated producers are started with so that they fail what plans expect to fail. */
export const FAILING_CELLS = 'NRCellDU=13$'
const FAILING_CELL = 13

const CODE_SUCCESS = 0
const CODE_NOT_FOUND = 100
const CODE_UNABLE_TO_READ = 103
const CODE_REJECTED = 104

/** Everything that a service answers for. */
export function handlesOf(service: string): readonly HandleToRegister[] {
  return Array.from({ length: ELEMENTS }, (_, element) => ({
    cmHandle: `${service}-${element}`,
    alternateId: elementPath(service, element),
    dataProducerIdentifier: `producer-${element % PRODUCERS}`,
    moduleSetTag: 'v1',
  }))
}

export function planJob(options: PlanOptions): PlannedJob {
  const { kind, destination, jobId = `job-${randomUUID()}` } = options
  const operations = Array.from({ length: options.operations }, (_, n) => planOperation(options, n))
  return { jobId, kind, destination, operations }
}

/** The body that submits the job over REST. */
export function bodyOf({ jobId, operations }: PlannedJob): object {
  return { jobId, data: operations.map(({ operationId, op, path, value }) => ({ operationId, op, path, value })) }
}

export interface PlannedCounts {
  readonly total: number
  readonly succeeded: number
  readonly failed: number
}

export function countsOf({ operations }: PlannedJob): PlannedCounts {
  const failed = operations.filter(({ code }) => code !== CODE_SUCCESS).length
  return { total: operations.length, succeeded: operations.length - failed, failed }
}

export function statusOf(job: PlannedJob): 'FINISHED' | 'PARTIALLY_FAILED' | 'FAILED' {
  const { total, failed } = countsOf(job)
  if (failed === 0) return 'FINISHED'
  return failed === total ? 'FAILED' : 'PARTIALLY_FAILED'
}

function planOperation({ kind, services, failEvery, unknownEvery }: PlanOptions, n: number): PlannedOperation {
  // Numbers and texts both: an id comes back as it was sent.
  const operationId = n % 2 === 0 ? `op-${n}` : n
  const write = kind === 'WRITE' ? { op: 'merge' as const, value: { id: String(n), attributes: { nRPCI: n } } } : { op: 'read' as const }
  if (isEvery(unknownEvery, n)) {
    return { operationId, ...write, path: `/ManagedElement=nobody-${n}`, code: CODE_NOT_FOUND, service: null }
  }
  const service = services[n % services.length]
  if (service === undefined) throw new Error('a plan needs a service')
  const fails = isEvery(failEvery, n)
  const element = Math.floor(n / services.length) % ELEMENTS
  const path = `${elementPath(service, element)}/NRCellDU=${fails ? FAILING_CELL : 1}`
  const failure = kind === 'READ' ? CODE_UNABLE_TO_READ : CODE_REJECTED
  return { operationId, ...write, path, code: fails ? failure : CODE_SUCCESS, service }
}

function isEvery(every: number | undefined, n: number): boolean {
  return every !== undefined && n % every === every - 1
}

function elementPath(service: string, element: number): string {
  return `/SubNetwork=Test/ManagedElement=${service}-${element}`
}
