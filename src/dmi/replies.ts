import type { ProducerProgress } from '../domain/subjob.ts'
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

/** What the reply says of how far it is (docs/exec-producer.md); undefined where that is nothing, or no percentage. */
export function progressOf(reply: unknown): ProducerProgress | undefined {
  const progress = member(reply, 'progress')
  if (typeof progress !== 'number' || !(progress >= 0 && progress <= 100)) return undefined
  const message = member(reply, 'message')
  return { percent: Math.floor(progress), message: typeof message === 'string' && message !== '' ? shortened(message) : null }
}

const MESSAGE_LENGTH_MAX = 500

// Half a surrogate pair would come back from a record as something else.
function shortened(message: string): string {
  return message.slice(0, MESSAGE_LENGTH_MAX).toWellFormed()
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return (value as Readonly<Record<string, unknown>>)[name] ?? undefined
}
