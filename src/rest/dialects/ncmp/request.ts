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
import type { Fault } from '../../../domain/submission.ts'
import { clip, Refusal } from '../../errors.ts'
import { DATA_ACCEPT_TYPES, DATA_CONTENT_TYPE_DEFAULT, readOptionsSchema } from './schemas.ts'

/** What a body says beside its operations. */
export interface NcmpEnvelope {
  readonly jobId: string | null
  /** As the body says it; the query may say it, too. */
  readonly destination: string | null
  readonly dataAcceptType: string
  readonly dataContentType: string
  readonly kind: JobKind
  /** Where the operations stand in the body. */
  readonly operationsField: string
}

export interface NcmpRequest extends NcmpEnvelope {
  readonly operations: readonly Operation[]
}

/** One operation may be as large as the command that it goes into. */
export interface RequestLimits {
  readonly operationBytesMax: number
}

/** The whole of a body that is there at once. Throws as {@link JobRequestReader} does. */
export function readJobRequest(body: Buffer, limits: RequestLimits): NcmpRequest {
  const reader = new JobRequestReader(limits)
  const operations = reader.push(body)
  return { ...reader.end(), operations }
}

// The members beside the operations: an id, two media types, a destination.
const ENVELOPE_BYTES_MAX = 16 * 1024

/**
 * Reads a body that comes in chunks. Throws a 400 that names what is wrong and where, or a 413 on an operation that is too
 * large; it is of no further use then.
 */
export class JobRequestReader {
  readonly #scanner: JsonArrayScanner
  #bytes = 0
  #count = 0
  #kind: JobKind | null = null

  constructor({ operationBytesMax }: RequestLimits) {
    this.#scanner = new JsonArrayScanner({
      paths: [['data'], ['dataJobReadRequest', 'data'], ['dataJobWriteRequest', 'data']],
      elementBytesMax: operationBytesMax,
      envelopeBytesMax: ENVELOPE_BYTES_MAX,
      depthMax: NESTING_MAX,
    })
  }

  /** What the operations so far do; a job without any writes. */
  get kind(): JobKind {
    return this.#kind ?? 'WRITE'
  }

  /** The operations that end in the next bytes. */
  push(bytes: Buffer): readonly Operation[] {
    this.#bytes += bytes.length
    const elements = scanned(() => this.#scanner.push(bytes))
    return this.#inClientsTerms(() => elements.map((element) => this.#operation(element)))
  }

  end(): NcmpEnvelope {
    if (this.#bytes === 0) throw new Refusal(400, 'The body is empty', { details: 'Send a job as JSON.' })
    const { bytes, found } = scanned(() => this.#scanner.end())
    return this.#inClientsTerms(() => {
      const envelope = readEnvelope(bytes)
      if (!found) throw new Undecodable(`${envelope.operationsField}: a job has an array of operations`)
      return { ...envelope, kind: envelope.kind ?? this.kind }
    })
  }

  /** The refusal of an operation that is wrong in a way that the reader does not know. */
  refusalOf({ field, message }: Fault): Refusal {
    return new Refusal(400, `${field.replace(/^operations/, this.#operationsField)}: ${message}`)
  }

  get #operationsField(): string {
    return this.#scanner.path?.join('.') ?? 'data'
  }

  #operation(element: Buffer): Operation {
    const position = this.#count
    this.#count += 1
    if (!isUtf8(element)) {
      throw new Refusal(400, 'The body is not valid UTF-8', { details: `It is not in ${this.#operationsField}[${position}].` })
    }
    const operation = parseOperation(element, position)
    checkOperation(operation, position)
    const kind = operation.op === 'read' ? 'READ' : 'WRITE'
    this.#kind ??= requestKinds.get(this.#scanner.path?.[0] ?? '') ?? kind
    if (kind !== this.#kind && this.#scanner.path?.length === 1) {
      const [does, others] = kind === 'READ' ? ['reads', 'write'] : ['writes', 'read']
      throw new Undecodable(`operations[${position}].op: it ${does}, those before it ${others}; a job does one of the two`)
    }
    return operation
  }

  #inClientsTerms<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof Undecodable)) throw error
      const message = error.message.replace(/^operations/, this.#operationsField).replace(/^: it /, 'The body ')
      throw new Refusal(400, message, { cause: error })
    }
  }
}

function scanned<T>(scan: () => T): T {
  try {
    return scan()
  } catch (error) {
    if (!(error instanceof JsonScanError)) throw error
    const isTooLarge = error.code === 'element-too-large' || error.code === 'envelope-too-large'
    const message = isTooLarge ? 'A part of the body is too large' : 'The body is not the JSON of a job'
    throw new Refusal(isTooLarge ? 413 : 400, message, { details: error.message, cause: error })
  }
}

type Envelope = Omit<NcmpEnvelope, 'kind'> & { readonly kind: JobKind | null }

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
