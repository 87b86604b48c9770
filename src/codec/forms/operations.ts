import type { DispatchSubjob } from '../../domain/messages.ts'
import { JOB_KINDS, type Operation, READ_OPERATIONS, type RoutedOperation, WRITE_OPERATIONS } from '../../domain/operation.ts'
import { ResponseCode } from '../../domain/response-code.ts'
import { known } from '../undecodable.ts'

/** An operation as avsc reads it: only the enumeration is still to be checked. */
export type OperationRecord<O extends Operation = Operation> = Omit<O, 'op'> & { readonly op: string }

/** schemas/DispatchSubjob.avsc */
export interface DispatchSubjobRecord extends Omit<DispatchSubjob, 'type' | 'kind' | 'refusal' | 'operations'> {
  readonly kind: string
  readonly refusal: number | null
  readonly operations: readonly OperationRecord<RoutedOperation>[]
}

export const OPERATION_KINDS = [...READ_OPERATIONS, ...WRITE_OPERATIONS]

const RESPONSE_CODES = Object.values(ResponseCode)

export function responseCodeOf(code: number | null, field: string): ResponseCode | null {
  return code === null ? null : known(RESPONSE_CODES, code, field)
}

/** The same operations, checked. They are not copied: there may be many. */
export function operationsOf<O extends Operation>(records: readonly OperationRecord<O>[]): readonly O[] {
  for (const [position, { op }] of records.entries()) known(OPERATION_KINDS, op, `operations[${position}].op`)
  return records as readonly O[]
}

export function fromDispatchSubjobRecord(record: DispatchSubjobRecord): DispatchSubjob {
  return {
    type: 'DispatchSubjob',
    ...record,
    kind: known(JOB_KINDS, record.kind, 'kind'),
    refusal: responseCodeOf(record.refusal, 'refusal'),
    operations: operationsOf<RoutedOperation>(record.operations),
  }
}
