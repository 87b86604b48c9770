/**
 * Inputs of an execution against the schemas of its process's description (OGC 18-062r2, 7.11.2: inline values, qualified values,
 * links, arrays of any of them).
 */
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { clip, Refusal } from '../errors.ts'

/** A value that the client has sent, or where it is. */
export type InputValue =
  | { readonly type: 'inline'; readonly value: unknown }
  | { readonly type: 'reference'; readonly href: string; readonly mediaType: string | null }

/** By the names of the inputs; a list for one that may have several values, also where it has one. */
export type Inputs = ReadonlyMap<string, InputValue | readonly InputValue[]>

interface Declared {
  readonly accepts: ValidateFunction
  readonly minOccurs: number
  readonly maxOccurs: number
}

export interface DeclaredInput {
  readonly schema: object
  readonly minOccurs?: number
  readonly maxOccurs?: number | 'unbounded'
}

const HREF_LENGTH_MAX = 8_192
// A reference with a scheme; what it leads to is the process's affair, and nothing here follows it.
const ABSOLUTE_URI = /^[a-z][a-z0-9+.-]*:\S+$/i

/** A description's inputs can't be checked against: the schema of the input named is none. */
export class UnusableSchema extends Error {
  override readonly name = 'UnusableSchema'
}

export class ProcessInputs {
  readonly #declared: ReadonlyMap<string, Declared>

  /** Throws UnusableSchema. */
  constructor(inputs: Readonly<Record<string, DeclaredInput>>) {
    this.#declared = declaredIn(inputs)
  }

  /** Throws a 400 that names the input. */
  read(given: Readonly<Record<string, unknown>>): Inputs {
    const unknown = Object.keys(given).find((name) => !this.#declared.has(name))
    if (unknown !== undefined) throw unknownInput(unknown, [...this.#declared.keys()])
    const inputs = new Map<string, InputValue | readonly InputValue[]>()
    for (const [name, declared] of this.#declared) {
      const value = Object.hasOwn(given, name) ? given[name] : undefined
      if (value !== undefined) inputs.set(name, read(name, value, declared))
      else if (declared.minOccurs > 0) throw missingInput(name)
    }
    return inputs
  }
}

/** Throws UnusableSchema. */
export function requireUsable(declarations: Readonly<Record<string, DeclaredInput>>): void {
  declaredIn(declarations)
}

function declaredIn(declarations: Readonly<Record<string, DeclaredInput>>): ReadonlyMap<string, Declared> {
  // Schemas come with OpenAPI's own words, and with formats that are only names.
  const ajv = new Ajv2020({ strict: false, allErrors: false, logger: false, validateFormats: true, ownProperties: true })
  addFormats.default(ajv)
  return new Map(Object.entries(declarations).map(([name, input]) => [name, declaredOf(ajv, name, input)]))
}

function declaredOf(ajv: Ajv2020, name: string, { schema, minOccurs = 1, maxOccurs = 1 }: DeclaredInput): Declared {
  try {
    return { accepts: ajv.compile(schema), minOccurs, maxOccurs: maxOccurs === 'unbounded' ? Infinity : maxOccurs }
  } catch (cause) {
    throw new UnusableSchema(`input "${clip(name)}": its schema is none: ${clip(String(cause))}`, { cause })
  }
}

function read(name: string, given: unknown, declared: Declared): InputValue | readonly InputValue[] {
  const { accepts, minOccurs, maxOccurs } = declared
  if (maxOccurs === 1) return valueOf(name, given, accepts)
  // An array is several values, unless one value may be an array.
  const isSeveral = Array.isArray(given) && !accepts(given)
  const values = isSeveral ? (given as readonly unknown[]) : [given]
  if (values.length < minOccurs || values.length > maxOccurs) {
    throw new Refusal(400, `body inputs.${clip(name)} has ${values.length} values`, { details: `It takes ${rangeOf(declared)}.` })
  }
  return values.map((value, at) => valueOf(isSeveral ? `${name}.${at}` : name, value, accepts))
}

// A value that the schema takes as it is, is one, also where it looks like a wrapper or a link (contract page).
function valueOf(name: string, given: unknown, accepts: ValidateFunction): InputValue {
  if (accepts(given)) return { type: 'inline', value: given }
  const fault = accepts.errors?.[0]
  const { value, href, type } = membersOf(given)
  if (value !== undefined) {
    if (accepts(value)) return { type: 'inline', value }
    throw wrongInput(name, accepts.errors?.[0])
  }
  if (href === undefined) throw wrongInput(name, fault)
  if (typeof href !== 'string' || href.length > HREF_LENGTH_MAX || !ABSOLUTE_URI.test(href)) {
    throw new Refusal(400, `body inputs.${clip(name)}.href is no absolute URI of up to ${HREF_LENGTH_MAX} characters`)
  }
  return { type: 'reference', href, mediaType: typeof type === 'string' ? type : null }
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

function rangeOf({ minOccurs, maxOccurs }: Declared): string {
  return maxOccurs === Infinity ? `${minOccurs} or more` : `${minOccurs} to ${maxOccurs}`
}

function wrongInput(name: string, fault: ErrorObject | undefined): Refusal {
  const within = clip((fault?.instancePath ?? '').replaceAll('/', '.'))
  return new Refusal(400, `body inputs.${clip(name)}${within} ${fault?.message ?? 'is not what its schema takes'}`, {
    details: 'The description of the process has its schema: GET …/processes/{id}.',
  })
}

function missingInput(name: string): Refusal {
  return new Refusal(400, `body inputs.${clip(name)} is missing`, { details: 'The process can’t do without it.' })
}

function unknownInput(name: string, known: readonly string[]): Refusal {
  const details = known.length === 0 ? 'The process has none.' : `The process has: ${known.map(clip).join(', ')}.`
  return new Refusal(400, `body inputs.${clip(name)} is no input of the process`, { details })
}
