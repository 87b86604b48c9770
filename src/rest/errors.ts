/** The one place where a request's failure becomes a status and a body (contract page, "Errors"). */
import { KafkaFailure } from '../kafka/port.ts'
import { ReadModelFailure } from '../read-model/port.ts'

/** What every refused or failed request is answered with, whoever found the fault. */
export interface ErrorBody {
  /** The HTTP status with its name, as in `400 BAD_REQUEST`. */
  readonly status: string
  /** What is wrong, in a sentence. */
  readonly message: string
  /** Where it is wrong, which limit applies, what to do about it. */
  readonly details: string
}

const statusNames = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  405: 'METHOD_NOT_ALLOWED',
  408: 'REQUEST_TIMEOUT',
  409: 'CONFLICT',
  410: 'GONE',
  413: 'PAYLOAD_TOO_LARGE',
  414: 'URI_TOO_LONG',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  422: 'UNPROCESSABLE_ENTITY',
  431: 'REQUEST_HEADER_FIELDS_TOO_LARGE',
  500: 'INTERNAL_SERVER_ERROR',
  501: 'NOT_IMPLEMENTED',
  503: 'SERVICE_UNAVAILABLE',
} as const

export type RefusalStatus = keyof typeof statusNames

export interface RefusalOptions {
  readonly details?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** A request that is not carried out: thrown by routes and hooks, answered by {@link answerOf}. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: RefusalStatus
  readonly details: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: RefusalStatus, message: string, options: RefusalOptions = {}) {
    super(message, { cause: options.cause })
    this.status = status
    this.details = options.details ?? ''
    this.headers = options.headers ?? {}
  }
}

/** For what helps itself: the same request may be sent again after the wait. */
export function unavailable(message: string, options: RefusalOptions & { readonly retryAfterS: number }): Refusal {
  const headers = { ...options.headers, 'retry-after': String(options.retryAfterS) }
  return new Refusal(503, message, { ...options, headers })
}

export function bodyOf(refusal: Refusal): ErrorBody {
  const { status, message, details } = refusal
  return { status: `${status} ${statusNames[status]}`, message, details }
}

/** What makes sending again safe, for every answer that leaves open whether a job was taken. */
export const SEND_AGAIN = 'Send the request again. A job that was sent with a jobId or an Idempotency-Key is never taken twice.'

/** Seconds after which a client may ask again when Kafka or the object store was away. */
export const RETRY_AFTER_S = 2

/** Facts about the request that say more than the error itself. */
export interface RequestFacts {
  readonly unknownParameters: readonly string[]
  readonly knownParameters: readonly string[]
  readonly contentLength: string | undefined
  readonly contentType: string | undefined
  readonly bodyBytesMax: number
}

/** What to answer to anything that was thrown while a request was handled. */
export function answerOf(error: unknown, facts: RequestFacts): Refusal {
  if (error instanceof Refusal) return error
  if (error instanceof KafkaFailure) return answerOfKafka(error)
  if (error instanceof ReadModelFailure) {
    const options = { retryAfterS: RETRY_AFTER_S, details: SEND_AGAIN, cause: error }
    return unavailable('The status of jobs cannot be read now', options)
  }
  if (isFrameworkError(error)) return answerOfFramework(error, facts)
  if (isUnreadableBody(error)) return new Refusal(400, 'The body did not arrive as a whole', { cause: error })
  return ownFailure(error)
}

function ownFailure(cause: unknown): Refusal {
  return new Refusal(500, 'The request failed for a reason that is not the client’s', { details: SEE_LOG, cause })
}

const SEE_LOG = 'The cause is in the server’s log under the id in this answer’s x-request-id header.'

function answerOfKafka(failure: KafkaFailure): Refusal {
  if (failure.code === 'UNKNOWN_TOPIC_OR_PARTITION') {
    const details = `An operator should run "datajob topics apply". ${SEE_LOG}`
    return unavailable('A topic that this needs is not there', { retryAfterS: RETRY_AFTER_S, details, cause: failure })
  }
  if (failure.disposition === 'reject') {
    return new Refusal(500, 'Kafka refused the record', { details: `${failure.code}. ${SEE_LOG}`, cause: failure })
  }
  return unavailable('Kafka cannot be reached, or did not answer in time', {
    retryAfterS: RETRY_AFTER_S,
    details: SEND_AGAIN,
    cause: failure,
  })
}

// What Node reports while a body is read, such as a connection that breaks off, gets this from Fastify.
function isUnreadableBody(error: unknown): boolean {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 400
}

interface SchemaFault {
  readonly instancePath: string
  readonly keyword: string
  readonly message?: string
  readonly params: object
}

interface FrameworkError extends Error {
  readonly code: string
  readonly validation?: readonly SchemaFault[]
  readonly validationContext?: string
}

function isFrameworkError(error: unknown): error is FrameworkError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('FST_')
}

function answerOfFramework(error: FrameworkError, facts: RequestFacts): Refusal {
  if (error.validation !== undefined) return answerOfValidation(error, facts)
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE': {
      const size = facts.contentLength === undefined ? 'The body' : `A body of ${facts.contentLength} bytes`
      const message = `${size} is larger than the ${facts.bodyBytesMax} bytes allowed`
      return new Refusal(413, message, { details: 'Send it in several parts.' })
    }
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE': {
      const type = facts.contentType
      const given = type === undefined ? 'A body without a content type' : `Content type "${clip(type)}"`
      return new Refusal(415, `${given} is not taken`, { details: 'Send JSON as application/json.' })
    }
    case 'FST_ERR_CTP_INVALID_JSON_BODY':
      return new Refusal(400, 'The body is not valid JSON')
    case 'FST_ERR_CTP_EMPTY_JSON_BODY':
      return new Refusal(400, 'The body is empty', { details: 'Send JSON as application/json.' })
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new Refusal(400, 'The body has not the length that its Content-Length says')
    case 'FST_ERR_BAD_URL':
      return new Refusal(400, 'The path is not a valid percent-encoded UTF-8 text')
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new Refusal(414, 'A part of the path is longer than any name that is known here')
    default:
      return ownFailure(error)
  }
}

const places: Readonly<Record<string, string>> = {
  querystring: 'query',
  params: 'path',
  headers: 'header',
  body: 'body',
}

function answerOfValidation(error: FrameworkError, facts: RequestFacts): Refusal {
  const place = places[error.validationContext ?? ''] ?? 'request'
  if (place === 'query' && facts.unknownParameters.length > 0) {
    const names = facts.unknownParameters.map((name) => `"${clip(name)}"`).join(', ')
    const known = facts.knownParameters.join(', ')
    const details = known === '' ? 'There are none here.' : `Known are: ${known}.`
    return new Refusal(400, `Unknown query parameter: ${names}`, { details })
  }
  // A `boolean` is what typebox says first of an unknown member; what it says next is what a person understands.
  const fault = error.validation?.find(({ keyword }) => keyword !== 'boolean')
  if (fault === undefined) return new Refusal(400, `The ${place} is not valid`, { details: error.message })
  const path = clip(fault.instancePath.slice(1).replaceAll('/', '.'))
  const where = path === '' ? `The ${place}` : `${place} ${path}`
  const isPattern = fault.keyword === 'pattern'
  const what = isPattern ? 'holds a character that is not allowed there' : (fault.message ?? 'is not valid')
  return new Refusal(400, `${where} ${what}`, { details: detailsOf(fault.params) })
}

function detailsOf(params: object): string {
  if ('allowedValues' in params && Array.isArray(params.allowedValues)) {
    return `Allowed are: ${params.allowedValues.join(', ')}.`
  }
  if ('type' in params && params.type === 'boolean') return 'Allowed are: true, false.'
  const names = unknownMembers(params).map((name) => `"${clip(String(name))}"`)
  return names.length === 0 ? '' : `Not known here: ${clip(names.join(', '))}.`
}

// typebox names all of them, Ajv the first.
function unknownMembers(params: object): readonly unknown[] {
  if ('additionalProperty' in params) return [params.additionalProperty]
  return 'additionalProperties' in params && Array.isArray(params.additionalProperties) ? params.additionalProperties : []
}

const SHOWN_MAX = 80

/** What a client sent, short enough to be sent back. */
export function clip(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text
}
