/** A `datajob producer exec` of its own, and what a client of the contract says to it. */
import { readdirSync, readFileSync } from 'node:fs'
import type { ExecResult } from '../../src/producer/exec/exec-result.ts'
import type { Child } from './children.ts'
import { until } from './until.ts'

export interface ExecOperationToSubmit {
  readonly operationId: string | number
  readonly value: object
}

export interface ExecResponse {
  readonly operationId: string | number
  readonly statusCode: number
  readonly statusMessage: string
  readonly result: ExecResult
}

export interface ExecStatusReply {
  readonly status: string
  readonly progress: number
  readonly message: string
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

const OVER: ReadonlySet<string> = new Set(['FINISHED', 'PARTIALLY_FAILED', 'FAILED', 'CANCELLED'])

export class ExecProducerProcess {
  readonly child: Child
  readonly url: string

  constructor(child: Child, url: string) {
    this.child = child
    this.url = url
  }

  async request(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) }
    const response = await fetch(this.url + path, { method, headers: { 'content-type': 'application/json', ...headers }, ...sent })
    return { status: response.status, headers: response.headers, body: await response.json() }
  }

  submit(key: string, operations: readonly ExecOperationToSubmit[], jobId = 'job 1'): Promise<Answer> {
    const data = operations.map((operation) => ({ path: '/exec=1', op: 'action', moduleSetTag: '', ...operation }))
    const body = { dataProducerId: '', dataJobId: jobId, data }
    return this.request('POST', `/dmi/v1/dataJob/${encodeURIComponent(jobId)}/writeJob?destination=`, body, { 'idempotency-key': key })
  }

  /** Its id, once it is accepted. */
  async accepted(key: string, ...values: readonly object[]): Promise<string> {
    const { status, body } = await this.submit(key, values.map((value, at) => ({ operationId: at + 1, value })))
    if (status !== 202) throw new Error(`${key} was answered ${status}: ${JSON.stringify(body)}`)
    return (body as { readonly dataProducerJobId: string }).dataProducerJobId
  }

  async status(id: string): Promise<ExecStatusReply> {
    const { status, body } = await this.request('GET', `/dmi/v1/dataJob/x/dataProducerJob/${id}/status?dataProducerId=`)
    if (status !== 200) throw new Error(`the status of ${id} was answered ${status}`)
    return body as ExecStatusReply
  }

  async cancel(id: string): Promise<void> {
    await this.request('DELETE', `/dmi/v1/dataJob/x/dataProducerJob/${id}?dataProducerId=`)
  }

  /** Its last status, once it is over. */
  over(id: string): Promise<string> {
    return until(`${id} is over`, async () => {
      const { status } = await this.status(id)
      return OVER.has(status) ? status : null
    })
  }

  /** What became of its operations, once it is over. */
  async responses(id: string): Promise<readonly ExecResponse[]> {
    await this.over(id)
    const { body } = await this.request('GET', `/dmi/v1/dataJob/x/dataProducerJob/${id}/result?dataProducerId=&destination=`)
    return (body as { readonly data: { readonly responses: readonly ExecResponse[] } }).data.responses
  }

  /** The same of a job that has one operation. */
  async response(id: string): Promise<ExecResponse> {
    const [response, ...others] = await this.responses(id)
    if (response === undefined || others.length > 0) throw new Error(`${id} has ${others.length} responses more than one`)
    return response
  }
}

/** The processes of this machine that have the word among their arguments, however they were started. */
export function processesWith(word: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => argumentsOf(pid).includes(word))
    .map(Number)
}

function argumentsOf(pid: string): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  } catch {
    // It has gone meanwhile.
    return []
  }
}

/** What the shell of the list is given. */
export function script(text: string, more: object = {}): object {
  return { command: ['sh', text], ...more }
}

let times = 0

/** An argument that no other process has: a time to sleep, in seconds, far beyond any test. */
export function longTime(): string {
  times += 1
  return `90000.${process.pid}${times}`
}

/** A daemon in a session of its own, whose first parent is gone, and which hears no SIGTERM; its time tells it. */
export function daemon(time: string): string {
  return `(setsid sh -c 'trap "" TERM; sleep ${time} & wait' >/dev/null 2>&1 &) ; `
}

/** Resolves once something sleeps that long. */
export async function running(time: string): Promise<void> {
  await until(`sleep ${time} runs`, () => processesWith(time).length > 0)
}

/** For producers that are to end soon. */
export const shortGrace = { killGraceSeconds: 1, stopSeconds: 0 }

export const shellPrograms = {
  sh: { path: '/bin/sh', shell: true },
  echo: { path: '/bin/echo' },
  greet: { path: '/bin/echo', arguments: ['hello'] },
}
