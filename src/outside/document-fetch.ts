/** Fetches a document that a client has named, from nowhere but allowed addresses. */
import { type Agent, request } from 'undici'
import type { AddressGuard } from './address-guard.ts'
import { boundedText } from './bounded-text.ts'
import { guardedAgent, reasonOf } from './guarded-agent.ts'

export type FetchedDocument =
  | { readonly ok: true; readonly contentType: string; readonly text: string }
  /** In words that may be shown to the client. */
  | { readonly ok: false; readonly reason: string }

export interface DocumentFetchOptions {
  readonly guard: AddressGuard
  /** From the connection to the end of the document. */
  readonly timeoutMs: number
  readonly bytesMax: number
}

/** Of an answer that is no document. */
const ANSWER_BYTES_MAX = 64 * 1024

export class DocumentFetch {
  readonly #options: DocumentFetchOptions
  readonly #agent: Agent

  constructor(options: DocumentFetchOptions) {
    this.#options = options
    this.#agent = guardedAgent(options.guard, options.timeoutMs)
  }

  /** Never rejects. */
  async fetch(url: string): Promise<FetchedDocument> {
    const { guard, timeoutMs, bytesMax } = this.#options
    if (!/^https?:\/\//i.test(url)) return { ok: false, reason: 'it is no http or https URL' }
    const refusal = guard.refusalOf(url)
    if (refusal !== null) return { ok: false, reason: refusal }
    const signal = AbortSignal.timeout(timeoutMs)
    try {
      const { statusCode, headers, body } = await request(url, { dispatcher: this.#agent, signal })
      if (statusCode !== 200) {
        await body.dump({ limit: ANSWER_BYTES_MAX }).catch(() => undefined)
        const isRedirect = statusCode >= 300 && statusCode < 400
        return { ok: false, reason: `it answered ${statusCode}${isRedirect ? ', and redirects are not followed' : ''}` }
      }
      const contentType = String(headers['content-type'] ?? '')
      return { ok: true, contentType, text: await boundedText(body, bytesMax) }
    } catch (error) {
      return { ok: false, reason: signal.aborted ? `it has not come within ${timeoutMs} ms` : reasonOf(error) }
    }
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }
}
