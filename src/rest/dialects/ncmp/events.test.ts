import { get as httpGet, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { endedPhase, sampleJob } from '../../../../test/contract/read-model.ts'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import type { Phase } from '../../../domain/job.ts'
import { ReadModelFailure } from '../../../read-model/port.ts'

const JOB = '/ranoam/cm/v1/dataJob/job-1'
const RUNNING: Phase = { state: 'running', startedAt: 5 }

let fixture: RestFixture
let app: FastifyInstance

/** What a client hears on a connection of its own. */
class Listener {
  readonly response: IncomingMessage
  #text = ''
  isOver = false

  constructor(response: IncomingMessage) {
    this.response = response
    response.setEncoding('utf8')
    response.on('data', (text: string) => (this.#text += text))
    response.on('close', () => (this.isOver = true))
  }

  get text(): string {
    return this.#text
  }

  /** Each event as `id event status`. */
  get events(): readonly string[] {
    const events = [...this.#text.matchAll(/^id: (.*)\nevent: (.*)\ndata: (.*)\n\n/gm)]
    return events.map(([, id, event, data]) => `${id} ${event} ${(JSON.parse(data!) as { status: string }).status}`)
  }

  hears(...events: readonly string[]): Promise<void> {
    return expect.poll(() => this.events).toEqual(events)
  }
}

async function listen(headers: Readonly<Record<string, string>> = {}): Promise<Listener> {
  if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpGet({ port, host: '127.0.0.1', path: `${JOB}/events`, headers, agent: false }, resolve).on('error', reject)
  })
  return new Listener(response)
}

const change = (version: number, phase: Phase): Promise<void> => fixture.change(sampleJob({}, phase), version)

beforeEach(async () => {
  fixture = new RestFixture()
  app = await fixture.build()
  return () => app.close()
})

describe('the events of a job', () => {
  it('tell the job as it is, each change, and the end', async () => {
    await change(3, { state: 'accepted' })
    const listener = await listen()
    expect(listener.response.statusCode).toBe(200)
    expect(listener.response.headers).toMatchObject({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    await listener.hears('3 status NOT_STARTED')
    await change(5, RUNNING)
    await listener.hears('3 status NOT_STARTED', '5 status RUNNING')
    await change(9, endedPhase('failed'))
    await listener.hears('3 status NOT_STARTED', '5 status RUNNING', '9 status FAILED', '9 end FAILED')
    await expect.poll(() => listener.isOver).toBe(true)
    expect(listener.text).toMatch(/^retry: 2000\n\n/)
    expect(fixture.listeners).toBe(0)
  })

  it('carry what the status says', async () => {
    await change(3, endedPhase('succeeded'))
    const listener = await listen()
    await expect.poll(() => listener.isOver).toBe(true)
    const { port } = app.server.address() as AddressInfo
    const status: unknown = await (await fetch(`http://127.0.0.1:${port}${JOB}`)).json()
    const data = [...listener.text.matchAll(/^data: (.*)$/gm)].map(([, text]) => JSON.parse(text!) as unknown)
    expect(data).toEqual([status, status])
  })

  it('begin with a job of which only the command was read', async () => {
    const payload = { jobId: 'job-1', data: [{ op: 'read', path: '/a' }] }
    await app.inject({ method: 'POST', url: '/ranoam/cm/v1/dataJob', payload })
    const listener = await listen()
    await listener.hears('0 status NOT_STARTED')
  })

  it('go on behind the last one heard, on any instance', async () => {
    await change(3, { state: 'accepted' })
    const heard = await listen({ 'last-event-id': '3' })
    const missed = await listen({ 'last-event-id': '2' })
    await missed.hears('3 status NOT_STARTED')
    await change(4, RUNNING)
    await heard.hears('4 status RUNNING')
    await missed.hears('3 status NOT_STARTED', '4 status RUNNING')
  })

  it('are over for a client that has heard the end: 204 stops browsers from coming again', async () => {
    await change(9, endedPhase('succeeded'))
    expect((await listen({ 'last-event-id': '9' })).response.statusCode).toBe(204)
    const late = await listen({ 'last-event-id': '8' })
    await late.hears('9 status FINISHED', '9 end FINISHED')
  })

  it('are waited for by a client that another instance has told more', async () => {
    await change(3, RUNNING)
    const progress = { ...fixture.progress, waitForJob: () => change(7, endedPhase('succeeded')).then(() => true) }
    const [before] = [app]
    app = await new RestFixture().build({ readModel: fixture.readModel, progress })
    const listener = await listen({ 'last-event-id': '7' })
    expect(listener.response.statusCode).toBe(204)
    await before.close()
  })

  it('begin anew for a client that knew another job of that id', async () => {
    await change(3, RUNNING)
    const listener = await listen({ 'last-event-id': '4000' })
    await listener.hears('3 status RUNNING')
  })

  it('begin anew after an id that is none', async () => {
    await change(3, RUNNING)
    await (await listen({ 'last-event-id': '-1; drop' })).hears('3 status RUNNING')
  })

  it('cost one read for each change, however many listen', async () => {
    await change(1, { state: 'accepted' })
    const first = await listen()
    const listeners = [first, ...(await Promise.all(Array.from({ length: 20 }, () => listen())))]
    for (const each of listeners) await each.hears('1 status NOT_STARTED')
    const read = vi.spyOn(fixture.readModel, 'versionedJob')
    await change(2, RUNNING)
    for (const each of listeners) await each.hears('1 status NOT_STARTED', '2 status RUNNING')
    expect(read).toHaveBeenCalledTimes(1)
    expect(fixture.listeners).toBe(1)
  })

  it('are kept alive while nothing happens', async () => {
    await change(1, { state: 'accepted' })
    const listener = await listen()
    await listener.hears('1 status NOT_STARTED')
    fixture.time.pass(15_000)
    await expect.poll(() => listener.text).toMatch(/\n:\n\n$/)
    await change(2, RUNNING)
    await listener.hears('1 status NOT_STARTED', '2 status RUNNING')
  })

  it('hold only the latest state for a client that does not read', async () => {
    const large = sampleJob({ message: 'x'.repeat(1_000_000) }, RUNNING)
    await fixture.change(large, 1)
    const slow = await listen()
    slow.response.pause()
    for (let version = 2; version < 300; version += 1) await fixture.change(large, version)
    await change(300, endedPhase('succeeded'))
    slow.response.resume()
    await expect.poll(() => slow.isOver).toBe(true)
    const ids = slow.events.map((event) => Number(event.split(' ')[0]))
    expect(ids.length).toBeLessThan(50)
    expect(slow.events.slice(-2)).toEqual(['300 status FINISHED', '300 end FINISHED'])
  })

  it('end for a client that reads nothing for a minute', async () => {
    const large = sampleJob({ message: 'x'.repeat(20_000_000) }, RUNNING)
    await fixture.change(large, 1)
    const dead = await listen()
    dead.response.pause()
    for (let beat = 0; beat < 6; beat += 1) fixture.time.pass(15_000)
    await expect.poll(() => fixture.listeners).toBe(0)
    dead.response.destroy()
  })

  it('are let go of once the client is', async () => {
    await change(1, { state: 'accepted' })
    const listener = await listen()
    await listener.hears('1 status NOT_STARTED')
    expect((await app.inject({ url: '/metrics' })).body).toContain('datajob_event_streams_open 1')
    listener.response.destroy()
    await expect.poll(() => fixture.listeners).toBe(0)
    expect(fixture.time.pending).toBe(0)
  })

  it('are refused once too many streams are open', async () => {
    app = await new RestFixture().build({
      ...{ readModel: fixture.readModel, progress: fixture.progress, limits: { eventStreamsMax: 1 } },
    })
    await change(1, { state: 'accepted' })
    await (await listen()).hears('1 status NOT_STARTED')
    const { response } = await listen()
    expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '2'])
  })

  it('end when the server is stopped', async () => {
    await change(1, { state: 'accepted' })
    const listener = await listen()
    await listener.hears('1 status NOT_STARTED')
    await app.close()
    await expect.poll(() => listener.isOver).toBe(true)
    expect(listener.events).toEqual(['1 status NOT_STARTED'])
  })

  it('end when the job is gone', async () => {
    await change(1, RUNNING)
    const listener = await listen()
    await listener.hears('1 status RUNNING')
    await fixture.forget('job-1')
    await expect.poll(() => listener.isOver).toBe(true)
  })

  it('break off when the job can’t be read, for the client to come again', async () => {
    await change(1, RUNNING)
    const listener = await listen()
    await listener.hears('1 status RUNNING')
    fixture.readModel.versionedJob = () => Promise.reject(new ReadModelFailure('disk full', { disposition: 'restart' }))
    await change(2, RUNNING)
    await expect.poll(() => listener.isOver).toBe(true)
    expect(fixture.listeners).toBe(0)
  })

  it('are 404 for an unknown job, and are no page for HEAD', async () => {
    expect((await app.inject({ url: `${JOB}/events` })).statusCode).toBe(404)
    expect((await app.inject({ method: 'HEAD', url: `${JOB}/events` })).statusCode).toBe(405)
    expect((await app.inject({ url: `${JOB}/events?since=1` })).statusCode).toBe(400)
  })
})
