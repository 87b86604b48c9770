import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import type { CallbackQueued } from '../domain/messages.ts'
import type { DeliveryOutcome } from '../stages/notifier/callback-delivery.ts'
import { AddressGuard } from '../outside/address-guard.ts'
import { CallbackCalls, type CallbackCallsOptions } from './callback-calls.ts'
import { keyOf } from './signature.ts'

interface Received {
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly method: string | undefined
}

const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`
const BODY = Buffer.from('{"a":"ä"}')
const NOW_MS = 1_700_000_000_123

const opened: { close(): unknown }[] = []
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close()
})

function calls(changes: Partial<CallbackCallsOptions> = {}): CallbackCalls {
  const made = new CallbackCalls({
    guard: new AddressGuard(['127.0.0.0/8', '::1'], 'DATAJOB_CALLBACK_ALLOWED_ADDRESSES'),
    key: keyOf(SECRET),
    timeoutMs: 2_000,
    retryAfterMsMax: 60_000,
    bodyOf: () => Promise.resolve({ contentType: 'application/json', body: BODY, headers: { 'maap-entry-id': 'e-1' } }),
    userAgent: 'datajob/test',
    clock: { now: () => NOW_MS },
    ...changes,
  })
  opened.push(made)
  return made
}

async function receiver(answer: (response: ServerResponse) => void): Promise<{ readonly port: number; readonly received: Received[] }> {
  const received: Received[] = []
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), method: request.method })
      answer(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  opened.push({ close: () => { server.closeAllConnections(); } }, server)
  return { port: (server.address() as AddressInfo).port, received }
}

async function outcomeOf(made: CallbackCalls, url: string): Promise<DeliveryOutcome> {
  const where = { partition: 0, offset: 0, timestampMs: 0, notice: Buffer.alloc(0) }
  const callback: CallbackQueued = {
    ...{ type: 'CallbackQueued', id: 'job-1/1/ended', line: 'job-1', url, kind: 'done' },
    ...{ dialect: 'ogc', jobId: 'job-1', queuedAt: 0, ...where },
  }
  return (await made.deliver({ type: 'DeliverCallback', callback }, new AbortController().signal)).outcome
}

test('a delivery is a POST that its receiver can verify, under the same id each time', async () => {
  const { port, received } = await receiver((response) => response.writeHead(204).end())
  const made = calls()
  expect(await outcomeOf(made, `http://127.0.0.1:${port}/a?b=c`)).toEqual({ type: 'delivered' })
  expect(await outcomeOf(made, `http://localhost:${port}/a?b=c`)).toEqual({ type: 'delivered' })
  const [first, second] = received
  expect(first).toMatchObject({ method: 'POST', body: BODY.toString() })
  expect(first?.headers).toMatchObject({ 'content-type': 'application/json', 'maap-entry-id': 'e-1', 'webhook-timestamp': '1700000000' })
  const id = String(first?.headers['webhook-id'])
  const signature = createHmac('sha256', Buffer.alloc(24, 7)).update(`${id}.1700000000.${BODY.toString()}`).digest('base64')
  expect(first?.headers['webhook-signature']).toBe(`v1,${signature}`)
  expect(second?.headers['webhook-id']).toBe(id)
})

test.each([
  [503, { 'retry-after': '7' }, { type: 'failed', message: 'it answered 503', retryAfterMs: 7_000 }],
  [429, { 'retry-after': '100000' }, { type: 'failed', message: 'it answered 429', retryAfterMs: 60_000 }],
  [408, {}, { type: 'failed', message: 'it answered 408', retryAfterMs: 0 }],
  [404, {}, { type: 'refused', message: 'it answered 404' }],
  [302, { location: 'http://169.254.169.254/' }, { type: 'refused', message: 'it answered 302, and redirects are not followed' }],
])('an answer %i says what becomes of it', async (status, headers, outcome) => {
  const { port, received } = await receiver((response) => response.writeHead(status, headers).end('why'))
  expect(await outcomeOf(calls(), `http://127.0.0.1:${port}/`)).toEqual(outcome)
  expect(received).toHaveLength(1)
})

test('an address that is not allowed is not connected to, neither named nor looked up', async () => {
  const { port, received } = await receiver((response) => response.end())
  const made = calls({ guard: new AddressGuard([], 'DATAJOB_CALLBACK_ALLOWED_ADDRESSES') })
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '[::ffff:127.0.0.1]']) {
    expect(await outcomeOf(made, `http://${host}:${port}/`)).toMatchObject({ type: 'refused' })
  }
  expect(received).toEqual([])
})

test('a receiver that does not answer, or is not there, is tried again', async () => {
  const { port } = await receiver(() => undefined)
  expect(await outcomeOf(calls({ timeoutMs: 200 }), `http://127.0.0.1:${port}/`)).toMatchObject({ type: 'failed' })
  const message = expect.stringContaining('ECONNREFUSED') as string
  expect(await outcomeOf(calls(), 'http://127.0.0.1:1/')).toMatchObject({ type: 'failed', message })
})

test('an answer without an end counts by its status', async () => {
  const { port } = await receiver((response) => {
    response.writeHead(200)
    const more = (): boolean => response.write('x'.repeat(65_536))
    response.on('drain', more)
    more()
  })
  expect(await outcomeOf(calls(), `http://127.0.0.1:${port}/`)).toEqual({ type: 'delivered' })
})

test('a body that can’t be had now is a failure to be tried again', async () => {
  const made = calls({ bodyOf: () => Promise.reject(new Error('Kafka is away')) })
  expect(await outcomeOf(made, 'http://127.0.0.1:1/')).toEqual({ type: 'failed', message: 'Kafka is away', retryAfterMs: 0 })
})
