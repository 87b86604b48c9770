import { CloudEvent, Kafka } from 'cloudevents'

/** Contract page, "Results on a topic". */
export const RESULT_TYPE = 'org.onap.cps.ncmp.events.async1_0_0.DataJobEvent'
/** Ours: the last record of a job. */
export const COMPLETION_TYPE = 'org.onap.cps.ncmp.events.async1_0_0.DataJobCompletionEvent'

export interface EventAttributes {
  readonly id: string
  readonly type: typeof RESULT_TYPE | typeof COMPLETION_TYPE
  /** The DMI service that the results are from; empty: they are from us. */
  readonly service: string
  /** ISO 8601. */
  readonly time: string
  readonly jobId: string
  readonly destination: string
  readonly traceparent: string | null
  /** Null for an event that is whole. */
  readonly part: PartAttributes | null
}

/** Which piece of which result an event carries; docs/results.md, "Results in parts". */
export interface PartAttributes {
  /** The `id` in a `resultParts`. */
  readonly of: string
  /** From 0 on. */
  readonly index: number
  readonly count: number
}

/** The header of a part that names its result. */
export const PART_OF_HEADER = 'ce_partof'

/** The id of the last event of the job's run. */
export function completionId({ jobId, run }: { readonly jobId: string; readonly run: number }): string {
  return run === 1 ? `${jobId}/completion` : `${jobId}/completion.${run}`
}

// A batch's own header, the lengths within a record, those of a header: each a little more than it will be.
const RECORD_OVERHEAD_BYTES = 128
const HEADER_OVERHEAD_BYTES = 10

/** What a batch of this one event has beside its value. */
export function eventOverheadBytes(key: string, headers: Readonly<Record<string, string>>): number {
  let bytes = RECORD_OVERHEAD_BYTES + Buffer.byteLength(key)
  for (const name in headers) bytes += HEADER_OVERHEAD_BYTES + name.length + Buffer.byteLength(headers[name] as string)
  return bytes
}

/** A CloudEvent's attributes in Kafka's binary mode (CloudEvents Kafka protocol binding 1.0.2, section 3.2). */
export function eventHeaders(attributes: EventAttributes): Readonly<Record<string, string>> {
  const { id, type, service, time, jobId, destination, traceparent, part } = attributes
  const event = new CloudEvent({
    id,
    type,
    source: service === '' ? 'datajob' : `dmi.${encodeURI(service.toWellFormed())}`,
    time,
    dataschema: `urn:cps:${type}:1.0.0`,
    datacontenttype: 'application/json',
    correlationid: jobId,
    destination,
    ...(part === null ? {} : { partof: part.of, partindex: String(part.index), partcount: String(part.count) }),
  })
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(Kafka.binary(event).headers)) {
    // The library repeats the content type under a name that the binding does not have, and leaves absent ones undefined.
    if (typeof value === 'string' && name !== 'ce_datacontenttype') headers[name] = value
  }
  return traceparent === null ? headers : { ...headers, traceparent }
}

// Service names are the operator's, topics are clients': forgetting them costs a few microseconds each.
const MODELS_MAX = 1_000

/**
 * The same as {@link eventHeaders}, for many events: the first of a kind, which is all that has the same type, service and
 * destination, is made and checked by the library. The others differ from it in texts that it would put in as they are.
 */
export class EventHeaders {
  readonly #models = new Map<string, Readonly<Record<string, string>>>()

  of(attributes: EventAttributes): Readonly<Record<string, string>> {
    const { id, time, jobId, traceparent, part } = attributes
    const headers: Record<string, string> = { ...this.#modelOf(attributes), ce_id: id, ce_time: time, ce_correlationid: jobId }
    if (part !== null) {
      headers[PART_OF_HEADER] = part.of
      headers['ce_partindex'] = String(part.index)
      headers['ce_partcount'] = String(part.count)
    }
    if (traceparent !== null) headers['traceparent'] = traceparent
    return headers
  }

  #modelOf(attributes: EventAttributes): Readonly<Record<string, string>> {
    const { type, service, destination, part } = attributes
    // A topic has no spaces in it, so that no two kinds have one key.
    const kind = `${type} ${part === null ? 'whole' : 'part'} ${destination} ${service}`
    const known = this.#models.get(kind)
    if (known !== undefined) return known
    const model = eventHeaders({ ...attributes, traceparent: null })
    if (this.#models.size >= MODELS_MAX) this.#models.clear()
    this.#models.set(kind, model)
    return model
  }
}
