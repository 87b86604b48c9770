/**
 * Reads the body of a submitted job from its bytes, in any of its spellings (contract page, "Client → us"). The grammar
 * of an operation is the command topic's own, so that a job means the same whichever door it comes through.
 */
import { isUtf8 } from 'node:buffer'
import { Compile } from 'typebox/compile'
import { membersByName, parseOperation } from '../../../codec/command-operation.ts'
import { oneOf, parse, text, textLike } from '../../../codec/command-values.ts'
import { JsonArrayScanner } from '../../../codec/json-array-scanner.ts'
import { JsonScanError } from '../../../codec/json-scan-error.ts'
import { NESTING_MAX } from '../../../codec/operation-texts.ts'
import { Undecodable } from '../../../codec/undecodable.ts'
import type { JobKind, Operation } from '../../../domain/operation.ts'
import { clip, Refusal } from '../../errors.ts'
import { DATA_ACCEPT_TYPES, DATA_CONTENT_TYPE_DEFAULT, readOptionsSchema } from './schemas.ts'

export interface NcmpRequest {
  readonly jobId: string | null
  /** As the body says it; the query may say it, too. */
  readonly destination: string | null
  readonly dataAcceptType: string
  readonly dataContentType: string
  readonly kind: JobKind
  readonly operations: readonly Operation[]
  /** Where the operations stand in the body. */
  readonly operationsField: string
}

/** One operation may be as large as the command that it goes into. */
export interface RequestLimits {
  readonly operationBytesMax: number
}

/** Throws a 400 that names what is wrong and where, or a 413 on an operation that is too large. */
export function readJobRequest(body: Buffer, limits: RequestLimits): NcmpRequest {
  if (body.length === 0) throw new Refusal(400, 'The body is empty', { details: 'Send a job as JSON.' })
  if (!isUtf8(body)) throw new Refusal(400, 'The body is not valid UTF-8')
  const scanned = scan(body, limits)
  let field = 'data'
  try {
    const envelope = readEnvelope(scanned.envelope)
    field = envelope.operationsField
    if (!scanned.found) throw new Undecodable(`${field}: a job has an array of operations`)
    const operations = scanned.elements.map(parseOperation)
    operations.forEach(checkOperation)
    return { ...envelope, operations, kind: envelope.kind ?? kindOf(operations) }
  } catch (error) {
    if (error instanceof Undecodable) throw new Refusal(400, inClientsTerms(error.message, field), { cause: error })
    throw error
  }
}

function inClientsTerms(message: string, operationsField: string): string {
  return message.replace(/^operations/, operationsField).replace(/^: it /, 'The body ')
}

// The members beside the operations: an id, two media types, a destination.
const ENVELOPE_BYTES_MAX = 16 * 1024

interface Scanned {
  readonly elements: readonly Buffer[]
  /** The body with its operations left out. */
  readonly envelope: Buffer
  readonly found: boolean
}

function scan(body: Buffer, { operationBytesMax }: RequestLimits): Scanned {
  const scanner = new JsonArrayScanner({
    paths: [['data'], ['dataJobReadRequest', 'data'], ['dataJobWriteRequest', 'data']],
    elementBytesMax: operationBytesMax,
    envelopeBytesMax: ENVELOPE_BYTES_MAX,
    depthMax: NESTING_MAX,
  })
  try {
    const elements = scanner.push(body)
    const { bytes, found } = scanner.end()
    return { elements, envelope: bytes, found }
  } catch (error) {
    if (!(error instanceof JsonScanError)) throw error
    const isTooLarge = error.code === 'element-too-large' || error.code === 'envelope-too-large'
    const message = isTooLarge ? 'A part of the body is too large' : 'The body is not the JSON of a job'
    throw new Refusal(isTooLarge ? 413 : 400, message, { details: error.message, cause: error })
  }
}

type Envelope = Omit<NcmpRequest, 'kind' | 'operations'> & { readonly kind: JobKind | null }

const requestKinds = new Map<string, JobKind | null>([
  ['data', null],
  ['dataJobReadRequest', 'READ'],
  ['dataJobWriteRequest', 'WRITE'],
])
const REQUESTS = [...requestKinds.keys()]
const PLAIN_MEMBERS = ['jobId', 'dataaccepttype', 'datacontenttype', 'data']
const ALL_MEMBERS = [...new Set([...PLAIN_MEMBERS, 'dataJobMetadata', ...REQUESTS])]
const METADATA_MEMBERS = ['destination', 'dataAcceptType', 'dataContentType']

/** @throws Undecodable */
function readEnvelope(bytes: Buffer): Envelope {
  const all = membersByName(bytes, '', ALL_MEMBERS)
  const [request, another] = REQUESTS.filter((name) => all.has(name))
  if (request === undefined || another !== undefined) {
    const found = another === undefined ? 'none' : 'several'
    throw new Undecodable(`a job has exactly one of ${REQUESTS.join(', ')}; this one has ${found}`)
  }
  const kind = requestKinds.get(request) ?? null
  const isPlain = request === 'data'
  const given = membersByName(bytes, '', isPlain ? PLAIN_MEMBERS : ['jobId', 'dataJobMetadata', request])
  if (!isPlain) membersByName(given.get(request) ?? Buffer.of(), request, ['data'])
  const metadata = given.get('dataJobMetadata')
  const described = metadata === undefined ? given : membersByName(metadata, 'dataJobMetadata', METADATA_MEMBERS)
  const at = metadata === undefined ? '' : 'dataJobMetadata.'
  const [acceptName, contentName] = isPlain ? ['dataaccepttype', 'datacontenttype'] : ['dataAcceptType', 'dataContentType']
  return {
    jobId: textOf(given, 'jobId', ''),
    destination: textOf(described, 'destination', at),
    dataAcceptType: valueOf(described, acceptName, at, oneOf(DATA_ACCEPT_TYPES)) ?? DATA_ACCEPT_TYPES[0],
    dataContentType: valueOf(described, contentName, at, mediaType) ?? DATA_CONTENT_TYPE_DEFAULT,
    kind,
    operationsField: isPlain ? 'data' : `${request}.data`,
  }
}

// RFC 9110, 8.3.1, without quoted parameters.
const mediaType = textLike(/^(?=.{3,255}$)[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?: *; *[\w.+-]+=[\w.+-]+)*$/, 'a media type')

function textOf(members: ReadonlyMap<string, Buffer>, name: string, at: string): string | null {
  return valueOf(members, name, at, text)
}

function valueOf<T>(
  members: ReadonlyMap<string, Buffer>,
  name: string,
  at: string,
  read: (value: unknown, field: string) => T,
): T | null {
  const raw = members.get(name)
  return raw === undefined ? null : read(parse(raw, at + name), at + name)
}

const readOptions = Compile(readOptionsSchema)
const READ_OPTIONS = Object.keys(readOptionsSchema.properties).join(', ')

/** @throws Undecodable */
function checkOperation(operation: Operation, position: number): void {
  const { op, path, operationId, value, options } = operation
  const at = `operations[${position}]`
  if (op === 'read' && value !== null) throw new Undecodable(`${at}.value: a read has none`)
  if (op !== 'read' && options !== null) throw new Undecodable(`${at}: only a read has ${READ_OPTIONS}`)
  // Half a surrogate pair has no UTF-8, so another text would be written and reported.
  if (!path.isWellFormed()) throw new Undecodable(`${at}.path: it holds half a surrogate pair`)
  if (!String(operationId).isWellFormed()) throw new Undecodable(`${at}.operationId: it holds half a surrogate pair`)
  if (options === null) return
  const [fault] = readOptions.Errors(JSON.parse(options))
  if (fault === undefined) return
  const name = fault.instancePath.split('/')[1] ?? ''
  throw new Undecodable(`${at}.${clip(name)}: ${whatOptionsAre[name] ?? fault.message}`)
}

const TEXT_OR_LIST = 'it is neither a text nor a list of texts'
const whatOptionsAre: Readonly<Record<string, string>> = {
  attributes: TEXT_OR_LIST,
  fields: TEXT_OR_LIST,
  filter: 'it is not a text',
  scopeType: `it is not one of ${readOptionsSchema.properties.scopeType.enum.join(', ')}`,
  scopeLevel: 'it is not a whole number from 0 on',
}

/** @throws Undecodable */
function kindOf(operations: readonly Operation[]): JobKind {
  const reads = operations.filter(({ op }) => op === 'read').length
  if (reads === 0) return 'WRITE'
  if (reads === operations.length) return 'READ'
  throw new Undecodable(`operations: ${reads} of ${operations.length} read and the others write; a job does one of the two`)
}
