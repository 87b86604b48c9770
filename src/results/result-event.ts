import type { InputRecord } from '../kafka/port.ts'
import { COMPLETION_TYPE } from '../sinks/kafka/event-headers.ts'
import type { JobSummary } from '../sinks/job-summary.ts'

/** What is said about one operation, on a topic or in an object. */
export interface OperationReport {
  readonly operationId: string | number
  readonly statusCode: number | undefined
  readonly statusMessage: string
  readonly op: string
  readonly path: string
  readonly result: unknown
}

/** The job that an event belongs to; undefined for a record that is none of ours. */
export function jobIdOf({ headers }: InputRecord): string | undefined {
  return headers['ce_correlationid']
}

/** Whether this is the last event of its job. */
export function isCompletion({ headers }: InputRecord): boolean {
  return headers['ce_type'] === COMPLETION_TYPE
}

/** What the last event of a job says; null when it does not read like one. */
export function completionOf({ value }: InputRecord): Pick<JobSummary, 'status' | 'counts'> | null {
  const data = member(parsed(value), 'data')
  const status = member(data, 'status')
  const operations = member(member(data, 'counts'), 'operations')
  if (typeof status !== 'string' || typeof member(operations, 'total') !== 'number') return null
  return data as JobSummary
}

/** The operations in an event's value or in an object; null when it does not read like one. */
export function reportsOf(value: Uint8Array | null): readonly OperationReport[] | null {
  return reportsIn(member(parsed(value), 'data'))
}

/** The same, each with the result that the event has for all of them, where it has one. */
export function wholeReportsOf(value: Uint8Array | null): readonly OperationReport[] | null {
  const data = member(parsed(value), 'data')
  const shared = sharedIn(data)
  const reports = reportsIn(data)
  return shared === undefined || reports === null ? reports : reports.map((report) => ({ ...report, result: shared }))
}

function reportsIn(data: unknown): readonly OperationReport[] | null {
  const responses = member(data, 'responses')
  if (!Array.isArray(responses)) return null
  const reports = responses.map(reportOf)
  return reports.every((report) => report !== null) ? reports : null
}

/** A result that has no responses, or where it is; undefined where there is none. */
export function sharedResultOf(value: Uint8Array | null): unknown {
  return sharedIn(member(parsed(value), 'data'))
}

function sharedIn(data: unknown): unknown {
  return member(data, 'result') ?? member(data, 'resultParts')
}

function reportOf(response: unknown): OperationReport | null {
  const operationId = member(response, 'operationId')
  const statusCode = member(response, 'statusCode')
  const request = member(response, 'request')
  if (typeof operationId !== 'string' && typeof operationId !== 'number') return null
  return {
    operationId,
    statusCode: typeof statusCode === 'number' ? statusCode : undefined,
    statusMessage: text(member(response, 'statusMessage')),
    op: text(member(request, 'op')),
    path: text(member(request, 'path')),
    result: member(response, 'result') ?? member(response, 'resultParts'),
  }
}

/** Undefined for what is no JSON. */
export function parsed(value: Uint8Array | null): unknown {
  try {
    return JSON.parse(Buffer.from(value ?? []).toString())
  } catch {
    return undefined
  }
}

/** Undefined where there is none. */
export function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
