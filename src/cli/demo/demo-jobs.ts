import type { OperationCounts } from '../../domain/job-counts.ts'
import type { JobKind } from '../../domain/operation.ts'
import { cellPath, FAULTY_CELL, FAULTY_SERVICE, HANDLES, serviceOf } from './network.ts'

/** An operation that is submitted, and what is to come of it. */
export interface DemoOperation {
  readonly operationId: string
  readonly op: string
  readonly path: string
  readonly value?: unknown
  readonly succeeds: boolean
}

export interface DemoJob {
  readonly jobId: string
  readonly label: string
  readonly kind: JobKind
  /** `kafka:TOPIC` or `s3:BUCKET` */
  readonly destination: string
  readonly operations: readonly DemoOperation[]
}

export interface DemoNames {
  readonly run: string
  readonly topic: string
  readonly bucket: string
}

const OPERATIONS = 500
const FAULTY_OPERATIONS = 150

/** The three jobs; the same in every run but for their names. */
export function demoJobs({ run, topic, bucket }: DemoNames): readonly DemoJob[] {
  return [
    {
      jobId: `${run}-read`,
      label: 'read',
      kind: 'READ',
      destination: `kafka:${topic}`,
      operations: numbers(OPERATIONS).map((n) => read(n, spread(n), 1 + (n % 3))),
    },
    {
      jobId: `${run}-write`,
      label: 'write',
      kind: 'WRITE',
      destination: `s3:${bucket}`,
      operations: numbers(OPERATIONS).map((n) => write(n, spread(n + OPERATIONS), 1 + (n % 3))),
    },
    {
      jobId: `${run}-faulty`,
      label: 'read, with faults',
      kind: 'READ',
      destination: `kafka:${topic}`,
      operations: numbers(FAULTY_OPERATIONS).map((n) => read(n, spread(n), isFaulty(n) ? FAULTY_CELL : 1)),
    },
  ]
}

/** The body that submits the job. */
export function bodyOf({ jobId, operations }: DemoJob): string {
  return JSON.stringify({
    jobId,
    data: operations.map(({ operationId, op, path, value }) => ({ operationId, op, path, value })),
  })
}

export function countExpected({ operations }: DemoJob): OperationCounts {
  const succeeded = operations.filter(({ succeeds }) => succeeds).length
  return { total: operations.length, succeeded, failed: operations.length - succeeded }
}

function read(n: number, element: number, cell: number): DemoOperation {
  return { operationId: `read-${n}`, op: 'read', path: cellPath(element, cell), succeeds: succeeds(element, cell) }
}

// One in five writes replaces a single attribute: the path then says which, behind a "#".
function write(n: number, element: number, cell: number): DemoOperation {
  const path = cellPath(element, cell)
  const single = n % 5 === 0
  return {
    operationId: `write-${n}`,
    op: single ? 'replace' : 'merge',
    path: single ? `${path}#administrativeState` : path,
    value: single
      ? 'UNLOCKED'
      : { id: String(cell), attributes: { nRPCI: n % 1_008, administrativeState: 'UNLOCKED' } },
    succeeds: succeeds(element, cell),
  }
}

function succeeds(element: number, cell: number): boolean {
  return cell !== FAULTY_CELL || serviceOf(element) !== FAULTY_SERVICE
}

/** Whether the n-th operation of the third job asks for the cell that one service refuses. */
function isFaulty(n: number): boolean {
  return n % 7 < 3
}

/** Elements in an order that goes through all services and producers. */
function spread(n: number): number {
  return (n * 7) % HANDLES
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}
