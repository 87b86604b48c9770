import type { DefinitionRegistered } from '../../domain/inventory-messages.ts'
import { Undecodable } from '../undecodable.ts'
import { isObjectText } from './process.ts'

/** schemas/DefinitionRegistered.avsc */
export type DefinitionRegisteredRecord = Omit<DefinitionRegistered, 'type'>

/** Documents go into answers, and anyone may write one: a text that is no JSON object ends here. */
export function fromDefinitionRegisteredRecord(record: DefinitionRegisteredRecord): DefinitionRegistered {
  if (!isObjectText(record.document)) throw new Undecodable('document is no JSON object')
  return { type: 'DefinitionRegistered', ...record }
}
