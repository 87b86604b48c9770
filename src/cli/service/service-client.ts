import type { Static } from 'typebox'
import { NCMP_PATH } from '../../rest/dialects/ncmp/mapping.ts'
import type { acceptedSchema, NcmpJob } from '../../rest/dialects/ncmp/schemas.ts'
import type { NcmpSubjob } from '../../rest/dialects/ncmp/subjob-schemas.ts'
import type { NcmpPreview } from '../../rest/dialects/ncmp/submit-schemas.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'

export type AcceptedJob = Static<typeof acceptedSchema>

export interface JobList {
  readonly items: readonly NcmpJob[]
  readonly next: string | null
}

export interface SubjobList {
  readonly items: readonly NcmpSubjob[]
  readonly next: string | null
}

export interface Submission {
  /** JSON, sent as it is. */
  readonly body: Uint8Array
  readonly destination: string | null
  readonly idempotencyKey: string | null
  readonly strict: boolean
  /** ISO 8601 instant. */
  readonly deadline: string | null
}

export interface ServiceAddress {
  /** Without a slash at its end. */
  readonly url: string
  readonly token: string | null
}

interface ServiceRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly path: string
  readonly query?: readonly (readonly [string, string])[]
  readonly body?: Uint8Array | string
  readonly headers?: Readonly<Record<string, string>>
  readonly timeoutMs?: number
}

const REQUEST_MS_MAX = 60_000
/** A body may have hundreds of megabytes. */
const SUBMISSION_MS_MAX = 900_000

/**
 * Speaks to the service over REST. Every method throws a CommandFailure: `Unreachable` without a usable answer,
 * `NotFound` for a 404, `Usage` for every other refusal, with what the service said.
 */
export class ServiceClient {
  readonly url: string
  readonly #token: string | null

  constructor({ url, token }: ServiceAddress) {
    this.url = url
    this.#token = token
  }

  async submit(submission: Submission): Promise<AcceptedJob> {
    return this.#checked<AcceptedJob>(await this.#submit(submission, []), ['jobId', 'status'])
  }

  /** What the job would be split into; it is not taken. */
  async preview(submission: Submission): Promise<NcmpPreview> {
    return this.#checked<NcmpPreview>(await this.#submit(submission, [['dryRun', 'true']]), ['subjobs', 'refused'])
  }

  #submit({ body, destination, idempotencyKey, strict, deadline }: Submission, more: readonly [string, string][]): Promise<unknown> {
    const query: [string, string][] = [...more]
    if (destination !== null) query.push(['destination', destination])
    if (strict) query.push(['strict', 'true'])
    if (deadline !== null) query.push(['deadline', deadline])
    const headers = idempotencyKey === null ? {} : { 'idempotency-key': idempotencyKey }
    return this.send({ method: 'POST', path: `${NCMP_PATH}/dataJob`, query, body, headers, timeoutMs: SUBMISSION_MS_MAX })
  }

  async cancel(jobId: string): Promise<AcceptedJob> {
    const answer = await this.send({ method: 'DELETE', path: `${NCMP_PATH}/dataJob/${encodeURIComponent(jobId)}` })
    return this.#checked<AcceptedJob>(answer, ['jobId', 'status'])
  }

  async retry(jobId: string): Promise<AcceptedJob> {
    const answer = await this.send({ method: 'POST', path: `${NCMP_PATH}/dataJob/${encodeURIComponent(jobId)}/retry` })
    return this.#checked<AcceptedJob>(answer, ['jobId', 'status'])
  }

  async job(jobId: string): Promise<NcmpJob> {
    const answer = await this.send({ method: 'GET', path: `${NCMP_PATH}/dataJob/${encodeURIComponent(jobId)}` })
    return this.#checked<NcmpJob>(answer, ['jobId', 'status', 'counts'])
  }

  async subjobs(jobId: string, query: readonly (readonly [string, string])[]): Promise<SubjobList> {
    const path = `${NCMP_PATH}/dataJob/${encodeURIComponent(jobId)}/subjobs`
    return this.#checked<SubjobList>(await this.send({ method: 'GET', path, query }), ['items'])
  }

  async jobs(query: readonly (readonly [string, string])[]): Promise<JobList> {
    return this.#checked<JobList>(await this.send({ method: 'GET', path: `${NCMP_PATH}/dataJob`, query }), ['items'])
  }

  /** The parsed body of an answer that says yes; undefined where it is empty. */
  async send(request: ServiceRequest): Promise<unknown> {
    const response = await this.#fetch(request)
    const text = await this.#bodyOf(response)
    if (response.ok) return text === '' ? undefined : this.#parse(text)
    throw refusalOf(response.status, text, this.url)
  }

  async #fetch({ method, path, query = [], body, headers = {}, timeoutMs = REQUEST_MS_MAX }: ServiceRequest): Promise<Response> {
    const parameters = new URLSearchParams(query.map(([...pair]) => pair)).toString()
    const url = `${this.url}${path}${parameters === '' ? '' : `?${parameters}`}`
    try {
      return await fetch(url, {
        method,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(this.#token === null ? {} : { authorization: `Bearer ${this.#token}` }),
          ...headers,
        },
        ...(body === undefined ? {} : { body }),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      })
    } catch (error) {
      throw this.#unreachable(error)
    }
  }

  async #bodyOf(response: Response): Promise<string> {
    try {
      return await response.text()
    } catch (error) {
      throw this.#unreachable(error)
    }
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch (cause) {
      throw this.#stranger(cause)
    }
  }

  // Newer services may say more, so only what tells ours from another is looked at.
  #checked<T extends object>(answer: unknown, members: readonly (keyof T & string)[]): T {
    const isOurs = typeof answer === 'object' && answer !== null && members.every((name) => name in answer)
    if (!isOurs) throw this.#stranger(undefined)
    return answer as T
  }

  #stranger(cause: unknown): CommandFailure {
    const message = `${this.url} answered, but not as datajob does: is it another service?`
    return new CommandFailure(ExitCode.Unreachable, message, { cause })
  }

  #unreachable(error: unknown): CommandFailure {
    const hint = 'Is it running? "datajob serve" starts it; --url or DATAJOB_URL says where it is.'
    return new CommandFailure(ExitCode.Unreachable, `no answer from ${this.url}: ${reasonOf(error)}`, {
      hint,
      cause: error,
    })
  }
}

// fetch says "fetch failed" and keeps the reason in its cause.
function reasonOf(error: unknown): string {
  const inner = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(inner instanceof Error)) return String(inner)
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : ''
  return inner.message === '' ? code : inner.message
}

function refusalOf(status: number, text: string, url: string): CommandFailure {
  const { message, details } = errorBodyOf(text)
  const said = `${message ?? `${url} answered with status ${status}`}${message === null ? '' : ` (status ${status})`}`
  return new CommandFailure(exitCodeOf(status), said, details === '' ? {} : { hint: details })
}

function exitCodeOf(status: number): ExitCode {
  if (status === 404) return ExitCode.NotFound
  return status >= 500 || status === 408 || status === 429 ? ExitCode.Unreachable : ExitCode.Usage
}

function errorBodyOf(text: string): { readonly message: string | null; readonly details: string } {
  try {
    const body: unknown = JSON.parse(text)
    if (typeof body !== 'object' || body === null || !('message' in body)) return { message: null, details: '' }
    const details = 'details' in body && typeof body.details === 'string' ? body.details : ''
    return { message: String(body.message), details }
  } catch {
    return { message: null, details: '' }
  }
}
