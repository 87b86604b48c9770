import type { ExecutionMode, ProcessRegistered } from '../../domain/inventory-messages.ts'
import { known, Undecodable } from '../undecodable.ts'

/** schemas/ProcessRegistered.avsc */
export type ProcessRegisteredRecord = Omit<ProcessRegistered, 'type' | 'modes'> & { readonly modes: readonly string[] }

const MODES = ['sync', 'async'] as const satisfies readonly ExecutionMode[]

/** Descriptions go into answers, and anyone may write one: a text that is no JSON object ends here. */
export function fromProcessRegisteredRecord(record: ProcessRegisteredRecord): ProcessRegistered {
  if (!isObjectText(record.description)) throw new Undecodable('description is no JSON object')
  const modes = record.modes.map((mode, position) => known(MODES, mode, `modes[${position}]`))
  return { type: 'ProcessRegistered', ...record, modes }
}

export function isObjectText(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}
