/** Delivers callbacks over HTTP, to nothing but addresses that are allowed. */
import { type Agent, request } from 'undici'
import type { CallbackQueued } from '../domain/messages.ts'
import type { Clock } from '../runtime/clock.ts'
import type { CallbackTried, DeliverCallback, DeliveryOutcome } from '../stages/notifier/callback-delivery.ts'
import type { AddressGuard } from '../outside/address-guard.ts'
import { AddressRefused, guardedAgent, reasonOf } from '../outside/guarded-agent.ts'
import { mayRetryStatus, retryAfterMs } from '../outside/http-retries.ts'
import { signedHeaders } from './signature.ts'

/** What is sent, as the job's dialect says it. */
export interface CallbackBody {
  readonly contentType: string
  readonly body: Buffer
  readonly headers?: Readonly<Record<string, string>>
}

export interface CallbackCallsOptions {
  readonly guard: AddressGuard
  readonly key: Buffer
  /** From the connection to the end of the answer. */
  readonly timeoutMs: number
  /** The longest wait that an answer may ask for. */
  readonly retryAfterMsMax: number
  /** Rejects where it can't be had now. */
  readonly bodyOf: (callback: CallbackQueued) => Promise<CallbackBody>
  /** What the client library is called in `user-agent`. */
  readonly userAgent: string
  readonly clock: Clock
}

const ANSWER_BYTES_MAX = 64 * 1024

export class CallbackCalls {
  readonly #options: CallbackCallsOptions
  readonly #agent: Agent

  constructor(options: CallbackCallsOptions) {
    this.#options = options
    const { guard, timeoutMs } = options
    this.#agent = guardedAgent(guard, timeoutMs)
  }

  /** Ends all connections; calls under way fail. */
  close(): Promise<void> {
    return this.#agent.destroy()
  }

  async deliver({ callback }: DeliverCallback, signal: AbortSignal): Promise<CallbackTried> {
    return { id: callback.id, line: callback.line, outcome: await this.#outcomeOf(callback, signal) }
  }

  async #outcomeOf(callback: CallbackQueued, signal: AbortSignal): Promise<DeliveryOutcome> {
    const { guard, bodyOf } = this.#options
    // An address that the host itself is, is not looked up.
    const refusal = guard.refusalOf(callback.url)
    if (refusal !== null) return { type: 'refused', message: refusal }
    try {
      return await this.#call(callback, await bodyOf(callback), signal)
    } catch (error) {
      if (error instanceof AddressRefused) return { type: 'refused', message: error.message }
      return { type: 'failed', message: reasonOf(error), retryAfterMs: 0 }
    }
  }

  async #call(callback: CallbackQueued, { contentType, body, headers }: CallbackBody, signal: AbortSignal): Promise<DeliveryOutcome> {
    const { key, timeoutMs, retryAfterMsMax, clock, userAgent } = this.#options
    const answer = await request(callback.url, {
      method: 'POST',
      dispatcher: this.#agent,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      headers: {
        ...headers, 'content-type': contentType, 'user-agent': userAgent, ...signedHeaders(key, { id: callback.id, at: clock.now(), body }),
      },
      body,
    })
    // What is said is of no interest, and its end may never come.
    await answer.body.dump({ limit: ANSWER_BYTES_MAX }).catch(() => undefined)
    const [asked] = [answer.headers['retry-after']].flat()
    return outcomeOf(answer.statusCode, retryAfterMs(asked, clock.now(), retryAfterMsMax) ?? 0)
  }
}

function outcomeOf(status: number, retryAfterMs: number): DeliveryOutcome {
  if (status >= 200 && status < 300) return { type: 'delivered' }
  if (mayRetryStatus(status)) return { type: 'failed', message: `it answered ${status}`, retryAfterMs }
  const isRedirect = status >= 300 && status < 400
  return { type: 'refused', message: isRedirect ? `it answered ${status}, and redirects are not followed` : `it answered ${status}` }
}
