/** The DMI contract, both versions of it, as an exec producer answers it; and what an operator and a dialect ask beside it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type DmiRoute, dmiCallOf } from '../dmi-route.ts'
import { readJsonBody } from '../json-body.ts'
import { drained, reply } from '../reply.ts'
import { admit } from './allow-list.ts'
import { type BasicCredentials, isAuthorized } from './basic-auth.ts'
import type { CwlRunner } from './cwl-runner.ts'
import type { ExecConfig } from './exec-config.ts'
import { readExecRequest } from './exec-request.ts'
import type { ExecProducer } from './exec-producer.ts'
import { statusOf } from './exec-result.ts'
import type { StoredResult } from './exec-store.ts'
import { readSubmission } from './submission.ts'

export interface ExecRoutesParts {
  readonly config: ExecConfig
  readonly producer: ExecProducer
  readonly cwl: CwlRunner | null
  readonly credentials: BasicCredentials | null
  /** What the machine lacks, in words. */
  readonly warnings: readonly string[]
}

const RETRY_AFTER_S = '5'
const PIECE_LENGTH = 65_536

export class ExecRoutes {
  readonly #parts: ExecRoutesParts

  constructor(parts: ExecRoutesParts) {
    this.#parts = parts
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    const { config, producer, credentials, warnings } = this.#parts
    if (url === '/health') {
      reply(response, 200, { status: 'UP', name: config.name, warnings })
      return
    }
    if (credentials !== null && !isAuthorized(request.headers.authorization, credentials)) {
      response.setHeader('www-authenticate', 'Basic realm="datajob exec", charset="UTF-8"')
      reply(response, 401, { message: 'the request does not say who sent it, or the credentials are unknown' })
      return
    }
    if (url === '/stats') {
      reply(response, 200, producer.stats)
      return
    }
    if (url === '/v1/check') {
      if (method === 'POST') await this.#check(request, response)
      else reply(response, 405, { message: `/v1/check has no ${method}` })
      return
    }
    const call = dmiCallOf(request, response)
    if (call !== null) await this.#call(call, request, response)
  }

  async #call(route: DmiRoute, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { producer } = this.#parts
    if (route.type === 'submit') {
      await this.#submit(route.contract, request, response)
      return
    }
    const id = route.dataProducerJobId
    if (route.type === 'status') {
      const status = await producer.status(id)
      if (status !== null) reply(response, 200, status)
      else unknownJob(response)
    } else if (route.type === 'cancel') {
      if (!producer.cancel(id)) unknownJob(response)
      else reply(response, 202, { status: (await producer.status(id))?.status ?? 'CANCELLED' })
    } else {
      await this.#result(id, response)
    }
  }

  async #submit(contract: 'dataJob' | 'cmJob', request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { config, producer } = this.#parts
    const body = await readJsonBody(request, config.bodyBytesMax)
    if (body.type === 'gone') return
    if (body.type !== 'read') {
      reply(response, body.type === 'too-large' ? 413 : 400, { message: body.message })
      return
    }
    const read = readSubmission(body.value, config)
    if (read.type !== 'read') {
      reply(response, read.type === 'invalid' ? 400 : 422, { message: read.message })
      return
    }
    const key = request.headers['idempotency-key']
    const submission = producer.submit(typeof key === 'string' ? key : undefined, read.jobId, read.operations)
    if (submission.type !== 'accepted') {
      const isFull = submission.type === 'full'
      response.setHeader('retry-after', RETRY_AFTER_S)
      reply(response, isFull ? 429 : 503, { message: isFull ? `as many jobs wait as may, jobsMax is ${config.jobsMax}` : 'it stops' })
    } else if (contract === 'dataJob') {
      reply(response, 202, { dataProducerJobId: submission.id })
    } else {
      reply(response, 202, { subJobId: submission.id, dmiServiceName: config.name, dataProducerId: read.dataProducerId })
    }
  }

  async #result(id: string, response: ServerResponse): Promise<void> {
    const found = this.#parts.producer.results(id)
    if (found === null) {
      unknownJob(response)
      return
    }
    if (!found.isOver) {
      reply(response, 409, { message: 'the job is not finished' })
      return
    }
    response.writeHead(200, { 'content-type': 'application/json' })
    let text = '{"data":{"responses":['
    let separator = ''
    for (const stored of found.results) {
      text += separator + responseText(stored)
      separator = ','
      if (text.length < PIECE_LENGTH) continue
      if (!response.write(text)) await drained(response)
      if (response.destroyed) return
      text = ''
    }
    response.end(`${text}]}}`)
  }

  /** Whether an operation with that value would run here, asked before there is a job. Nothing is run but `cwltool --pack`. */
  async #check(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { config, cwl } = this.#parts
    const body = await readJsonBody(request, config.bodyBytesMax)
    if (body.type === 'gone') return
    if (body.type !== 'read') {
      reply(response, body.type === 'too-large' ? 413 : 400, { message: body.message })
      return
    }
    const read = readExecRequest(body.value)
    if (!read.ok) {
      reply(response, 400, { message: read.problems.join('; ') })
      return
    }
    const admission = admit(read.request, config)
    if (!admission.ok || read.request.type !== 'cwl' || cwl === null) reply(response, 200, admission)
    else reply(response, 200, { ...admission, ...(await cwl.check(read.request)) })
  }
}

function responseText({ operation: { operationId, op, path }, result }: StoredResult): string {
  return JSON.stringify({ operationId, ...statusOf(result), request: { op, path }, result })
}

function unknownJob(response: ServerResponse): void {
  reply(response, 404, { message: 'no such job, or it has been forgotten' })
}
