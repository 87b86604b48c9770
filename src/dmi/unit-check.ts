/** Asks a service whether it could carry something out, before there is a job (docs/exec-producer.md, `POST /v1/check`). */
import { request } from 'undici'
import { boundedText } from '../outside/bounded-text.ts'
import type { DmiService } from './dmi-service.ts'
import { basicCredentials } from './service-addresses.ts'
import { snippet } from './snippet.ts'

export type UnitCheck =
  | { readonly type: 'runs' }
  /** It could not, and why; or it did not say. */
  | { readonly type: 'refused' | 'unknown'; readonly reason: string }

interface Answer {
  readonly ok?: boolean
  readonly reason?: string
  /** Of an answer that is an error. */
  readonly message?: string
}

const ANSWER_BYTES_MAX = 64 * 1024
const CONNECT_TIMEOUT_MS = 5_000

/** `value` is that of an operation, as JSON. Never rejects. */
export async function checkUnit(service: DmiService, value: string, timeoutMs: number): Promise<UnitCheck> {
  const credentials = basicCredentials(service)
  const authorization = credentials === undefined ? {} : { authorization: `Basic ${credentials}` }
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const { statusCode, body } = await request(`${service.baseUrl.replace(/\/+$/, '')}/v1/check`, {
      ...{ method: 'POST', body: value, signal, headersTimeout: timeoutMs, bodyTimeout: CONNECT_TIMEOUT_MS },
      headers: { 'content-type': 'application/json', accept: 'application/json', ...authorization },
    })
    const text = await boundedText(body, ANSWER_BYTES_MAX)
    if (statusCode === 200 || statusCode === 400) return answered(statusCode, text)
    return { type: 'unknown', reason: `it answered ${statusCode}: ${snippet(Buffer.from(text), secretsOf(service)) || '(nothing)'}` }
  } catch (error) {
    const reason = signal.aborted ? `no answer within ${timeoutMs} ms` : error instanceof Error ? error.message : String(error)
    return { type: 'unknown', reason }
  }
}

function answered(statusCode: 200 | 400, text: string): UnitCheck {
  const { ok, reason, message } = JSON.parse(text) as Answer
  if (statusCode === 200 && ok === true) return { type: 'runs' }
  return { type: 'refused', reason: reason ?? message ?? 'it does not say why' }
}

function secretsOf(service: DmiService): readonly string[] {
  return [basicCredentials(service), service.auth?.password].filter((secret) => secret !== undefined)
}
