import { isUtf8 } from 'node:buffer'
import { JsonScanError } from '../codec/json-scan-error.ts'
import type { ProducerProgress } from '../domain/subjob.ts'
import { mayRetryStatus, retryAfterMs } from '../outside/http-retries.ts'
import { AbortListeners } from '../runtime/abort-listeners.ts'
import type { Clock } from '../runtime/clock.ts'
import { DmiConnections, type DmiConnectionsOptions } from './connections.ts'
import { contractPaths, hasDotSegment, isDotSegment } from './contract-paths.ts'
import {
  type DmiFailure, type DmiFailureCause, dmiFailure, type FailedCall, failureOfTransport,
} from './dmi-failure.ts'
import type { DmiService, SubjobCall } from './dmi-service.ts'
import { type Answer, type AnswerHead, Exchange, first, isHtml, isSuccess } from './exchange.ts'
import { patientBody, ResultTooSlow } from './patient-body.ts'
import { dataProducerJobIdOf, type DmiJobStatus, jobStatusOf, progressOf } from './replies.ts'
import { requestHeaders } from './request-headers.ts'
import { SubjobResultError } from './responses.ts'
import { basicCredentials, ServiceAddresses } from './service-addresses.ts'
import { snippet } from './snippet.ts'

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

/** How far a producer says it is with a subjob. */
export interface DmiProgress {
  readonly ok: true
  readonly status: DmiJobStatus
  readonly progress: ProducerProgress | undefined
}

export interface DmiResult {
  readonly ok: true
  /** Empty where the service names none. */
  readonly contentType: string
  /** All of the body, where it came at once; else null. */
  readonly whole: Buffer | null
  /** The body, to be read once. See {@link DmiClient.resultFailure} for when it fails. */
  readonly chunks: AsyncIterable<Uint8Array>
  /** To be called when `chunks` was not read to its end, which may hold a connection; it does no harm otherwise. */
  readonly close: () => void
}

interface Request extends FailedCall {
  readonly call: SubjobCall
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: Uint8Array
  readonly signal: AbortSignal
}

/** An answer of the 2xx class. */
interface Success {
  readonly ok: true
  readonly answer: Exclude<Answer, { readonly type: 'broken' }>
}

/**
 * Calls the plugins of producers over HTTP, in either version of the contract (contract page, "Us → DMI").
 * Whatever a service or the network does comes back as a value; redirects are failures, for the operator alone says
 * which addresses are called.
 */
export class DmiClient {
  readonly #options: DmiClientOptions
  readonly #connections: DmiConnections
  readonly #addresses = new ServiceAddresses()
  readonly #underWay = new AbortListeners()

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
  ): Promise<DmiProgress | DmiFailure> {
    const path = contractPaths[service.contract].status(call, dataProducerJobId)
    const request: Request = { service, call, name: 'status', method: 'GET', path, signal }
    const reply = await this.#json(request)
    if (!reply.ok) return reply
    const status = jobStatusOf(reply.value)
    if (status !== undefined) return { ok: true, status, progress: progressOf(reply.value) }
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
    const success = await this.#success(request)
    if (!success.ok) return success
    const { answer } = success
    const contentType = first(answer.head.headers['content-type']) ?? ''
    if (answer.type === 'stream') {
      const { body } = answer
      const { resultTimeoutMs: waitMsMax, clock } = this.#options
      return { ok: true, contentType, whole: null, chunks: patientBody(body, { waitMsMax, clock }), close: () => { body.destroy() } }
    }
    // A proxy's page, however it was answered, is no result.
    if (isHtml(answer.head)) return dmiFailure(request, 'unparsable', `answered HTML: ${shown(request, answer.bytes)}`)
    return { ok: true, contentType, whole: answer.bytes, chunks: only(answer.bytes), close: () => undefined }
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
    if ('ok' in answer) return answer
    // Whatever else it says, or does not come to say.
    if (answer.head !== null && isSuccess(answer.head)) return { ok: true }
    const failure = this.#failureOf(request, answer)
    return [404, 405, 501].includes(failure.httpStatus ?? 0) ? { notSupported: true } : failure
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
    const success = await this.#success(request)
    if (!success.ok) return success
    const { answer } = success
    if (answer.type !== 'whole') throw new Error('broken invariant: only a result is a stream')
    const { bytes, exceeded } = answer
    const { replyBytesMax, callTimeoutMs } = this.#options
    if (exceeded === 'bytes') return dmiFailure(request, 'too-large', `the answer is larger than replyBytesMax, ${replyBytesMax}`)
    if (exceeded === 'deadline') return dmiFailure(request, 'timeout', `the answer took longer than callTimeoutMs, ${callTimeoutMs}`)
    // An id with a replacement character in it would be another id.
    if (!isUtf8(bytes)) return dmiFailure(request, 'unparsable', `the answer is not UTF-8: ${shown(request, bytes)}`)
    try {
      return { ok: true, value: JSON.parse(bytes.toString()), bytes }
    } catch {
      return dmiFailure(request, 'unparsable', `the answer is not JSON: ${shown(request, bytes)}`)
    }
  }

  async #success(request: Request): Promise<Success | DmiFailure> {
    const answer = await this.#answer(request)
    if ('ok' in answer) return answer
    if (answer.type === 'broken' || !isSuccess(answer.head)) return this.#failureOf(request, answer)
    return { ok: true, answer }
  }

  async #answer(request: Request): Promise<Answer | DmiFailure> {
    const address = this.#addresses.of(request.service)
    if (address === null) return dmiFailure(request, 'invalid-request', 'its baseUrl is not an http or https URL')
    const path = address.prefix + request.path
    if (hasDotSegment(path)) return dmiFailure(request, 'invalid-request', 'an id is "." or "..", which no path can carry')
    const { signal, name, method, body = null } = request
    if (signal.aborted) return this.#failed(request, null)
    const { replyBytesMax, callTimeoutMs, clock } = this.#options
    const exchange = new Exchange({ streams: name === 'result', replyBytesMax, deadline: clock.now() + callTimeoutMs, clock })
    const giveUp = (): void => {
      exchange.giveUp()
    }
    this.#underWay.add(signal, giveUp)
    const headers = requestHeaders(address, request.call, method)
    this.#connections.send({ origin: address.origin, path, method, headers, body }, exchange)
    const answer = await exchange.answer
    if (answer.type !== 'stream') this.#underWay.delete(signal, giveUp)
    else answer.body.once('close', () => { this.#underWay.delete(signal, giveUp) })
    return answer
  }

  /** What an answer is that is no success. */
  #failureOf(request: Request, answer: Answer): DmiFailure {
    switch (answer.type) {
      case 'stream':
        throw new Error('broken invariant: only a success is a stream')
      case 'whole':
        return this.#refused(request, answer.head, shown(request, answer.bytes))
      case 'broken': {
        const { head, error } = answer
        const failed = this.#failed(request, error)
        return head === null || isSuccess(head) ? failed : this.#refused(request, head, failed.message)
      }
    }
  }

  #refused(request: Request, { httpStatus, headers }: AnswerHead, said: string): DmiFailure {
    const isRedirect = httpStatus >= 300 && httpStatus < 400
    const message = `answered ${httpStatus}${isRedirect ? ', and redirects are not followed' : ''}: ${said}`
    if (!mayRetryStatus(httpStatus)) return dmiFailure(request, 'http', message, { httpStatus })
    const { clock, retryAfterMsMax } = this.#options
    const waitMs = retryAfterMs(first(headers['retry-after']), clock.now(), retryAfterMsMax)
    return dmiFailure(request, 'http', message, { httpStatus, disposition: 'retry', retryAfterMs: waitMs })
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

function shown(request: Request, body: Buffer): string {
  const { service, call } = request
  const secrets = [basicCredentials(service), service.auth?.password, call.bearerToken]
  return snippet(body, secrets.filter((secret) => secret !== undefined)) || '(nothing)'
}

async function* only(bytes: Buffer): AsyncGenerator<Buffer, void, undefined> {
  yield await Promise.resolve(bytes)
}
