import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemTimers } from '../runtime/clock.ts'
import { closeServer, endConnectionsOnClose } from './server-close.ts'

// Much longer than a test has.
const KEPT_ALIVE_MS = 600_000

describe('a server that closes', () => {
  let app: FastifyInstance
  let agent: Agent
  let arrived: PromiseWithResolvers<undefined>
  let answered: PromiseWithResolvers<undefined>

  beforeEach(() => {
    app = fastify({ keepAliveTimeout: KEPT_ALIVE_MS })
    agent = new Agent({ keepAlive: true })
    arrived = Promise.withResolvers()
    answered = Promise.withResolvers()
    app.get('/slow', async () => {
      arrived.resolve(undefined)
      await answered.promise
      return 'done'
    })
    app.get('/hijacked', async (_request, reply) => {
      reply.hijack()
      arrived.resolve(undefined)
      await answered.promise
      reply.raw.end('streamed')
    })
  })

  afterEach(() => {
    agent.destroy()
  })

  /** Resolves to the body, and what the answer says of the connection; rejects when that is cut off. */
  async function ask(path: string): Promise<readonly [body: string, connection: string | undefined]> {
    const { port } = app.server.address() as AddressInfo
    const [answer] = (await once(get({ port, path, agent }), 'response')) as [IncomingMessage]
    const body = (await answer.setEncoding('utf8').toArray()).join('')
    return [body, answer.headers.connection]
  }

  it.each(['/slow', '/hijacked'])('finishes what is under way, and keeps no connection behind it: %s', async (path) => {
    endConnectionsOnClose(app)
    await app.listen({ port: 0 })
    const asked = ask(path)
    await arrived.promise
    const closed = closeServer(app, systemTimers, KEPT_ALIVE_MS)
    await expect.poll(() => app.server.listening).toBe(false)
    answered.resolve(undefined)
    expect((await asked)[0]).toBe(path === '/slow' ? 'done' : 'streamed')
    await closed
  })

  it('says with an answer that is given late that it is the last of its connection', async () => {
    endConnectionsOnClose(app)
    await app.listen({ port: 0 })
    const asked = ask('/slow')
    await arrived.promise
    const closed = app.close()
    await expect.poll(() => app.server.listening).toBe(false)
    answered.resolve(undefined)
    expect(await asked).toEqual(['done', 'close'])
    await closed
  })

  it('cuts off what takes longer than it has patience', async () => {
    await app.listen({ port: 0 })
    const asked = ask('/slow').catch((error: unknown) => error)
    await arrived.promise
    await closeServer(app, systemTimers, 100)
    expect(await asked).toMatchObject({ code: 'ECONNRESET' })
    answered.resolve(undefined)
  })
})
