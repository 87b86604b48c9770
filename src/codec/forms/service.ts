import type { ServiceRegistered } from '../../domain/inventory-messages.ts'
import { known } from '../undecodable.ts'

/** schemas/ServiceRegistered.avsc */
export type ServiceRegisteredRecord = Omit<ServiceRegistered, 'type' | 'contract'> & { readonly contract: string }

const CONTRACTS = ['dataJob', 'cmJob'] as const satisfies readonly ServiceRegistered['contract'][]

export function fromServiceRegisteredRecord(record: ServiceRegisteredRecord): ServiceRegistered {
  return { type: 'ServiceRegistered', ...record, contract: known(CONTRACTS, record.contract, 'contract') }
}
