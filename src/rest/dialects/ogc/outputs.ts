/** What an execution has yielded, from what its producer says of the operation. */
import { CWL_TYPE, mediaTypeOf } from '../../processes/execution-unit.ts'
import type { OfferedProcess } from '../../../inventory/process-index.ts'
import type { WantedOutputs } from './execute-schemas.ts'

export type OutputValue =
  | { readonly type: 'inline'; readonly value: unknown }
  | { readonly type: 'reference'; readonly href: string; readonly mediaType: string | null }

/** By name, in the order in which the producer has them. */
export type Outputs = ReadonlyMap<string, OutputValue>

/** `result` is the operation's. Of an output that was not wanted nothing is said; of a process without a description, all. */
export function outputsOf(result: unknown, unit: OfferedProcess['executionUnit'], wanted: WantedOutputs | undefined): Outputs {
  const isCwl = unit !== null && mediaTypeOf(unit.mediaType).type === CWL_TYPE
  const found = Object.entries(namedValues(result)).map(([name, value]): [string, OutputValue] => {
    return [name, isCwl ? ofCwl(value) : ofJson(value)]
  })
  return new Map(wanted === undefined ? found : found.filter(([name]) => Object.hasOwn(wanted, name)))
}

/** A producer says `{outputs: {name: value}}`, or all values by their names; of a command that names none, its files are they. */
function namedValues(result: unknown): object {
  if (!isObject(result)) return { result }
  const { outputs, files } = result
  if (isObject(outputs)) return outputs
  if (!Array.isArray(files)) return outputs === undefined || outputs === null ? result : { outputs }
  return Object.fromEntries(files.filter(isObject).map(({ name, uri, mediaType }) => [String(name), { href: uri, type: mediaType }]))
}

const LINK_MEMBERS: ReadonlySet<string> = new Set(['href', 'rel', 'type', 'hreflang', 'title', 'length'])

function ofJson(value: unknown): OutputValue {
  const isLink = isObject(value) && typeof value['href'] === 'string' && Object.keys(value).every((name) => LINK_MEMBERS.has(name))
  return isLink ? reference(String(value['href']), value['type']) : { type: 'inline', value }
}

const CATALOG = 'catalog.json'

// A folder that is a STAC catalog is told of as the ADES does; of any other there is nothing to say but where it is.
function ofCwl(value: unknown): OutputValue {
  if (!isObject(value) || typeof value['location'] !== 'string') return { type: 'inline', value: withoutPlaces(value) }
  const { location, listing, format } = value
  if (value['class'] !== 'Directory') return reference(location, format)
  const names = Array.isArray(listing) ? listing.filter(isObject).map(({ basename }) => basename) : []
  const folder = location.endsWith('/') ? location : `${location}/`
  return names.includes(CATALOG) ? { type: 'inline', value: { StacCatalogUri: `${folder}${CATALOG}` } } : reference(folder, undefined)
}

function withoutPlaces(value: unknown): unknown {
  if (!Array.isArray(value)) return value
  return value.map((each) => {
    const output = ofCwl(each)
    return output.type === 'inline' ? output.value : linkOf(output)
  })
}

function reference(href: string, mediaType: unknown): OutputValue {
  return { type: 'reference', href, mediaType: typeof mediaType === 'string' ? mediaType : null }
}

/** A link as JSON has it. */
export function linkOf({ href, mediaType }: Extract<OutputValue, { readonly type: 'reference' }>): object {
  return { href, ...(mediaType === null ? {} : { type: mediaType }) }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
