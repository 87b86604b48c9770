/** What a CWL document says of its process, in the words of a process description (OGC 20-044; CWL v1.2). */
import { parse, YAMLParseError } from 'yaml'
import { clip, Refusal } from '../../errors.ts'
import { CWL_CLASS } from '../../processes/execution-unit.ts'
import { OgcRefusal } from './exceptions.ts'

type Members = Readonly<Record<string, unknown>>

export interface DescribedCwl {
  readonly id: string | null
  readonly version: string | null
  readonly description: Members
  /** Which process of the document it is; null where it has one only. */
  readonly workflowId: string | null
}

const ALIASES_MAX = 100
const JSON_TYPES: Readonly<Record<string, string>> = {
  ...{ string: 'string', boolean: 'boolean', int: 'integer', long: 'integer', float: 'number', double: 'number' },
}

/** `workflowId` picks one of several. Throws a 400 on what is no CWL document, or has no such process. */
export function describeCwl(text: string, workflowId: string | undefined): DescribedCwl {
  const document = membersOf(parsed(text))
  if (typeof document['cwlVersion'] !== 'string') {
    throw new Refusal(400, 'The document has no cwlVersion', { details: 'Send a CWL document.' })
  }
  const process = '$graph' in document ? processIn(document['$graph'], workflowId) : soleProcess(document, workflowId)
  const id = nameOf(process['id'])
  return {
    id,
    version: textOf(document['s:softwareVersion'] ?? document['s:version'] ?? process['s:softwareVersion'] ?? process['s:version']),
    description: {
      ...optional('title', textOf(process['label'])),
      ...optional('description', docOf(process['doc'])),
      inputs: Object.fromEntries(entriesOf(process['inputs']).map(([name, input]) => [name, inputOf(input)])),
      outputs: Object.fromEntries(entriesOf(process['outputs']).map(([name, output]) => [name, outputOf(output)])),
    },
    workflowId: '$graph' in document ? id : null,
  }
}

function parsed(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: ALIASES_MAX, prettyErrors: false })
  } catch (cause) {
    const reason = cause instanceof YAMLParseError || cause instanceof ReferenceError ? cause.message : String(cause)
    throw new Refusal(400, 'The document is neither YAML nor JSON', { details: clip(reason) })
  }
}

function soleProcess(document: Members, workflowId: string | undefined): Members {
  const id = nameOf(document['id'])
  if (workflowId !== undefined && workflowId !== id) throw notFound(workflowId, id === null ? [] : [id])
  return document
}

/** Without a name it is `main`, or else the only workflow, or else the only process. */
function processIn(graph: unknown, workflowId: string | undefined): Members {
  const processes = Array.isArray(graph) ? graph.map(membersOf) : []
  const names = processes.map(({ id }) => nameOf(id) ?? '')
  const named = (name: string): Members | undefined => processes[names.indexOf(name)]
  if (workflowId !== undefined) {
    const found = named(workflowId)
    if (found === undefined) throw notFound(workflowId, names)
    return found
  }
  const workflows = processes.filter((process) => process['class'] === 'Workflow')
  const [sole, ...others] = workflows.length > 0 ? workflows : processes
  const chosen = named('main') ?? (others.length === 0 ? sole : undefined)
  if (chosen === undefined) throw notFound(null, names)
  return chosen
}

function notFound(workflowId: string | null, names: readonly string[]): OgcRefusal {
  const missing = `The document has no process "${clip(workflowId ?? '')}"`
  const message = workflowId === null ? 'Which process of the document is meant is not said' : missing
  return new OgcRefusal(400, 'workflow-not-found', message, { details: `Say which with ?w=: it has ${clip(names.join(', ')) || 'none'}.` })
}

interface CwlType {
  readonly schema: Members
  readonly isOptional: boolean
  readonly isList: boolean
}

function inputOf(input: Members): object {
  const { schema, isOptional, isList } = typeOf(input['type'], input['format'])
  const hasDefault = input['default'] !== undefined && input['default'] !== null
  return {
    ...described(input),
    ...(isOptional || hasDefault ? { minOccurs: 0 } : {}),
    ...(isList ? { maxOccurs: 'unbounded' } : {}),
    schema: hasDefault && !isList ? { ...schema, default: input['default'] } : schema,
  }
}

function outputOf(output: Members): object {
  const { schema, isList } = typeOf(output['type'], output['format'])
  return { ...described(output), schema: isList ? { type: 'array', items: schema } : schema }
}

function typeOf(type: unknown, format: unknown): CwlType {
  if (Array.isArray(type)) {
    const [sole, ...others] = type.filter((each) => each !== 'null').map((each) => typeOf(each, format))
    const isOptional = type.includes('null')
    // What may be of several types is the runner's to check.
    return sole === undefined || others.length > 0 ? { schema: {}, isOptional, isList: false } : { ...sole, isOptional }
  }
  if (typeof type === 'string' && type.endsWith('?')) return { ...typeOf(type.slice(0, -1), format), isOptional: true }
  if (typeof type === 'string' && type.endsWith('[]')) return listOf(type.slice(0, -2), format)
  const { type: name, items, symbols } = membersOf(type)
  if (name === 'array') return listOf(items, format)
  if (name === 'enum' && Array.isArray(symbols)) return one({ type: 'string', enum: symbols.map((symbol) => nameOf(symbol)) })
  if (type === 'File' || type === 'Directory') return one({ ...placeSchema(format), [CWL_CLASS]: type })
  const known = typeof type === 'string' ? JSON_TYPES[type] : undefined
  return one(known === undefined ? {} : { type: known })
}

function listOf(items: unknown, format: unknown): CwlType {
  const { schema, isList } = typeOf(items, format)
  return { schema: isList ? { type: 'array', items: schema } : schema, isOptional: false, isList: true }
}

function one(schema: Members): CwlType {
  return { schema, isOptional: false, isList: false }
}

function placeSchema(format: unknown): Members {
  const mediaType = typeof format === 'string' && /^[\w.+-]+\/[\w.+-]+$/.test(format) ? format : null
  return { type: 'string', format: 'uri', ...optional('contentMediaType', mediaType) }
}

function described(parameter: Members): Members {
  return { ...optional('title', textOf(parameter['label'])), ...optional('description', docOf(parameter['doc'])) }
}

/** CWL's lists and maps are the same; a map's value may be its type alone. */
function entriesOf(value: unknown): readonly (readonly [string, Members])[] {
  if (Array.isArray(value)) return value.map(membersOf).map((each) => [nameOf(each['id']) ?? '', each])
  return Object.entries(membersOf(value)).map(([name, each]) => [name, isParameter(each) ? each : { type: each }])
}

// An array type is an object with a type, too, but its type is "array".
function isParameter(value: unknown): value is Members {
  const { type, items, symbols } = membersOf(value)
  return type !== undefined && items === undefined && symbols === undefined
}

function membersOf(value: unknown): Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : {}
}

/** The last part of an identifier such as `#main/text`. */
function nameOf(id: unknown): string | null {
  return typeof id === 'string' && id !== '' ? id.slice(Math.max(id.lastIndexOf('#'), id.lastIndexOf('/')) + 1) : null
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null
}

function docOf(value: unknown): string | null {
  return Array.isArray(value) ? value.map(String).join('\n') : textOf(value)
}

function optional(name: string, value: string | null): Members {
  return value === null ? {} : { [name]: value }
}
