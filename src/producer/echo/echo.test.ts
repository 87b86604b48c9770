import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualTime } from '../../../test/fakes/manual-time.ts'
import type { LoopbackServer } from '../loopback-server.ts'
import { EchoJobs } from './echo-jobs.ts'
import { readEchoOrder } from './echo-request.ts'
import { startEchoProducer } from './start-echo-producer.ts'

const LIMITS = { bytesMax: 10_000, retentionMs: 1_000 }
const operation = (inputs: unknown): object => ({ operationId: 'a', op: 'action', path: '/p#execute', value: { input: { inputs } } })

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'datajob-echo-'))
  return () => {
    rmSync(folder, { recursive: true })
  }
})

describe('EchoJobs', () => {
  it('goes on after a kill, but for what was being written then', () => {
    const time = new ManualTime(0)
    const id = new EchoJobs(folder, LIMITS, time).submit('key', { responses: '[1]', pauseMs: 200 }) ?? ''
    writeFileSync(join(folder, 'torn'), '{"resp')
    time.pass(100)
    const jobs = new EchoJobs(folder, LIMITS, time)
    expect([jobs.status(id), jobs.responses(id)]).toEqual([{ status: 'RUNNING', progress: 50 }, '[1]'])
    expect(jobs.submit('key', { responses: '[2]', pauseMs: 0 })).toBe(id)
    expect(readdirSync(folder)).toEqual([id])
  })

  it('gives back what it was given once its pause is over, and says how far it is', () => {
    const time = new ManualTime(0)
    const jobs = new EchoJobs(folder, LIMITS, time)
    const id = jobs.submit('key', { responses: '[1]', pauseMs: 200 }) ?? ''
    expect(jobs.submit('key', { responses: '[2]', pauseMs: 0 })).toBe(id)
    time.pass(50)
    expect(jobs.status(id)).toEqual({ status: 'RUNNING', progress: 25 })
    time.pass(150)
    jobs.cancel(id)
    expect([jobs.status(id), jobs.responses(id)]).toEqual([{ status: 'FINISHED', progress: 100 }, '[1]'])
  })

  it('has nothing to say of what was cancelled in time, nor of what it does not know', () => {
    const jobs = new EchoJobs(folder, LIMITS, new ManualTime(0))
    const id = jobs.submit(undefined, { responses: '[1]', pauseMs: 200 }) ?? ''
    jobs.cancel(id)
    expect([jobs.status(id)?.status, jobs.responses(id)]).toEqual(['CANCELLED', '[]'])
    expect(jobs.status('nobody')).toBeNull()
  })

  it('holds no more than it may, and has room again once what has ended is old enough', () => {
    const time = new ManualTime(0)
    const jobs = new EchoJobs(folder, LIMITS, time)
    const order = { responses: 'x'.repeat(3_000), pauseMs: 0 }
    const first = jobs.submit('first', order)
    expect(jobs.submit(undefined, order)).toBeNull()
    time.pass(1_000)
    expect(jobs.submit('second', order)).not.toBeNull()
    expect(jobs.status(first ?? '')).toBeNull()
    expect(jobs.submit('first', order)).toBeNull()
  })
})

describe('an order', () => {
  it('is each input but the pause, as the output of the same name', () => {
    const read = readEchoOrder({ dataProducerId: 'p', data: [operation({ string: 'x', pause: 1.5 })] })
    expect(read).toMatchObject({ ok: true, dataProducerId: 'p', order: { pauseMs: 1_500 } })
    const responses: unknown = read.ok ? JSON.parse(read.order.responses) : null
    expect(responses).toMatchObject([{ operationId: 'a', statusCode: 0, result: { outputs: { string: 'x' } } }])
  })

  it.each([
    [{}, 'data is missing, empty, or no list'],
    [{ data: [{ operationId: 1 }] }, 'data[0].value.input.inputs is missing'],
    [{ data: [operation({ pause: -1 })] }, 'data[0].value.input.inputs.pause is no number from 0 to 3600'],
  ])('that is none is refused: %j', (body, message) => {
    expect(readEchoOrder(body)).toEqual({ ok: false, message })
  })
})

describe('the echo producer', () => {
  let producer: LoopbackServer

  afterEach(() => producer.close())

  it('answers the calls of the contract, and 503 of what it was not given', async () => {
    producer = await startEchoProducer(folder)
    const call = (method: string, path: string, body?: object): Promise<Response> =>
      fetch(`${producer.url}/dmi/v1/dataJob/j/${path}`, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    const submitted = await call('POST', 'writeJob', { data: [operation({ string: 'x' })] })
    expect(submitted.status).toBe(202)
    const { dataProducerJobId: id } = (await submitted.json()) as { readonly dataProducerJobId: string }
    expect(await (await call('GET', `dataProducerJob/${id}/status`)).json()).toEqual({ status: 'FINISHED', progress: 100 })
    const result = await (await call('GET', `dataProducerJob/${id}/result`)).json()
    expect(result).toMatchObject({ data: { responses: [{ operationId: 'a', result: { outputs: { string: 'x' } } }] } })
    expect((await call('DELETE', `dataProducerJob/${id}`)).status).toBe(202)
    for (const about of ['/status', '/result']) expect((await call('GET', `dataProducerJob/nobody${about}`)).status).toBe(503)
    expect((await call('POST', 'writeJob', {})).status).toBe(400)
  })
})
