import type { DmiContract } from './dmi-service.ts'

const STATUSES = [
  'NOT_STARTED', 'RUNNING', 'FINISHED', 'FAILED', 'PARTIALLY_FAILED', 'CANCELLING', 'CANCELLED',
] as const

/** How far a producer says it is with a subjob. */
export type DmiJobStatus = (typeof STATUSES)[number]

// A far longer id would not fit a path; services use UUIDs and counters.
const ID_LENGTH_MAX = 1_024

/** The producer's id for a submitted subjob: a text, or an integer that a service's JSON library made of it. */
export function dataProducerJobIdOf(reply: unknown, contract: DmiContract): string | undefined {
  const id = member(reply, 'dataProducerJobId') ?? (contract === 'cmJob' ? member(reply, 'subJobId') : undefined)
  if (typeof id === 'number' && Number.isSafeInteger(id)) return String(id)
  return typeof id === 'string' && id !== '' && id.length <= ID_LENGTH_MAX ? id : undefined
}

/** The status in a reply, in any case; FINSHED is how the contract's first page spelled FINISHED. */
export function jobStatusOf(reply: unknown): DmiJobStatus | undefined {
  const status = member(reply, 'status') ?? member(reply, 'dataProducerJobStatus')
  if (typeof status !== 'string') return undefined
  const name = status.toUpperCase()
  return name === 'FINSHED' ? 'FINISHED' : STATUSES.find((known) => known === name)
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return (value as Readonly<Record<string, unknown>>)[name] ?? undefined
}
