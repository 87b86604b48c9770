import type { SubmitJob } from '../../domain/messages.ts'
import { JOB_KINDS, type Operation } from '../../domain/operation.ts'
import { digestOf } from '../digest.ts'
import { NESTING_MAX, optionsFault, valueFault } from '../operation-texts.ts'
import { known, Undecodable } from '../undecodable.ts'
import { type OperationRecord, operationsOf } from './operations.ts'

/** schemas/SubmitJob.avsc */
export interface SubmitJobRecord extends Omit<SubmitJob, 'type' | 'kind' | 'digest' | 'operations'> {
  readonly kind: string
  readonly digest: string | null
  readonly operations: readonly OperationRecord[]
}

/** Values and options go into requests as they are, and anyone may write a command: texts that are no JSON end here. */
export function fromSubmitJobRecord(record: SubmitJobRecord): SubmitJob {
  const operations = operationsOf<Operation>(record.operations)
  for (const [position, { value, options }] of operations.entries()) {
    const wrong = value === null ? null : valueFault(value, NESTING_MAX)
    if (wrong !== null) throw new Undecodable(`operations[${position}].value: ${wrong}`)
    const fault = options === null ? null : optionsFault(Buffer.from(options), NESTING_MAX)
    if (fault !== null) throw new Undecodable(`operations[${position}].options: ${fault}`)
  }
  const asked = { ...record, kind: known(JOB_KINDS, record.kind, 'kind'), operations }
  return { type: 'SubmitJob', ...asked, digest: record.digest ?? digestOf(asked) }
}
