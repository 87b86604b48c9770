import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { JsonScanError } from '../codec/json-scan-error.ts'
import { failureOfTransport } from './dmi-failure.ts'
import { bytesOf, call, json, listening, testClient, testService, untilDone } from './dmi-test-service.ts'
import { SubjobResultError } from './responses.ts'

const body = Buffer.from('{}')
const timeouts = { connectTimeoutMs: 1, headersTimeoutMs: 2, bodyTimeoutMs: 3 }

describe('an answer that is no success', () => {
  it.each([408, 429, 500, 502, 503, 504])('%i may be retried', async (httpStatus) => {
    const { service } = await testService(json({ error: 'x' }, httpStatus))
    const outcome = await testClient().submit(service, call, body, untilDone)
    const expected = { ok: false, disposition: 'retry', cause: 'http', httpStatus, retryAfterMs: undefined }
    expect(outcome).toMatchObject(expected)
  })

  it.each([400, 401, 403, 404, 409, 422])('%i is final', async (httpStatus) => {
    const { service } = await testService(json({ error: 'x' }, httpStatus, { 'retry-after': '1' }))
    const outcome = await testClient().submit(service, call, body, untilDone)
    expect(outcome).toMatchObject({
      ok: false, disposition: 'reject', cause: 'http', httpStatus,
      message: `DMI service "ran-1", submit: answered ${httpStatus}: {"error":"x"}`,
    })
    expect(outcome).not.toHaveProperty('retryAfterMs')
  })

  it.each([301, 302, 303, 307, 308])('%i is final, and nobody goes where it points', async (httpStatus) => {
    const elsewhere = await testService(json({ dataProducerJobId: 'd1' }))
    const { service } = await testService(json({}, httpStatus, { location: elsewhere.service.baseUrl }))
    const outcome = await testClient().submit(service, call, body, untilDone)
    expect(outcome).toMatchObject({ ok: false, disposition: 'reject', cause: 'http', httpStatus })
    expect(outcome).toHaveProperty('message', expect.stringContaining('redirects are not followed'))
    expect(elsewhere.requests).toEqual([])
  })

  it.each([
    ['0', 0],
    ['7', 7_000],
    ['999999999999999999999', 60_000],
    ['Thu, 01 Jan 1970 00:16:50 GMT', 10_000],
    ['Thursday, 01-Jan-70 00:16:50 GMT', 10_000],
    ['Thu Jan  1 00:16:50 1970', 10_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Fri, 01 Jan 2100 00:00:00 GMT', 60_000],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['Thu, 99 Jan 1970 00:16:50 GMT', undefined],
  ])('asks with Retry-After %s to wait %s ms', async (retryAfter, retryAfterMs) => {
    const { service } = await testService(json({}, 503, { 'retry-after': retryAfter }))
    const outcome = await testClient().status(service, call, 'd1', untilDone)
    expect(outcome).toMatchObject({ disposition: 'retry', retryAfterMs })
  })

  it('is quoted on one line and shortened', async () => {
    const { service } = await testService((response) => response.writeHead(500).end(`a\n\t\x1b b${'é'.repeat(5_000)}`))
    const outcome = await testClient().status(service, call, 'd1', untilDone)
    if (outcome.ok) throw new Error('not a failure')
    expect(outcome.message).toMatch(/^DMI service "ran-1", status: answered 500: a bé+…$/u)
    expect(outcome.message.split('500: ')[1]).toHaveLength(200)
  })

  it('is known by its status even when its body never ends', async () => {
    const { service } = await testService((response) => response.writeHead(400).write('no such thing'))
    const outcome = await testClient({ bodyTimeoutMs: 30 }).status(service, call, 'd1', untilDone)
    expect(outcome).toMatchObject({ disposition: 'reject', httpStatus: 400 })
  })
})

describe('an answer that can not be used is rejected', () => {
  it.each([
    ['HTML', '<!doctype html><p>Log in', 'text/html'],
    ['nothing', '', 'application/json'],
    ['half a document', '{"dataProducerJobId":"d1"', 'application/json'],
    ['no JSON', 'd1', 'text/plain'],
  ])('for being %s', async (_, text, contentType) => {
    const { service } = await testService(
      (response) => response.writeHead(200, { 'content-type': contentType }).end(text),
    )
    const outcome = await testClient().submit(service, call, body, untilDone)
    expect(outcome).toMatchObject({ ok: false, disposition: 'reject', cause: 'unparsable' })
    const quoted = text || '(nothing)'
    expect(outcome).toHaveProperty('message', `DMI service "ran-1", submit: the answer is not JSON: ${quoted}`)
  })

  it('for not being UTF-8, which would be another id', async () => {
    const bytes = Buffer.from('{"dataProducerJobId":"\xff"}', 'latin1')
    const { service } = await testService((response) => response.writeHead(200).end(bytes))
    const outcome = await testClient().submit(service, call, body, untilDone)
    expect(outcome).toMatchObject({ ok: false, disposition: 'reject', cause: 'unparsable' })
  })

  it('for being larger than replyBytesMax', async () => {
    const { service } = await testService(json({ status: 'RUNNING', padding: 'x'.repeat(10_000) }))
    const outcome = await testClient().status(service, call, 'd1', untilDone)
    expect(outcome).toMatchObject({ disposition: 'reject', cause: 'too-large' })
    expect(outcome).toHaveProperty('message', expect.stringContaining('replyBytesMax, 10000'))
  })

  it('for being HTML where a result was asked for', async () => {
    const { service } = await testService(
      (response) => response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end('<p>Log in'),
    )
    const outcome = await testClient().result(service, call, 'd1', untilDone)
    expect(outcome).toMatchObject({ disposition: 'reject', cause: 'unparsable' })
    expect(outcome).toHaveProperty('message', 'DMI service "ran-1", result: answered HTML: <p>Log in')
  })

  it('for not being HTTP', async () => {
    const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.9\r\n'))
    const baseUrl = await listening(server)
    const outcome = await testClient().status({ name: 'ran-1', contract: 'dataJob', baseUrl }, call, 'd1', untilDone)
    expect(outcome).toMatchObject({ disposition: 'reject', cause: 'unparsable' })
  })

  it('for headers that do not end', async () => {
    const server = createServer((socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}`))
    const baseUrl = await listening(server)
    const outcome = await testClient().status({ name: 'ran-1', contract: 'dataJob', baseUrl }, call, 'd1', untilDone)
    expect(outcome).toMatchObject({ disposition: 'reject', cause: 'too-large' })
  })
})

describe('a failure of the network may be retried', () => {
  it('when the connection is refused', async () => {
    const { service } = await testService(json({}))
    const closed = createServer()
    const baseUrl = await listening(closed)
    await new Promise((resolve) => closed.close(resolve))
    const outcome = await testClient().submit({ ...service, baseUrl }, call, body, untilDone)
    expect(outcome).toMatchObject({ disposition: 'retry', cause: 'refused' })
    expect(outcome).toHaveProperty('message', expect.stringContaining('"ran-1", submit: connect ECONNREFUSED'))
  })

  it.each([
    ['before the answer', ''],
    ['in its headers', 'HTTP/1.1 200 OK\r\ncontent-'],
    ['in its body, counted', 'HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\n{"status":'],
    ['in its body, chunked', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"sta\r\n'],
  ])('when the connection ends %s', async (_, answer) => {
    const server = createServer((socket) => socket.once('data', () => socket.end(answer)))
    const baseUrl = await listening(server)
    const outcome = await testClient().status({ name: 'ran-1', contract: 'dataJob', baseUrl }, call, 'd1', untilDone)
    expect(outcome).toMatchObject({ disposition: 'retry', cause: 'reset' })
  })

  it('when no answer comes', async () => {
    const { service } = await testService(() => undefined)
    const outcome = await testClient({ headersTimeoutMs: 30 }).status(service, call, 'd1', untilDone)
    expect(outcome).toMatchObject({ disposition: 'retry', cause: 'timeout' })
    expect(outcome).toHaveProperty('message', expect.stringContaining('headersTimeoutMs, 30'))
  })

  it('when an answer stops in the middle', async () => {
    const { service } = await testService((response) => response.writeHead(200).write('{"status":'))
    const outcome = await testClient({ bodyTimeoutMs: 30 }).status(service, call, 'd1', untilDone)
    expect(outcome).toMatchObject({ disposition: 'retry', cause: 'timeout' })
    expect(outcome).toHaveProperty('message', expect.stringContaining('bodyTimeoutMs, 30'))
  })

  it('when an answer drips in, byte by byte, for longer than a call may take', async () => {
    let now = 0
    const { service } = await testService((response) => {
      const drip = setInterval(() => {
        now += 1_000
        response.write(' ')
      }, 1)
      response.on('close', () => { clearInterval(drip) })
    })
    const client = testClient({ callTimeoutMs: 10_000, clock: { now: () => now } })
    const outcome = await client.status(service, call, 'd1', untilDone)
    expect(outcome).toMatchObject({ disposition: 'retry', cause: 'timeout' })
    expect(outcome).toHaveProperty('message', expect.stringContaining('callTimeoutMs, 10000'))
  })

  it.each([
    ['ENOTFOUND', 'dns'], ['EAI_AGAIN', 'dns'], ['ETIMEDOUT', 'timeout'], ['UND_ERR_CONNECT_TIMEOUT', 'timeout'],
    ['EHOSTUNREACH', 'network'], ['DEPTH_ZERO_SELF_SIGNED_CERT', 'network'], ['EPIPE', 'reset'],
  ])('when it says %s', (code, cause) => {
    const error = Object.assign(new Error('failed'), { code })
    const failed = { service: { name: 'x', baseUrl: 'http://x', contract: 'cmJob' }, name: 'status' } as const
    expect(failureOfTransport(failed, error, timeouts)).toMatchObject({ disposition: 'retry', cause })
  })
})

describe('a call that is given up', () => {
  it('by its signal ends at once as aborted', async () => {
    const controller = new AbortController()
    const { service } = await testService(() => { controller.abort(new Error('over')) })
    const outcome = await testClient().submit(service, call, body, controller.signal)
    expect(outcome).toMatchObject({ disposition: 'retry', cause: 'aborted' })
  })

  it('by a signal that was aborted before is not sent', async () => {
    const { service, requests } = await testService(json({}))
    const outcome = await testClient().submit(service, call, body, AbortSignal.abort())
    expect(outcome).toMatchObject({ disposition: 'retry', cause: 'aborted' })
    expect(requests).toEqual([])
  })

  it('while it waits for a connection ends at once, and takes none when its turn comes', async () => {
    const [given, kept] = [new AbortController(), new AbortController()]
    const silent = await testService(() => undefined)
    const lively = await testService(json({ status: 'RUNNING' }))
    const client = testClient({ connectionsMax: 1 })
    const hanging = client.status(silent.service, call, 'd1', kept.signal)
    const waiting = client.status(lively.service, call, 'd1', given.signal)
    const behind = client.status(lively.service, call, 'd2', kept.signal)
    await expect.poll(() => silent.requests.length).toBe(1)
    given.abort()
    expect(await waiting).toMatchObject({ disposition: 'retry', cause: 'aborted' })
    await client.close()
    expect(await hanging).toMatchObject({ cause: 'aborted' })
    expect(await behind).toMatchObject({ cause: 'aborted' })
    expect(lively.requests).toEqual([])
  })

  it('by the end of the client ends at once as aborted', async () => {
    const client = testClient()
    const { service } = await testService(() => void client.close())
    const outcome = await client.submit(service, call, body, untilDone)
    expect(outcome).toMatchObject({ disposition: 'retry', cause: 'aborted' })
  })
})

describe('an address that can not be called', () => {
  it.each(['', 'ran-1:80', 'ftp://x', 'http://'])('is rejected, its secrets unseen: %j', async (baseUrl) => {
    const outcome = await testClient().status({ name: 'ran-1', contract: 'dataJob', baseUrl }, call, 'd1', untilDone)
    expect(outcome).toMatchObject({ disposition: 'reject', cause: 'invalid-request' })
  })
})

describe('a result that ends badly', () => {
  it.each([
    ['a connection that ends', 'reset', 'retry', (socket: { destroy(): void }) => { socket.destroy() }],
    ['a pause', 'timeout', 'retry', () => undefined],
  ] as const)('by %s is sorted as %s', async (_, cause, disposition, end) => {
    const { service } = await testService((response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('x', () => { end(response) })
    })
    const client = testClient({ bodyTimeoutMs: 30 })
    const outcome = await client.result(service, call, 'd1', untilDone)
    if (!outcome.ok) throw new Error(outcome.message)
    const error: unknown = await bytesOf(outcome).catch((reason: unknown) => reason)
    expect(client.resultFailure(service, error)).toMatchObject({ cause, disposition })
  })

  it('by the signal, while nobody reads it yet, harms nobody', async () => {
    const controller = new AbortController()
    const { service, open } = await testService((response) => response.writeHead(200).write('x'))
    const client = testClient()
    const outcome = await client.result(service, call, 'd1', controller.signal)
    if (!outcome.ok) throw new Error(outcome.message)
    controller.abort()
    await expect.poll(open).toBe(0)
    const error: unknown = await bytesOf(outcome).catch((reason: unknown) => reason)
    expect(client.resultFailure(service, error)).toMatchObject({ cause: 'aborted', disposition: 'retry' })
  })

  it.each([
    [new JsonScanError('truncated', 3, 'ended'), 'unparsable'],
    [new JsonScanError('element-too-large', 3, 'large'), 'too-large'],
    [new SubjobResultError('unparsable', 'odd'), 'unparsable'],
  ])('by %s is rejected', (error, cause) => {
    const service = { name: 'ran-1', baseUrl: 'http://x', contract: 'dataJob' as const }
    expect(testClient().resultFailure(service, error)).toMatchObject({ cause, disposition: 'reject' })
  })
})
