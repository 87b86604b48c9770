import { request as httpRequest } from 'node:http'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DmiClient, type DmiService, type SubjobCall } from '../dmi/dmi-client.ts'
import { readSubjobResult } from '../dmi/responses.ts'
import { submitBody } from '../dmi/submit-body.ts'
import type { TimerHandle, Timers } from '../runtime/clock.ts'
import { startSimulatedProducer } from './simulate.ts'
import { readSimulationOptions, type SimulatedProducerOptions } from './simulation-options.ts'

class ManualTime implements Timers {
  ms = 0
  #due: (() => void)[] = []
  readonly set = Promise.withResolvers<undefined>()
  now = (): number => this.ms

  after(_: number, run: () => void): TimerHandle {
    this.#due.push(run)
    this.set.resolve(undefined)
    return { cancel: () => { this.#due = this.#due.filter((each) => each !== run) } }
  }

  fire(): void {
    for (const run of this.#due.splice(0)) run()
  }
}

type Texts = Partial<Record<keyof SimulatedProducerOptions, string>>

interface Response {
  readonly operationId: string | number
  readonly statusCode: number | undefined
  readonly raw: string
}

interface Bench {
  readonly url: string
  readonly time: ManualTime
  readonly client: DmiClient
  readonly service: DmiService
  readonly submit: (call?: Partial<SubjobCall>, operations?: number) => Promise<string>
  readonly status: (id: string, call?: Partial<SubjobCall>) => Promise<string>
  readonly responses: (id: string) => Promise<Response[]>
  readonly stats: () => Promise<Record<string, number>>
}

const signal = new AbortController().signal
const call: SubjobCall = {
  requestId: 'job-1', kind: 'WRITE', dataProducerId: 'p1', destination: 'results', idempotencyKey: 'job-1/0',
}

function bodyOf(operations: number): Buffer {
  const types = { dataAcceptType: null, dataContentType: null }
  const head = { destination: '', ...types, dataProducerId: 'p1', dataJobId: 'job-1' }
  const list = Array.from({ length: operations }, (_, i) => {
    const value = `{"id":"${i}","attributes":{}}`
    return { operationId: String(i), op: 'add', path: `/Me=1/Cell=${i}`, moduleSetTag: '', value }
  })
  return submitBody(head, list)
}

async function producer(texts: Texts = {}, contract: DmiService['contract'] = 'dataJob'): Promise<Bench> {
  const read = readSimulationOptions({ name: 'sim', delayMs: '100', ...texts })
  if (!read.ok) throw new Error(read.problems.join('\n'))
  const time = new ManualTime()
  const simulated = await startSimulatedProducer(read.options, { clock: time, timers: time })
  onTestFinished(() => simulated.close())
  const { url } = simulated
  const client = new DmiClient({
    connectionsMax: 8, connectTimeoutMs: 5_000, headersTimeoutMs: 5_000, bodyTimeoutMs: 5_000,
    callTimeoutMs: 5_000, resultTimeoutMs: 60_000, keepAliveMs: 4_000, replyBytesMax: 65_536, retryAfterMsMax: 60_000, clock: time,
  })
  onTestFinished(() => client.close())
  const service: DmiService = { name: 'sim', baseUrl: url, contract }
  return {
    url, time, client, service,
    submit: async (changes, operations = 3) => {
      const outcome = await client.submit(service, { ...call, ...changes }, bodyOf(operations), signal)
      return outcome.ok ? outcome.dataProducerJobId : String(outcome.httpStatus)
    },
    status: async (id, changes) => {
      const outcome = await client.status(service, { ...call, ...changes }, id, signal)
      return outcome.ok ? outcome.status : String(outcome.httpStatus)
    },
    responses: async (id) => {
      const result = await client.result(service, call, id, signal)
      if (!result.ok) throw new Error(result.message)
      const read = await readSubjobResult(result.chunks, result.contentType, { valueBytesMax: 2 ** 24, depthMax: 20 })
      if (read.type !== 'responses') throw new Error(read.type)
      const all = []
      for await (const response of read.responses) all.push({ ...response, raw: response.raw.toString() })
      return all
    },
    stats: async () => (await (await fetch(`${url}/stats`)).json()) as Record<string, number>,
  }
}

describe.each(['dataJob', 'cmJob'] as const)('in the contract %s a job', (contract) => {
  it.each(['READ', 'WRITE'] as const)('of kind %s runs for its time and has a response per operation', async (kind) => {
    const { submit, status, responses, time } = await producer({}, contract)
    const id = await submit({ kind })
    expect(await status(id)).toBe('RUNNING')
    time.ms += 99
    expect(await status(id)).toBe('RUNNING')
    time.ms += 1
    expect(await status(id)).toBe('FINISHED')
    const all = await responses(id)
    expect(all.map(({ operationId, statusCode }) => [operationId, statusCode])).toEqual([['0', 0], ['1', 0], ['2', 0]])
    expect(JSON.parse(all[1]!.raw)).toMatchObject({
      statusMessage: 'Successfully applied changes', request: { op: 'add', path: '/Me=1/Cell=1' },
    })
  })

  it('of a producer without a name works too', async () => {
    const { submit, status } = await producer({}, contract)
    const nameless = { dataProducerId: '' }
    expect(await status(await submit(nameless), nameless)).toBe('RUNNING')
  })

  it('that is cancelled stops, and has done nothing that it could answer', async () => {
    const { client, service, submit, status, responses } = await producer({}, contract)
    const id = await submit()
    expect(await client.cancel(service, call, id, signal)).toEqual({ ok: true })
    expect(await status(id)).toBe('CANCELLED')
    expect(await responses(id)).toEqual([])
  })
})

describe('a submission', () => {
  it('of the same key is the same job, counted once', async () => {
    const { submit, stats } = await producer()
    const [first, second] = await Promise.all([submit(), submit()])
    expect(second).toBe(first)
    expect(await submit({ idempotencyKey: 'job-1/1' })).not.toBe(first)
    expect(await stats()).toMatchObject({ submissions: 2, duplicates: 1, operations: 6, inFlight: 2, httpCalls: 3 })
  })

  it('of the same key has the same id after a restart', async () => {
    expect(await (await producer()).submit()).toBe(await (await producer()).submit())
  })

  it.each([
    ['{"data":[{"op":"add"}]}', 'data[0] is no operation'],
    ['{"data":[1]}', 'data[0] is no operation'],
    ['{"data":[{"op" "add"}]}', 'data[0] is no operation'],
    ['{}', 'data is missing'],
    ['{"data":[', 'The document ended'],
  ])('that is broken is refused with what is wrong: %s', async (body, message) => {
    const { url } = await producer()
    const response = await fetch(`${url}/dmi/v1/cmwriteJob?destination=`, { method: 'POST', body })
    expect(response.status).toBe(400)
    expect(await response.text()).toContain(message)
  })

  it('beyond the memory is answered 503, until a job is finished and can be forgotten', async () => {
    const { submit, status, time, stats } = await producer({ memoryMib: '1' })
    const first = await submit({ idempotencyKey: 'a' }, 5_000)
    expect(await submit({ idempotencyKey: 'b' }, 5_000)).toBe('503')
    expect(await stats()).toMatchObject({ submissions: 1, held: 1 })
    time.ms += 100
    expect(await submit({ idempotencyKey: 'b' }, 5_000)).toMatch(/^sim-/)
    expect(await status(first)).toBe('404')
  })

  it('whose client goes away in the middle leaves nothing behind', async () => {
    const { url, submit, stats } = await producer({ memoryMib: '1' })
    const half = bodyOf(5_000)
    await new Promise<void>((resolve) => {
      const headers = { 'content-length': half.length }
      const request = httpRequest(`${url}/dmi/v1/cmwriteJob`, { method: 'POST', headers })
      request.on('error', () => { resolve() })
      request.write(half.subarray(0, half.length - 1), () => { request.destroy(new Error('gone')) })
    })
    await expect.poll(() => submit({}, 5_000)).toMatch(/^sim-/)
    expect(await stats()).toMatchObject({ submissions: 1 })
  })
})

describe('failures on purpose', () => {
  it('of operations by path make a job partially failed, in its result too', async () => {
    const { submit, status, responses, time } = await producer({ failOperations: 'Cell=[02]$' })
    const id = await submit()
    time.ms += 100
    expect(await status(id)).toBe('PARTIALLY_FAILED')
    expect((await responses(id)).map(({ statusCode }) => statusCode)).toEqual([104, 0, 104])
  })

  it('of all operations make a job failed', async () => {
    const { submit, status, time } = await producer({ failOperations: '1' })
    const id = await submit()
    time.ms += 100
    expect(await status(id)).toBe('FAILED')
  })

  it('of operations by rate are about as many, and the same ones for the same seed', async () => {
    const failed = async (seed: string): Promise<string> => {
      const { submit, responses, time } = await producer({ failOperations: '0.3', seed })
      const id = await submit({}, 1_000)
      time.ms += 100
      return (await responses(id)).map(({ statusCode }) => (statusCode === 0 ? '.' : 'x')).join('')
    }
    const first = await failed('1')
    expect(first.replaceAll('.', '').length).toBeGreaterThan(250)
    expect(first.replaceAll('.', '').length).toBeLessThan(350)
    expect(await failed('1')).toBe(first)
    expect(await failed('2')).not.toBe(first)
  })

  it('of submissions happen before and after the work was taken on, and the key keeps it one', async () => {
    const { submit, stats } = await producer({ failSubmits: '0.5' })
    const refused: string[] = []
    for (let i = 0; i < 40; i += 1) {
      for (let id = ''; !id.startsWith('sim-');) {
        id = await submit({ idempotencyKey: String(i) })
        if (id === '503') refused.push(id)
      }
    }
    const { submissions, duplicates, injectedFailures } = await stats()
    expect(submissions).toBe(40)
    expect(injectedFailures).toBe(refused.length)
    expect(duplicates).toBeGreaterThan(0)
    expect(duplicates).toBeLessThan(refused.length)
  })

  it('of status calls leave the job as it is', async () => {
    const { submit, status, time } = await producer({ failStatus: '0.5' })
    const id = await submit()
    time.ms += 100
    const seen = new Set<string>()
    for (let i = 0; i < 40; i += 1) seen.add(await status(id))
    expect([...seen].sort()).toEqual(['503', 'FINISHED'])
  })
})

describe('a result', () => {
  const sizes = [0, 10, 11, 64, 4_096, 4_097, 65_547, 65_548, 300_000]
  it.each(sizes)('has %i bytes for each operation', async (resultBytes) => {
    const { submit, responses, time } = await producer({ resultBytes: String(resultBytes) })
    const id = await submit()
    time.ms += 100
    for (const { raw } of await responses(id)) {
      const { result } = JSON.parse(raw) as { result: unknown }
      expect(JSON.stringify(result)).toHaveLength(resultBytes < 11 ? 2 : resultBytes)
    }
  })

  it('larger than memory comes no faster than it is read', async () => {
    const { client, service, submit, time } = await producer({ resultBytes: String(2 ** 38) })
    const id = await submit({}, 1)
    time.ms += 100
    const before = process.memoryUsage.rss()
    const result = await client.result(service, call, id, signal)
    if (!result.ok) throw new Error(result.message)
    let bytes = 0
    for await (const chunk of result.chunks) {
      bytes += (chunk as Buffer).length
      if (bytes > 2 ** 28) break
    }
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 2 ** 20)
  })

  it('is refused before the job is finished', async () => {
    const { client, service, submit } = await producer()
    expect(await client.result(service, call, await submit(), signal)).toMatchObject({ ok: false, httpStatus: 409 })
  })
})

describe('a job', () => {
  it('is forgotten when nobody has asked for it for long, but its key is not', async () => {
    const { submit, status, time, stats } = await producer({ forgetAfterMs: '1000' })
    const id = await submit()
    const asked = await submit({ idempotencyKey: 'asked' })
    time.ms += 900
    expect(await status(asked)).toBe('FINISHED')
    time.ms += 100
    await submit({ idempotencyKey: 'new' })
    expect(await status(id)).toBe('404')
    expect(await status(asked)).toBe('FINISHED')
    expect(await submit()).toBe(id)
    expect(await stats()).toMatchObject({ submissions: 3, duplicates: 1, held: 2 })
  })

  it('takes a time drawn from the range', async () => {
    const { submit, status, time } = await producer({ delayMs: '10..20' })
    const ids = await Promise.all(Array.from({ length: 30 }, (_, i) => submit({ idempotencyKey: String(i) })))
    const running = async (): Promise<number> => {
      const all = await Promise.all(ids.map((id) => status(id)))
      return all.filter((each) => each === 'RUNNING').length
    }
    time.ms += 9
    expect(await running()).toBe(30)
    time.ms += 6
    expect(await running()).toBeGreaterThan(0)
    expect(await running()).toBeLessThan(30)
    time.ms += 5
    expect(await running()).toBe(0)
  })
})

describe('the server', () => {
  it('answers health, and says what the contract does not have', async () => {
    const { url } = await producer()
    expect(await (await fetch(`${url}/health`)).json()).toEqual({ status: 'UP', name: 'sim' })
    expect((await fetch(`${url}/dmi/v1/nothing`)).status).toBe(404)
    expect((await fetch(`${url}/dmi/v1/dataJob/a/dataProducerJob/%ff/status`)).status).toBe(404)
    expect((await fetch(`${url}/dmi/v1/cmreadJob`)).status).toBe(405)
  })

  it('lets a call take its latency', async () => {
    const { status, time } = await producer({ latencyMs: '50' })
    const answered = status('none')
    await time.set.promise
    time.fire()
    expect(await answered).toBe('404')
  })

  it('stops while calls wait and results are under way', async () => {
    const time = new ManualTime()
    const read = readSimulationOptions({ latencyMs: '50' })
    if (!read.ok) throw new Error(read.problems.join('\n'))
    const simulated = await startSimulatedProducer(read.options, { clock: time, timers: time })
    const answered = fetch(`${simulated.url}/dmi/v1/dataJob/a/dataProducerJob/b/status`).catch(() => 'ended')
    await time.set.promise
    await simulated.close()
    expect(await answered).toBe('ended')
  })

  it('says that its port is taken', async () => {
    const { url } = await producer()
    await expect(producer({ port: new URL(url).port })).rejects.toThrow('EADDRINUSE')
  })
})
