import type { SubmitJob } from '../../domain/messages.ts'
import { JOB_KINDS } from '../../domain/operation.ts'
import { digestOf } from '../digest.ts'
import { known, Undecodable } from '../undecodable.ts'
import { commandOperationsOf, type OperationRecord } from './operations.ts'

/** schemas/SubmitJob.avsc */
export interface SubmitJobRecord extends Omit<SubmitJob, 'type' | 'kind' | 'digest' | 'operations'> {
  readonly kind: string
  readonly digest: string | null
  readonly operations: readonly OperationRecord[]
}

export function fromSubmitJobRecord(record: SubmitJobRecord): SubmitJob {
  const asked = { ...record, kind: known(JOB_KINDS, record.kind, 'kind'), operations: commandOperationsOf(record.operations) }
  if (record.digest === null && record.submission !== null) {
    throw new Undecodable('digest: a job in parts has one, for nobody can compute it from this record')
  }
  return { type: 'SubmitJob', ...asked, digest: record.digest ?? digestOf(asked) }
}
