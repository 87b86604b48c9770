import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ManualTime } from '../../test/fakes/manual-time.ts'
import { delay, systemTimers } from '../runtime/clock.ts'
import { lingerOverBodies } from './lingering-close.ts'

const BODY_BYTES_MAX = 1_000

describe('an answer that comes before its request has come whole', () => {
  let app: FastifyInstance
  let timers: ManualTime
  let port: number

  beforeEach(async () => {
    timers = new ManualTime()
    app = fastify({ bodyLimit: BODY_BYTES_MAX })
    lingerOverBodies(app, timers)
    app.post('/', () => ({ taken: true }))
    await app.listen({ port: 0 })
    port = (app.server.address() as AddressInfo).port
  })

  afterEach(async () => {
    app.server.closeAllConnections()
    await app.close()
  })

  /** The status, for a client that asks for the connection to be closed, and writes all before it reads. */
  async function statusFor(body: Buffer): Promise<number | undefined> {
    const headers = { 'content-type': 'application/json', 'content-length': String(body.length), connection: 'close' }
    const sent = request({ port, method: 'POST', headers })
    const [written, answered] = [once(sent, 'finish'), once(sent, 'response')]
    sent.write(body.subarray(0, 1))
    // Where it is too long, it is answered by then.
    await delay(systemTimers, 50, new AbortController().signal)
    sent.end(body.subarray(1))
    await written
    const [response] = (await answered) as [IncomingMessage]
    response.resume()
    return response.statusCode
  }

  it('is one to a client that goes on writing, and asked for its connection to be closed', async () => {
    const answers = Array.from({ length: 5 }, () => statusFor(Buffer.alloc(10_000_000, ' ')))
    expect(await Promise.all(answers)).toEqual([413, 413, 413, 413, 413])
    await expect.poll(() => timers.pending).toBe(0)
  })

  it('is all that one that sends no more gets, for it is not waited for longer than five seconds', async () => {
    const socket = connect(port)
    let received = ''
    socket.on('data', (piece: Buffer) => (received += piece.toString()))
    socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${2 * BODY_BYTES_MAX}\r\n\r\n[`)
    await expect.poll(() => received).toMatch(/^HTTP\/1\.1 413 [^]*"statusCode":413.*\}$/)
    expect(timers.pending).toBe(1)
    timers.pass(5_000)
    await once(socket, 'close')
  })

  it('is as ever to a request that has come whole, or has no body', async () => {
    expect(await statusFor(Buffer.from('[]'))).toBe(200)
    expect((await app.inject({ method: 'POST', url: '/' })).statusCode).toBe(200)
    expect(timers.pending).toBe(0)
  })
})
