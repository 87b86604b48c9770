/**
 * A DMI plugin that behaves as its producers are called: `result drip` drips its result, `submit html` answers a submission with a
 * page. Any other producer is done at once, with a response for each operation. It speaks both versions of the contract.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export type Answer = (response: ServerResponse) => void

/** What a producer's name says after the call that it is about. */
export type Oddities = Readonly<Record<string, Answer>>

export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

interface Submission {
  readonly dataProducerId: string
  readonly data: readonly { readonly operationId: string | number; readonly op: string; readonly path: string }[]
}

const CALL = /\/dataProducerJob\/(?<id>[^/?]+)\/(?<call>status|result)\?/

export class OddPlugin {
  readonly received: Received[] = []
  readonly #oddities: Oddities
  readonly #server: Server
  readonly #submissions = new Map<string, Submission>()

  private constructor(oddities: Oddities) {
    this.#oddities = oddities
    this.#server = createServer((request, response) => {
      // Whoever is called oddly may leave at any time.
      response.on('error', () => undefined)
      void this.#serve(request, response)
    })
  }

  static async start(oddities: Oddities): Promise<OddPlugin> {
    const plugin = new OddPlugin(oddities)
    await new Promise<void>((resolve) => plugin.#server.listen(0, '127.0.0.1', resolve))
    return plugin
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    const body = await text(request)
    this.received.push({ method, url, headers, body })
    if (method === 'POST') {
      this.#submitted(JSON.parse(body) as Submission, response)
      return
    }
    const { id = '', call } = CALL.exec(`${url}?`)?.groups ?? {}
    const submission = this.#submissions.get(decodeURIComponent(id))
    if (submission === undefined) {
      response.writeHead(404).end()
      return
    }
    const odd = this.#oddities[submission.dataProducerId]
    if (odd !== undefined && submission.dataProducerId.startsWith(`${call ?? ''} `)) odd(response)
    else if (call === 'status') json({ status: 'FINISHED' })(response)
    else json({ data: { responses: submission.data.map(({ operationId, op, path }) => done(operationId, { op, path })) } })(response)
  }

  #submitted(submission: Submission, response: ServerResponse): void {
    const odd = this.#oddities[submission.dataProducerId]
    const id = `${submission.dataProducerId} ${this.#submissions.size}`
    this.#submissions.set(id, submission)
    if (odd !== undefined && submission.dataProducerId.startsWith('submit ')) odd(response)
    else json({ dataProducerJobId: id })(response)
  }
}

function done(operationId: string | number, request: { readonly op: string; readonly path: string }): object {
  return { operationId, statusCode: 0, statusMessage: 'Successfully applied changes', request, result: {} }
}

export function json(value: unknown): Answer {
  return raw(JSON.stringify(value))
}

export function raw(body: string | Buffer, headers: Readonly<Record<string, string>> = {}): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(body)
  }
}

/** Says how many bytes come, and sends others; then the connection ends. */
export function miscounted(body: string, contentLength: number): Answer {
  return ({ socket }) => {
    socket?.end(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${contentLength}\r\n\r\n${body}`)
  }
}

/** The beginning, then the end of the connection. */
export function torn(beginning: string): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write(beginning, () => {
      response.socket?.resetAndDestroy()
    })
  }
}

/** The beginning, and then the same again, as quick as it is read, until the reader leaves. */
export function endless(beginning: string, again: string, contentType = 'application/json'): Answer {
  const piece = Buffer.from(again.repeat(Math.ceil(65_536 / again.length)))
  return (response) => {
    response.writeHead(200, { 'content-type': contentType })
    response.write(beginning)
    const more = (): void => {
      while (!response.destroyed && response.write(piece));
    }
    response.on('drain', more)
    more()
  }
}

/** A byte every now and then, until the reader leaves. */
export function dripping(beginning: string, pauseMs: number): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.write(beginning)
    const drip = setInterval(() => response.write(' '), pauseMs)
    response.on('close', () => {
      clearInterval(drip)
    })
  }
}

/** Headers that never end, a byte every now and then. */
export function drippingHeaders(pauseMs: number): Answer {
  return ({ socket }) => {
    socket?.write('HTTP/1.1 200 OK\r\nx: ')
    const drip = setInterval(() => socket?.write('x'), pauseMs)
    socket?.on('close', () => {
      clearInterval(drip)
    })
  }
}
