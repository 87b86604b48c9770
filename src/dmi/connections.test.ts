import { setImmediate } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { DmiConnections } from './connections.ts'
import { json, type TestService, testService } from './dmi-test-service.ts'
import { type Answer, Exchange } from './exchange.ts'

const SILENCE_MS = 1_000

/** `headersTimeoutMs` is short where a service is silent, and long where nobody is: on a busy machine an answer takes its time. */
function connectionsOf(connectionsMax: number, headersTimeoutMs = 60_000): DmiConnections {
  const timeouts = { connectTimeoutMs: 60_000, headersTimeoutMs, bodyTimeoutMs: 60_000, keepAliveMs: 60_000 }
  const connections = new DmiConnections({ connectionsMax, ...timeouts })
  onTestFinished(() => connections.close())
  return connections
}

async function ask(connections: DmiConnections, { service }: TestService): Promise<unknown> {
  const answer = await answerTo(connections, service.baseUrl)
  // A connection counts as free a turn of the loop after its answer.
  await setImmediate()
  if (answer.type !== 'whole') throw new Error(`the answer is ${answer.type}`)
  return JSON.parse(answer.bytes.toString())
}

function answerTo(connections: DmiConnections, origin: string): Promise<Answer> {
  const exchange = new Exchange({ streams: false, replyBytesMax: 10_000, deadline: 1, clock: { now: () => 0 } })
  connections.send({ origin, path: '/', method: 'GET' }, exchange)
  return exchange.answer
}

function manyServices(count: number): Promise<readonly TestService[]> {
  return Promise.all(Array.from({ length: count }, (_, n) => testService(json(n))))
}

describe('connections to plugins', () => {
  it('are no more than allowed, to however many services: the ones that were used the longest ago are closed', async () => {
    const services = await manyServices(12)
    const connections = connectionsOf(4)
    for (let round = 0; round < 2; round += 1) {
      for (const [n, service] of services.entries()) expect(await ask(connections, service)).toBe(n)
    }
    expect(services.map((each) => each.connections())).toEqual(services.map(() => 2))
    const open = (): number => services.reduce((sum, each) => sum + each.open(), 0)
    await expect.poll(open).toBe(4)
    await ask(connections, services.at(-1)!)
    expect(services.at(-1)!.connections()).toBe(2)
  })

  it('are waited for when all are in use, to the same service or another', async () => {
    const services = await manyServices(3)
    const connections = connectionsOf(2)
    let most = 0
    const answers = await Promise.all(Array.from({ length: 30 }, async (_, n) => {
      const answer = await ask(connections, services[n % 3]!)
      most = Math.max(most, connections.open)
      return answer
    }))
    expect(most).toBe(2)
    expect(answers).toEqual(Array.from({ length: 30 }, (_, n) => n % 3))
  })

  it('come back from services that never answer, and from those that are not there', async () => {
    const [lively, silent, gone] = [await testService(json('yes')), await testService(() => undefined), 'http://127.0.0.1:1']
    const connections = connectionsOf(2, SILENCE_MS)
    const failing = [silent.service.baseUrl, gone, gone, silent.service.baseUrl].map((origin) => answerTo(connections, origin))
    const asked = ask(connections, lively)
    expect((await Promise.all(failing)).map(({ type }) => type)).toEqual(Array(4).fill('broken'))
    expect(await asked).toBe('yes')
  })

  it('are all there again after services that break off, close, answer early or hang, and callers that give up', async () => {
    const services = await Promise.all([
      testService(json('well')),
      testService((response) => response.writeHead(200, { connection: 'close' }).end('"closes"')),
      testService((response) => response.socket?.destroy()),
      testService((response) => response.writeHead(200, { 'content-length': '9' }).write('x', () => response.destroy())),
      testService((response) => response.end(Buffer.alloc(200_000))),
      testService(() => undefined),
    ])
    const connections = connectionsOf(4, SILENCE_MS)
    const exchanges = Array.from({ length: 48 }, (_, n) => {
      const exchange = new Exchange({ streams: false, replyBytesMax: 10_000, deadline: 1, clock: { now: () => 0 } })
      const headers = n % 11 === 0 ? { x: 'no header\r\n' } : {}
      connections.send({ origin: services[n % services.length]!.service.baseUrl, path: '/', method: 'GET', headers }, exchange)
      if (n % 7 === 0) exchange.giveUp()
      return exchange
    })
    await Promise.all(exchanges.map(({ answer }) => answer))
    const [well] = services
    expect(await Promise.all([1, 2, 3, 4].map(() => ask(connections, well)))).toEqual(Array(4).fill('well'))
  })

  it('fail those who wait when they are closed', async () => {
    const silent = await testService(() => undefined)
    const connections = connectionsOf(1)
    const asked = [0, 1, 2].map(() => ask(connections, silent))
    const all = Promise.allSettled(asked)
    await connections.close()
    expect((await all).map(({ status }) => status)).toEqual(Array(3).fill('rejected'))
  })
})
