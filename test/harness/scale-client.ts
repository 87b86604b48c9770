/** A client of the Scale dialect. */
import { expect } from 'vitest'

export interface ScaleJob {
  readonly id: number
  readonly status: string
  readonly num_exes: number
  readonly error: { readonly id: number; readonly name: string; readonly category: string } | null
  readonly execution: { readonly id: number; readonly exe_num: number } | null
  readonly node: { readonly hostname: string } | null
}

interface Answer<T> {
  readonly status: number
  readonly body: T
}

const ENDS_WITHIN_MS = 60_000

export class ScaleClient {
  readonly #url: string

  constructor(serviceUrl: string) {
    this.#url = `${serviceUrl}/v6`
  }

  static typeBody(name: string, of: object, job: object = {}): object {
    return { manifest: { seedVersion: '1.0.0', job: { name, jobVersion: '1.0.0', interface: of, ...job } } }
  }

  async call<T>(method: string, path: string, body?: object): Promise<Answer<T>> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    const answer = await fetch(`${this.#url}/${path}`, { method, ...sent })
    const text = await answer.text()
    return { status: answer.status, body: (text === '' ? null : JSON.parse(text)) as T }
  }

  async text(path: string): Promise<string> {
    return (await fetch(`${this.#url}/${path}`, { headers: { accept: 'text/plain' } })).text()
  }

  /** Creates a job type with that interface, and resolves to its id. */
  async type(name: string, of: object, job: object = {}, settings: object = {}): Promise<number> {
    const body = { ...ScaleClient.typeBody(name, of, job), ...settings }
    const answer = await this.call<{ readonly id: number }>('POST', 'job-types/', body)
    expect(answer.status, JSON.stringify(answer.body)).toBe(201)
    return answer.body.id
  }

  /** Creates a job, and resolves to its id. */
  async job(typeId: number, input: object = {}, more: object = {}): Promise<number> {
    const answer = await this.call<ScaleJob>('POST', 'jobs/', { job_type_id: typeId, input, ...more })
    expect(answer.status, JSON.stringify(answer.body)).toBe(201)
    return answer.body.id
  }

  async shown(id: number): Promise<ScaleJob> {
    return (await this.call<ScaleJob>('GET', `jobs/${id}/`)).body
  }

  /** The job, once it is so. */
  async ended(id: number, status: string): Promise<ScaleJob> {
    await expect.poll(async () => (await this.shown(id)).status, { timeout: ENDS_WITHIN_MS }).toBe(status)
    return this.shown(id)
  }
}
