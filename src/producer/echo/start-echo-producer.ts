import type { IncomingMessage, ServerResponse } from 'node:http'
import { systemClock } from '../../runtime/clock.ts'
import { dmiCallOf, type DmiRoute } from '../dmi-route.ts'
import { readJsonBody } from '../json-body.ts'
import { listenOnLoopback, type LoopbackServer } from '../loopback-server.ts'
import { reply } from '../reply.ts'
import { EchoJobs } from './echo-jobs.ts'
import { readEchoOrder } from './echo-request.ts'

/** A submission is not larger than a record of Kafka's. */
const BODY_BYTES_MAX = 4 * 1024 * 1024
const HELD_BYTES_MAX = 128 * 1024 * 1024
const RETENTION_MS = 60_000

/**
 * A producer behind the DMI contract that gives back what it is given, after a pause: the built-in process `echo`. The folder is its
 * own, and its memory through a kill (docs/adr/0011): asked for what a process with another folder was given, it answers 503, and the
 * subjob is submitted again.
 */
export function startEchoProducer(folder: string): Promise<LoopbackServer> {
  const jobs = new EchoJobs(folder, { bytesMax: HELD_BYTES_MAX, retentionMs: RETENTION_MS }, systemClock)
  return listenOnLoopback(0, (request, response) => {
    const call = dmiCallOf(request, response)
    if (call === null) return
    if (call.type !== 'submit') {
      answer(jobs, call, response)
      return
    }
    submit(jobs, call.contract, request, response).catch((error: unknown) => {
      reply(response, 503, { message: `it can't be kept: ${String(error)}` })
    })
  })
}

async function submit(jobs: EchoJobs, contract: 'dataJob' | 'cmJob', request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readJsonBody(request, BODY_BYTES_MAX)
  if (body.type === 'gone') return
  if (body.type !== 'read') {
    reply(response, body.type === 'too-large' ? 413 : 400, { message: body.message })
    return
  }
  const read = readEchoOrder(body.value)
  if (!read.ok) {
    reply(response, 400, { message: read.message })
    return
  }
  const key = request.headers['idempotency-key']
  const id = jobs.submit(typeof key === 'string' ? key : undefined, read.order)
  if (id === null) {
    response.setHeader('retry-after', '1')
    reply(response, 429, { message: `all that is held may have ${HELD_BYTES_MAX} bytes` })
  } else if (contract === 'dataJob') {
    reply(response, 202, { dataProducerJobId: id })
  } else {
    reply(response, 202, { subJobId: id, dmiServiceName: 'echo', dataProducerId: read.dataProducerId })
  }
}

function answer(jobs: EchoJobs, call: Exclude<DmiRoute, { readonly type: 'submit' }>, response: ServerResponse): void {
  const id = call.dataProducerJobId
  if (call.type === 'cancel') jobs.cancel(id)
  const status = jobs.status(id)
  if (status === null) {
    reply(response, 503, { message: 'it was given to a process with another folder, or is forgotten: it is to be submitted again' })
  } else if (call.type === 'result') {
    response.writeHead(200, { 'content-type': 'application/json' }).end(`{"data":{"responses":${jobs.responses(id)}}}`)
  } else {
    reply(response, call.type === 'cancel' ? 202 : 200, status)
  }
}
