import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { JsonScanError } from '../codec/json-scan-error.ts'
import type { Clock } from '../runtime/clock.ts'
import { DmiConnections, type DmiConnectionsOptions } from './connections.ts'
import { contractPaths, isDotSegment } from './contract-paths.ts'
import {
  type DmiFailure, type DmiFailureCause, dmiFailure, type FailedCall, failureOfTransport, mayRetryStatus,
} from './dmi-failure.ts'
import type { DmiService, SubjobCall } from './dmi-service.ts'
import { patientBody, ResultTooSlow } from './patient-body.ts'
import { dataProducerJobIdOf, type DmiJobStatus, jobStatusOf } from './replies.ts'
import { type ReplyBody, readReplyBody, snippet } from './reply-body.ts'
import { SubjobResultError } from './responses.ts'
import { retryAfterMs } from './retry-after.ts'

export type { DmiFailure } from './dmi-failure.ts'
export type { DmiService, SubjobCall } from './dmi-service.ts'
export type { DmiJobStatus } from './replies.ts'

/** `headersTimeoutMs` counts from the request's last byte on, `bodyTimeoutMs` is the longest pause within an answer. */
export interface DmiClientOptions extends DmiConnectionsOptions {
  /** The longest that a submission, a status or a cancellation may take as a whole. */
  readonly callTimeoutMs: number
  /** The longest that a result may keep us waiting for more of it, all pauses together. */
  readonly resultTimeoutMs: number
  /** The largest answer to a submission, a status or a cancellation. A result's reader bounds it. */
  readonly replyBytesMax: number
  /** The longest wait that a service can ask for with `Retry-After`. */
  readonly retryAfterMsMax: number
  readonly clock: Clock
}

export interface DmiResult {
  readonly ok: true
  /** Empty where the service names none. */
  readonly contentType: string
  /** Destroy it when `chunks` was not read to its end: it holds a connection. */
  readonly body: Readable
  /** The body, to be read once. See {@link DmiClient.resultFailure} for when it fails. */
  readonly chunks: AsyncIterable<Uint8Array>
}

interface Request extends FailedCall {
  readonly call: SubjobCall
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: Uint8Array
  readonly signal: AbortSignal
}

interface Answer {
  readonly ok: true
  readonly response: Dispatcher.ResponseData
  readonly deadline: number
}

/**
 * Calls the plugins of producers over HTTP, in either version of the contract (contract page, "Us → DMI").
 * Whatever a service or the network does comes back as a value; redirects are failures, for the operator alone says
 * which addresses are called.
 */
export class DmiClient {
  readonly #options: DmiClientOptions
  readonly #connections: DmiConnections

  constructor(options: DmiClientOptions) {
    this.#options = options
    this.#connections = new DmiConnections(options)
  }

  /** Hands a subjob over; `body` is what {@link submitBody} made. */
  async submit(
    service: DmiService,
    call: SubjobCall,
    body: Uint8Array,
    signal: AbortSignal,
  ): Promise<{ readonly ok: true; readonly dataProducerJobId: string } | DmiFailure> {
    const path = contractPaths[service.contract].submit(call)
    const request: Request = { service, call, name: 'submit', method: 'POST', path, body, signal }
    const reply = await this.#json(request)
    if (!reply.ok) return reply
    const dataProducerJobId = dataProducerJobIdOf(reply.value, service.contract)
    if (dataProducerJobId !== undefined && !isDotSegment(dataProducerJobId)) return { ok: true, dataProducerJobId }
    const expected = service.contract === 'cmJob' ? 'subJobId' : 'dataProducerJobId'
    return dmiFailure(request, 'no-id', `the answer has no usable ${expected}: ${shown(request, reply.bytes)}`)
  }

  /** Asks how far the producer is. */
  async status(
    service: DmiService,
    call: SubjobCall,
    dataProducerJobId: string,
    signal: AbortSignal,
  ): Promise<{ readonly ok: true; readonly status: DmiJobStatus } | DmiFailure> {
    const path = contractPaths[service.contract].status(call, dataProducerJobId)
    const request: Request = { service, call, name: 'status', method: 'GET', path, signal }
    const reply = await this.#json(request)
    if (!reply.ok) return reply
    const status = jobStatusOf(reply.value)
    if (status !== undefined) return { ok: true, status }
    return dmiFailure(request, 'unparsable', `the answer has no known status: ${shown(request, reply.bytes)}`)
  }

  /** Fetches the result as the bytes that the service sends, as they come. */
  async result(
    service: DmiService,
    call: SubjobCall,
    dataProducerJobId: string,
    signal: AbortSignal,
  ): Promise<DmiResult | DmiFailure> {
    const path = contractPaths[service.contract].result(call, dataProducerJobId)
    const request: Request = { service, call, name: 'result', method: 'GET', path, signal }
    const answer = await this.#answer(request)
    if (!answer.ok) return answer
    const contentType = first(answer.response.headers['content-type']) ?? ''
    if (!/^text\/html\b/i.test(contentType)) {
      const { body } = answer.response
      const { resultTimeoutMs: waitMsMax, clock } = this.#options
      return { ok: true, contentType, body, chunks: patientBody(body, { waitMsMax, clock }) }
    }
    // A proxy's page, however it was answered, is no result.
    const body = await this.#body(request, answer)
    return 'complete' in body ? dmiFailure(request, 'unparsable', `answered HTML: ${shown(request, body.bytes)}`) : body
  }

  /** Asks the producer to stop. A service without such a call (404, 405, 501) lets the work run to its end. */
  async cancel(
    service: DmiService,
    call: SubjobCall,
    dataProducerJobId: string,
    signal: AbortSignal,
  ): Promise<{ readonly ok: true } | { readonly notSupported: true } | DmiFailure> {
    const path = contractPaths[service.contract].cancel(call, dataProducerJobId)
    const request: Request = { service, call, name: 'cancel', method: 'DELETE', path, signal }
    const answer = await this.#answer(request)
    if (!answer.ok) return [404, 405, 501].includes(answer.httpStatus ?? 0) ? { notSupported: true } : answer
    await this.#body(request, answer)
    return { ok: true }
  }

  /** What a result that broke off, or could not be read (see `responses.ts`), means for the subjob. */
  resultFailure(service: DmiService, error: unknown): DmiFailure {
    const call: FailedCall = { service, name: 'result' }
    if (error instanceof JsonScanError) return dmiFailure(call, scanCauses[error.code], error.message)
    if (error instanceof ResultTooSlow) return dmiFailure(call, 'too-slow', error.message)
    if (error instanceof SubjobResultError) return dmiFailure(call, error.code, error.message)
    return failureOfTransport(call, error, this.#options)
  }

  /** Ends all connections; calls that are still running fail as aborted. */
  async close(): Promise<void> {
    await this.#connections.close()
  }

  async #json(request: Request): Promise<{ ok: true; value: unknown; bytes: Buffer } | DmiFailure> {
    const answer = await this.#answer(request)
    if (!answer.ok) return answer
    const body = await this.#body(request, answer)
    if (!('complete' in body)) return body
    const { replyBytesMax, callTimeoutMs } = this.#options
    if (!body.complete) {
      return body.exceeded === 'bytes'
        ? dmiFailure(request, 'too-large', `the answer is larger than replyBytesMax, ${replyBytesMax}`)
        : dmiFailure(request, 'timeout', `the answer took longer than callTimeoutMs, ${callTimeoutMs}`)
    }
    // An id with a replacement character in it would be another id.
    if (!isUtf8(body.bytes)) return dmiFailure(request, 'unparsable', `the answer is not UTF-8: ${shown(request, body.bytes)}`)
    try {
      return { ok: true, value: JSON.parse(body.bytes.toString()), bytes: body.bytes }
    } catch {
      return dmiFailure(request, 'unparsable', `the answer is not JSON: ${shown(request, body.bytes)}`)
    }
  }

  /** An answer of the 2xx class, with its body still to be read; every other is a failure. */
  async #answer(request: Request): Promise<Answer | DmiFailure> {
    const target = targetOf(request)
    if (!target.ok) return target
    const deadline = this.#options.clock.now() + this.#options.callTimeoutMs
    let response: Dispatcher.ResponseData
    try {
      response = await this.#connections.request({
        origin: target.origin,
        path: target.path,
        method: request.method,
        headers: headersOf(request),
        body: request.body ?? null,
        signal: request.signal,
      })
    } catch (error) {
      return this.#failed(request, error)
    }
    // Its reader learns of a failure from reading; nobody may be listening yet when the signal ends it.
    response.body.on('error', () => undefined)
    const answer: Answer = { ok: true, response, deadline }
    if (response.statusCode >= 200 && response.statusCode < 300) return answer
    const body = await this.#body(request, answer)
    const said = 'complete' in body ? shown(request, body.bytes) : body.message
    return this.#refused(request, response, said)
  }

  #refused(request: Request, response: Dispatcher.ResponseData, said: string): DmiFailure {
    const httpStatus = response.statusCode
    const isRedirect = httpStatus >= 300 && httpStatus < 400
    const message = `answered ${httpStatus}${isRedirect ? ', and redirects are not followed' : ''}: ${said}`
    if (!mayRetryStatus(httpStatus)) return dmiFailure(request, 'http', message, { httpStatus })
    const { clock, retryAfterMsMax } = this.#options
    const waitMs = retryAfterMs(first(response.headers['retry-after']), clock.now(), retryAfterMsMax)
    return dmiFailure(request, 'http', message, { httpStatus, disposition: 'retry', retryAfterMs: waitMs })
  }

  async #body(request: Request, answer: Answer): Promise<ReplyBody | DmiFailure> {
    const { replyBytesMax, clock } = this.#options
    try {
      return await readReplyBody(answer.response.body, { replyBytesMax, clock, deadline: answer.deadline })
    } catch (error) {
      return this.#failed(request, error)
    }
  }

  #failed(request: Request, error: unknown): DmiFailure {
    if (request.signal.aborted) return dmiFailure(request, 'aborted', 'given up by the caller')
    return failureOfTransport(request, error, this.#options)
  }
}

const scanCauses: Record<JsonScanError['code'], DmiFailureCause> = {
  malformed: 'unparsable',
  ambiguous: 'unparsable',
  truncated: 'unparsable',
  'element-too-large': 'too-large',
  'envelope-too-large': 'too-large',
  'too-deep': 'too-large',
}

function targetOf(request: Request): { ok: true; origin: string; path: string } | DmiFailure {
  const base = URL.parse(request.service.baseUrl)
  if (base === null || !/^https?:$/.test(base.protocol)) {
    return dmiFailure(request, 'invalid-request', 'its baseUrl is not an http or https URL')
  }
  const path = base.pathname.replace(/\/+$/, '') + request.path
  if (path.split(/[/?]/).some(isDotSegment)) {
    return dmiFailure(request, 'invalid-request', 'an id is "." or "..", which no path can carry')
  }
  return { ok: true, origin: base.origin, path }
}

function headersOf(request: Request): Record<string, string> {
  const { call, method } = request
  // A result may be of any type, and an error's body often is.
  const headers: Record<string, string> = { accept: 'application/json, */*;q=0.5', 'user-agent': 'datajob' }
  if (method === 'POST') {
    headers['content-type'] = 'application/json'
    headers['idempotency-key'] = visibleAscii(call.idempotencyKey)
  }
  if (call.traceparent !== undefined) headers['traceparent'] = call.traceparent
  const authorization = authorizationOf(request)
  if (authorization !== undefined) headers['authorization'] = authorization
  return headers
}

function authorizationOf({ service, call }: Request): string | undefined {
  if (service.auth !== undefined) {
    const { username, password } = service.auth
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
  }
  return call.bearerToken === undefined ? undefined : `Bearer ${call.bearerToken}`
}

/** A header carries visible ASCII only, and ids may be any text. Distinct keys stay distinct. */
function visibleAscii(text: string): string {
  return text.toWellFormed().replace(/[^!-$&-~]/gu, encodeURIComponent)
}

function shown(request: Request, body: Buffer): string {
  const credentials = authorizationOf(request)?.split(' ')[1]
  const secrets = [credentials, request.service.auth?.password, request.call.bearerToken]
  return snippet(body, secrets.filter((secret) => secret !== undefined)) || '(nothing)'
}

function first(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' ? header : header?.[0]
}
