import type { AddOperations, DispatchSubjob, SubjobRecalled } from '../../domain/messages.ts'
import { JOB_KINDS, type Operation, READ_OPERATIONS, type RoutedOperation, WRITE_OPERATIONS } from '../../domain/operation.ts'
import { ResponseCode } from '../../domain/response-code.ts'
import { NESTING_MAX, optionsFault, valueFault } from '../operation-texts.ts'
import { known, Undecodable } from '../undecodable.ts'

/** An operation as avsc reads it: only the enumeration is still to be checked. */
export type OperationRecord<O extends Operation = Operation> = Omit<O, 'op'> & { readonly op: string }

/** schemas/DispatchSubjob.avsc */
export interface DispatchSubjobRecord extends Omit<DispatchSubjob, 'type' | 'kind' | 'refusal' | 'operations'> {
  readonly kind: string
  readonly refusal: number | null
  readonly operations: readonly OperationRecord<RoutedOperation>[]
}

/** schemas/AddOperations.avsc */
export interface AddOperationsRecord extends Omit<AddOperations, 'type' | 'operations'> {
  readonly operations: readonly OperationRecord[]
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

/** Values and options go into requests as they are, and anyone may write a command: texts that are no JSON end here. */
export function commandOperationsOf(records: readonly OperationRecord[]): readonly Operation[] {
  const operations = operationsOf<Operation>(records)
  for (const [position, { value, options }] of operations.entries()) {
    const wrong = value === null ? null : valueFault(value, NESTING_MAX)
    if (wrong !== null) throw new Undecodable(`operations[${position}].value: ${wrong}`)
    const fault = options === null ? null : optionsFault(Buffer.from(options), NESTING_MAX)
    if (fault !== null) throw new Undecodable(`operations[${position}].options: ${fault}`)
  }
  return operations
}

export function fromAddOperationsRecord(record: AddOperationsRecord): AddOperations {
  return { type: 'AddOperations', ...record, operations: commandOperationsOf(record.operations) }
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

/** schemas/SubjobRecalled.avsc */
export function fromSubjobRecalledRecord({ order }: { readonly order: DispatchSubjobRecord }): SubjobRecalled {
  return { type: 'SubjobRecalled', order: fromDispatchSubjobRecord(order) }
}
