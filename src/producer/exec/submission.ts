/** Reads what is submitted: the contract's body, each operation with what is to be run as its value. */
import { type Admission, type AdmissionRules, admit } from './allow-list.ts'
import { readExecRequest } from './exec-request.ts'
import type { ExecOperation } from './exec-store.ts'

export type ReadSubmission =
  | {
      readonly type: 'read'
      readonly operations: readonly ExecOperation[]
      readonly dataProducerId: string
      /** Of the client's job; empty where the submission names none. */
      readonly jobId: string
    }
  /** It is none, or it asks for what may not run here: sent again, it would be refused again. */
  | { readonly type: 'invalid' | 'refused'; readonly message: string }

/** All operations must be admitted, or none is. */
export function readSubmission(body: unknown, rules: AdmissionRules): ReadSubmission {
  const { data, dataJobId, dataProducerId } = membersOf(body)
  if (!Array.isArray(data) || data.length === 0) return { type: 'invalid', message: 'data is missing, empty, or no list' }
  const operations: ExecOperation[] = []
  for (const [at, each] of (data as readonly unknown[]).entries()) {
    const { operationId, op, path, value } = membersOf(each)
    const isNamed = typeof operationId === 'string' || typeof operationId === 'number'
    if (!isNamed || typeof op !== 'string' || typeof path !== 'string') return { type: 'invalid', message: `data[${at}] is no operation` }
    const read = readExecRequest(value)
    if (!read.ok) return { type: 'invalid', message: `data[${at}].value: ${read.problems.join('; ')}` }
    const admission: Admission = admit(read.request, rules)
    if (!admission.ok) return { type: 'refused', message: `data[${at}].value: ${admission.reason}` }
    operations.push({ operationId, op, path, request: read.request })
  }
  return { type: 'read', operations, dataProducerId: textOf(dataProducerId), jobId: textOf(dataJobId) }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
