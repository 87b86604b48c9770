import { errors } from 'undici'
import type { DmiCallName, DmiService } from './dmi-service.ts'

/** A call that did not do what it was for. An expected outcome: returned, never thrown. */
export interface DmiFailure {
  readonly ok: false
  /** `retry`: the same call may succeed later. `reject`: it would fail again. */
  readonly disposition: 'retry' | 'reject'
  /** What the service asked to wait before the next try. */
  readonly retryAfterMs?: number | undefined
  readonly cause: DmiFailureCause
  /** The status that was answered, where there was an answer. */
  readonly httpStatus?: number | undefined
  /** Names the service, the call and the limit. Holds no secret, and at most 200 characters of what was answered. */
  readonly message: string
}

export type DmiFailureCause = keyof typeof dispositions

/** What can go wrong, and whether trying again can help. An answer's own status decides for `http`. */
const dispositions = {
  refused: 'retry',
  dns: 'retry',
  reset: 'retry',
  timeout: 'retry',
  /** Any other failure of the network or of TLS. */
  network: 'retry',
  /** The caller's signal, or the client's close. */
  aborted: 'retry',
  http: 'reject',
  /** Not HTTP, not JSON, or not what the contract says. */
  unparsable: 'reject',
  'no-id': 'reject',
  'too-large': 'reject',
  'too-slow': 'reject',
  /** The call can't be sent: a header, an address or an id that HTTP does not allow. */
  'invalid-request': 'reject',
} as const

export interface DmiFailureDetails {
  readonly disposition?: DmiFailure['disposition']
  readonly retryAfterMs?: number | undefined
  readonly httpStatus?: number | undefined
}

/** What a failure's message begins with. */
export interface FailedCall {
  readonly service: DmiService
  readonly name: DmiCallName
}

export function dmiFailure(
  call: FailedCall,
  cause: DmiFailureCause,
  message: string,
  details: DmiFailureDetails = {},
): DmiFailure {
  const prefix = `DMI service "${call.service.name}", ${call.name}`
  return { ok: false, disposition: dispositions[cause], cause, ...details, message: `${prefix}: ${message}` }
}

/** Milliseconds, named in messages as they are named in the options. */
export interface DmiTimeouts {
  readonly connectTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly bodyTimeoutMs: number
}

const causes: Record<string, DmiFailureCause> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  EAI_NONAME: 'dns',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'reset',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  UND_ERR_ABORTED: 'aborted',
  UND_ERR_CLOSED: 'aborted',
  UND_ERR_DESTROYED: 'aborted',
  UND_ERR_HEADERS_OVERFLOW: 'too-large',
  UND_ERR_INVALID_ARG: 'invalid-request',
}

/** Sorts what undici throws, or what a body's stream ends with, by its code. */
export function failureOfTransport(call: FailedCall, error: unknown, timeouts: DmiTimeouts): DmiFailure {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  const cause = causes[code] ?? causeWithoutCode(error)
  return dmiFailure(call, cause, transportMessage(code, cause, error, timeouts))
}

function causeWithoutCode(error: unknown): DmiFailureCause {
  if (error instanceof errors.HTTPParserError) return 'unparsable'
  // What a signal is aborted with unless someone gave another reason.
  return error instanceof Error && error.name === 'AbortError' ? 'aborted' : 'network'
}

function transportMessage(code: string, cause: DmiFailureCause, error: unknown, timeouts: DmiTimeouts): string {
  if (code === 'UND_ERR_CONNECT_TIMEOUT') return `no connection within connectTimeoutMs, ${timeouts.connectTimeoutMs}`
  if (code === 'UND_ERR_HEADERS_TIMEOUT') return `no answer within headersTimeoutMs, ${timeouts.headersTimeoutMs}`
  if (code === 'UND_ERR_BODY_TIMEOUT') return `the answer paused longer than bodyTimeoutMs, ${timeouts.bodyTimeoutMs}`
  if (cause === 'unparsable') return 'what was answered is not HTTP'
  if (cause === 'aborted') return 'given up by the caller'
  const reason = error instanceof Error && error.message !== '' ? error.message : 'failed'
  return code === '' || reason.includes(code) ? reason : `${reason} (${code})`
}
