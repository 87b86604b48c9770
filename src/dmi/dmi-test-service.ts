/** For the tests of this folder: real HTTP servers that answer as told, and a client to call them with. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Server, Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { DmiClient, type DmiClientOptions, type DmiResult, type DmiService, type SubjobCall } from './dmi-client.ts'

export interface ReceivedRequest {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface TestService {
  readonly service: DmiService
  readonly requests: readonly ReceivedRequest[]
  /** Connections that were ever opened to it. */
  readonly connections: () => number
  /** Those that are open now. */
  readonly open: () => number
}

type Answer = (response: ServerResponse, request: ReceivedRequest) => void

/** A service that answers each request so, until the test is over. */
export async function testService(answer: Answer, service: Partial<DmiService> = {}): Promise<TestService> {
  const requests: ReceivedRequest[] = []
  let connections = 0
  let open = 0
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => {
      const { method = '', url = '', headers } = incoming
      const request = { method, url, headers, body: Buffer.concat(chunks).toString() }
      requests.push(request)
      answer(response, request)
    })
  })
  server.on('connection', (socket) => {
    connections += 1
    open += 1
    socket.once('close', () => {
      open -= 1
    })
  })
  const baseUrl = await listening(server)
  const full: DmiService = { name: 'ran-1', contract: 'dataJob', baseUrl, ...service }
  return { service: full, requests, connections: () => connections, open: () => open }
}

/** Starts a server on a free port, closes it after the test, and gives its URL. */
export async function listening(server: Server): Promise<string> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    // Clients of these tests leave in all sorts of ways.
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export function json(value: unknown, status = 200, headers: Record<string, string> = {}): Answer {
  const all = { 'content-type': 'application/json', ...headers }
  return (response) => response.writeHead(status, all).end(JSON.stringify(value))
}

export function testClient(options: Partial<DmiClientOptions> = {}): DmiClient {
  const client = new DmiClient({
    connectionsMax: 4,
    connectTimeoutMs: 5_000,
    headersTimeoutMs: 5_000,
    bodyTimeoutMs: 5_000,
    callTimeoutMs: 10_000,
    resultTimeoutMs: 60_000,
    keepAliveMs: 5_000,
    replyBytesMax: 10_000,
    retryAfterMsMax: 60_000,
    clock: { now: () => 1_000_000 },
    ...options,
  })
  onTestFinished(() => client.close())
  return client
}

export const call: SubjobCall = {
  requestId: 'job-1',
  kind: 'READ',
  dataProducerId: 'producer-1',
  destination: 'results',
  idempotencyKey: 'job-1/0',
}

/** All of a result; rejects as its reading does. */
export async function bytesOf({ chunks }: DmiResult): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

/** A signal that nobody aborts. */
export const untilDone = new AbortController().signal
