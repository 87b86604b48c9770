import type { BulkAction, CommandJobs } from '../../domain/bulk.ts'
import { known } from '../undecodable.ts'

const ACTIONS = ['cancel', 'requeue'] as const satisfies readonly BulkAction[]

/** schemas/CommandJobs.avsc */
export function fromCommandJobsRecord(record: Omit<CommandJobs, 'type' | 'action'> & { readonly action: string }): CommandJobs {
  return { type: 'CommandJobs', ...record, action: known(ACTIONS, record.action, 'action') }
}
