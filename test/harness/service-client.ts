import type { NcmpJob } from '../../src/rest/dialects/ncmp/schemas.ts'
import { until } from './until.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

export interface RequestOptions {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Rejects after that time. */
  readonly timeoutMs?: number
}

export interface HandleToRegister {
  readonly cmHandle: string
  readonly alternateId: string
  readonly dataProducerIdentifier: string
  readonly moduleSetTag?: string
  readonly cmHandleState?: string
}

const ENDED: ReadonlySet<string> = new Set(['FINISHED', 'PARTIALLY_FAILED', 'FAILED', 'CANCELLED'])

/** The service as its clients see it: HTTP and nothing else. */
export class ServiceClient {
  readonly url: string

  constructor(url: string) {
    this.url = url
  }

  async request(method: string, path: string, { body, headers = {}, timeoutMs }: RequestOptions = {}): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method,
      headers: body === undefined ? headers : { 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
  }

  /** Resolves once every lane, the inventory and the read model are ready. */
  async ready(): Promise<void> {
    let answer: unknown
    const isReady = async (): Promise<boolean> => {
      const { status, body } = await this.request('GET', '/readyz')
      answer = body
      return status === 200
    }
    await until(`${this.url} is ready`, isReady).catch((cause: unknown) => {
      throw new Error(`${this.url} is not ready: ${JSON.stringify(answer)}`, { cause })
    })
  }

  async registerService(name: string, baseUrl: string): Promise<void> {
    await this.#accepted('PUT', `/ncmpInventory/v1/dmi/${name}`, { baseUrl })
  }

  async registerHandles(dmiPlugin: string, createdCmHandles: readonly HandleToRegister[]): Promise<void> {
    await this.#accepted('POST', '/ncmpInventory/v1/ch', { dmiPlugin, createdCmHandles })
  }

  submit(body: object, headers: Readonly<Record<string, string>> = {}, destination: string | null = null): Promise<Answer> {
    const query = destination === null ? '' : `?destination=${encodeURIComponent(destination)}`
    return this.request('POST', `/ranoam/cm/v1/dataJob${query}`, { body, headers })
  }

  status(jobId: string): Promise<Answer> {
    return this.request('GET', `/ranoam/cm/v1/dataJob/${encodeURIComponent(jobId)}`)
  }

  /** The job once it has ended. */
  async ended(jobId: string, waitMsMax?: number): Promise<NcmpJob> {
    let last: unknown
    const job = async (): Promise<NcmpJob | null> => {
      const { status, body } = await this.status(jobId)
      last = body
      const answer = body as NcmpJob
      return status === 200 && ENDED.has(answer.status) ? answer : null
    }
    return await until(`job ${jobId} has ended`, job, waitMsMax).catch((cause: unknown) => {
      throw new Error(`job ${jobId} has not ended: ${JSON.stringify(last)}`, { cause })
    })
  }

  async #accepted(method: string, path: string, body: unknown): Promise<void> {
    const answer = await this.request(method, path, { body })
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
  }
}
