import { JsonScanError } from '../../codec/json-scan-error.ts'
import { type ResultLimits, responsesIn, type SubjobResponse, SubjobResultError } from '../../dmi/responses.ts'
import type { InputRecord } from '../../kafka/port.ts'

/** What a plugin wrote to a topic of its own: a CloudEvent in binary mode (contract page, "Results on a topic"). */
export interface ResultEvent {
  readonly partition: number
  readonly offset: number
  readonly correlationId: string
  /** Empty where the event has none. */
  readonly source: string
  /** As its writer, or the broker, has it. */
  readonly writtenAt: number
  readonly value: Buffer
}

/** Null for a record that is no such event. */
export function resultEventOf({ partition, offset, value, headers, timestampMs }: InputRecord): ResultEvent | null {
  const correlationId = headers['ce_correlationid'] ?? ''
  if (correlationId === '' || value === null) return null
  return { partition, offset, correlationId, source: headers['ce_source'] ?? '', writtenAt: timestampMs, value }
}

export type EventResponses =
  | { readonly ok: true; readonly responses: readonly SubjobResponse[] }
  | { readonly ok: false; readonly cause: string }

/** The responses of an event, or why it has none that could be read. */
export function eventResponses({ value }: ResultEvent, limits: ResultLimits): EventResponses {
  try {
    return { ok: true, responses: responsesIn(value, limits) }
  } catch (error) {
    if (error instanceof JsonScanError || error instanceof SubjobResultError) return { ok: false, cause: error.message }
    throw error
  }
}

const SOURCE_PREFIX = 'dmi.'

/**
 * Whether an event with that `ce_source` may be of the service: it names the service, as our own events do or by itself, or
 * it names none. Plugins write things like "DMI" there, so only a source that names another service is another's.
 */
export function isSourceOf(source: string, service: string, isService: (name: string) => boolean): boolean {
  const isPrefixed = source.startsWith(SOURCE_PREFIX)
  const name = isPrefixed ? source.slice(SOURCE_PREFIX.length) : source
  if (name === service || name === encodeURI(service.toWellFormed())) return true
  return !isPrefixed && !isService(source)
}
