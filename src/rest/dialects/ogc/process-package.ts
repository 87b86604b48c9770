/** What is deployed: a process with what carries it out (OGC 20-044, OGC application package; or CWL by itself). */
import type { ExecutionMode, ExecutionUnit } from '../../../domain/inventory-messages.ts'
import type { OfferedProcess } from '../../../inventory/process-index.ts'
import type { ServerDependencies } from '../../dependencies.ts'
import { clip, Refusal } from '../../errors.ts'
import { CWL_TYPE, EXEC_TYPE, mediaTypeOf } from '../../processes/execution-unit.ts'
import { requireUsable, UnusableSchema } from '../../processes/process-inputs.ts'
import { declaredIn } from '../../processes/process-schemas.ts'
import { describeCwl } from './cwl-description.ts'
import { OgcRefusal } from './exceptions.ts'

export interface ProcessPackage {
  readonly id: string
  readonly version: string
  /** JSON text; id, version and modes are not in it. */
  readonly description: string
  readonly modes: readonly ExecutionMode[]
  /** Null where a DMI service knows the process by its id. */
  readonly executionUnit: ExecutionUnit | null
  /** The DMI service that such a unit names; null for what runs on the exec producer. */
  readonly service: string | null
}

export interface SentPackage {
  readonly contentType: string
  readonly body: Buffer
  /** Which process of a CWL document is meant. */
  readonly workflowId: string | undefined
}

export const PACKAGE_TYPE = 'application/ogcapppkg+json'
export const DMI_TYPE = 'application/vnd.datajob.dmi+json'
const CWL_TYPES: ReadonlySet<string> = new Set([CWL_TYPE, `${CWL_TYPE}+yaml`, `${CWL_TYPE}+json`])
export const TAKEN_TYPES = [PACKAGE_TYPE, ...CWL_TYPES]

const ID = /^(?!\.{1,2}$)[\w.:~@+-]{1,256}$/
const VERSION_DEFAULT = '1.0.0'
const DESCRIPTION_LENGTH_MAX = 256 * 1024
const UNIT_LENGTH_MAX = 512 * 1024

type Members = Readonly<Record<string, unknown>>
type FetchDocument = ServerDependencies['fetchDocument']

/** A unit that is elsewhere is fetched. Throws a 400 that names what is wrong, a 415 on another type. */
export async function readPackage({ contentType, body, workflowId }: SentPackage, fetchDocument: FetchDocument): Promise<ProcessPackage> {
  const { type } = mediaTypeOf(contentType)
  const text = body.toString()
  if (CWL_TYPES.has(type)) return ofCwl(text, workflowId, {})
  if (type !== PACKAGE_TYPE && type !== 'application/json') {
    const details = `Send one of ${TAKEN_TYPES.join(', ')}.`
    throw new OgcRefusal(415, 'unsupported-media-type', `Content type "${clip(contentType)}" is not taken`, { details })
  }
  const sent = objectIn(text)
  const unit = soleUnit(await inlined(sent['executionUnit'], fetchDocument))
  const described = describedIn(sent['processDescription'])
  if (unit.type === CWL_TYPE) return ofCwl(unit.text, workflowId ?? unit.workflowId, described)
  return checked({ described, unit: unit.type === DMI_TYPE ? null : { mediaType: unit.type, text: unit.text }, service: unit.service })
}

/** The process as it would be deployed anew. */
export function packageOf({ id, version, description, modes, executionUnit, service }: OfferedProcess): object {
  const jobControlOptions = modes.map((mode) => `${mode}-execute`)
  const processDescription = { ...(JSON.parse(description) as object), id, version, jobControlOptions }
  if (executionUnit === null) return { processDescription, executionUnit: { mediaType: DMI_TYPE, value: { service } } }
  const { mediaType, text } = executionUnit
  return { processDescription, executionUnit: { mediaType, value: mediaType === EXEC_TYPE ? (JSON.parse(text) as unknown) : text } }
}

function ofCwl(text: string, asked: string | undefined, described: Members): ProcessPackage {
  const { id, version, description, workflowId } = describeCwl(text, asked)
  const mediaType = workflowId === null ? CWL_TYPE : `${CWL_TYPE}; w="${workflowId}"`
  return checked({ described: { id, version, ...description, ...described }, unit: { mediaType, text }, service: null })
}

interface Read {
  readonly described: Members
  readonly unit: ExecutionUnit | null
  readonly service: string | null
}

function checked({ described, unit, service }: Read): ProcessPackage {
  const { id, version, jobControlOptions, outputTransmission: _given, links: _links, mutable: _mutable, ...rest } = described
  if (typeof id !== 'string' || !ID.test(id)) {
    const details = 'It has 1 to 256 letters, digits, "_", ".", ":", "~", "@", "+" or "-".'
    throw new Refusal(400, `The process’s id ${typeof id === 'string' ? `"${clip(id)}" can’t be used` : 'is missing'}`, { details })
  }
  const description = JSON.stringify(rest)
  requireLength('processDescription', description, DESCRIPTION_LENGTH_MAX)
  if (unit !== null) requireLength('executionUnit', unit.text, UNIT_LENGTH_MAX)
  const modes = modesOf(jobControlOptions)
  requireSchemas(description)
  const known = typeof version === 'string' || typeof version === 'number' ? String(version) : VERSION_DEFAULT
  return { id, version: known, description, modes, executionUnit: unit, service }
}

// Inputs are checked against these schemas from now on; that the outputs' are schemas is all that is asked of them.
function requireSchemas(description: string): void {
  const { inputs, outputs } = declaredIn({ description })
  try {
    for (const declared of [inputs, outputs]) requireUsable(declared)
  } catch (error) {
    if (error instanceof UnusableSchema) throw new Refusal(400, error.message.replace(/^input/, 'processDescription, input or output'))
    throw error
  }
}

const controlOptions: Readonly<Record<string, ExecutionMode | null>> = { 'sync-execute': 'sync', 'async-execute': 'async', dismiss: null }

function modesOf(options: unknown): readonly ExecutionMode[] {
  if (options === undefined || (Array.isArray(options) && options.length === 0)) return ['async']
  const named = [options].flat().map((option) => (typeof option === 'string' ? option : JSON.stringify(option)))
  const unknown = named.find((option) => !Object.hasOwn(controlOptions, option))
  if (unknown !== undefined) {
    const details = `Known are: ${Object.keys(controlOptions).join(', ')}.`
    throw new Refusal(400, `processDescription.jobControlOptions: "${clip(unknown)}" is not known`, { details })
  }
  const modes = [...new Set(named.flatMap((option) => controlOptions[option] ?? []))]
  return modes.length === 0 ? ['async'] : modes
}

/** The units with what a link leads to in its place: `{href, type}` is a link, as the standard has them. */
async function inlined(given: unknown, fetchDocument: FetchDocument): Promise<unknown> {
  const [unit, ...others] = Array.isArray(given) ? (given as readonly unknown[]) : [given]
  if (typeof unit !== 'object' || unit === null || others.length > 0) return given
  const { href, type, mediaType } = unit as Members
  if (href === undefined) return given
  if (typeof href !== 'string') throw new Refusal(400, 'executionUnit.href is no text', { details: UNITS })
  const fetched = await fetchDocument(href)
  if (!fetched.ok) {
    const details = `${fetched.reason}. Or send it as value.`
    throw new Refusal(400, `executionUnit.href: "${clip(href)}" can’t be fetched`, { details })
  }
  return { mediaType: mediaType ?? type ?? fetched.contentType, value: fetched.text }
}

interface SentUnit {
  readonly type: typeof CWL_TYPE | typeof EXEC_TYPE | typeof DMI_TYPE
  readonly text: string
  readonly workflowId: string | undefined
  readonly service: string | null
}

/** `{mediaType, value}`, or a list of one; the value as JSON or as a text. */
function soleUnit(given: unknown): SentUnit {
  const units: readonly unknown[] = Array.isArray(given) ? given : [given]
  const [unit] = units
  if (typeof unit !== 'object' || unit === null || units.length > 1) {
    throw new Refusal(400, 'executionUnit is missing, or is not exactly one', { details: UNITS })
  }
  const { mediaType, type, value } = unit as Members
  const named = mediaTypeOf([mediaType, type].find((each) => typeof each === 'string') ?? '')
  const unitType = CWL_TYPES.has(named.type) ? CWL_TYPE : named.type
  if (unitType !== CWL_TYPE && unitType !== EXEC_TYPE && unitType !== DMI_TYPE) {
    throw new Refusal(400, `executionUnit.mediaType: "${clip(named.type)}" can’t be carried out here`, { details: UNITS })
  }
  if (value === undefined || value === null) throw new Refusal(400, 'executionUnit.value is missing', { details: UNITS })
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (unitType === EXEC_TYPE) void objectIn(text)
  const service = unitType === DMI_TYPE ? serviceIn(text) : null
  return { type: unitType, text, workflowId: named.parameters.get('w'), service }
}

const UNITS =
  'It is {"mediaType", "value"} with a CWL document, a command of the exec producer or a DMI service: ' +
  `${[CWL_TYPE, EXEC_TYPE, DMI_TYPE].join(', ')}.`

function serviceIn(text: string): string {
  const { service } = objectIn(text)
  if (typeof service === 'string' && service !== '') return service
  throw new Refusal(400, 'executionUnit.value.service is missing', { details: 'It names a registered DMI service.' })
}

function describedIn(given: unknown): Members {
  if (given === undefined) return {}
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw new Refusal(400, 'processDescription is no object')
  return given as Members
}

function objectIn(text: string): Members {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members
  } catch (cause) {
    throw new Refusal(400, 'The body is not valid JSON', { cause })
  }
  throw new Refusal(400, 'The body is no JSON object')
}

function requireLength(name: string, text: string, max: number): void {
  if (text.length > max) throw new Refusal(413, `${name} has ${text.length} characters, more than the ${max} allowed`)
}
