/** A client's server that is called back: keeps what came, and answers as it is told. */
import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface ReceivedCallback {
  /** Its path and query. */
  readonly path: string
  readonly id: string
  readonly body: unknown
  readonly headers: IncomingMessage['headers']
  readonly isSigned: boolean
  /** What it was answered with. */
  readonly status: number
}

export interface ReceiverAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** How long it takes to answer. */
  readonly delayMs?: number
}

export class CallbackReceiver {
  readonly received: ReceivedCallback[] = []
  readonly #server: Server
  readonly #key: Buffer
  /** What is answered; `before` counts what came to the path so far. */
  answer: (path: string, before: number) => ReceiverAnswer = () => ({ status: 204 })

  private constructor(secret: string) {
    this.#key = Buffer.from(secret)
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const { status, headers, delayMs = 0 } = this.#take(request, Buffer.concat(chunks))
        void sleep(delayMs).then(() => response.writeHead(status, headers).end())
      })
    })
  }

  static async open(secret: string): Promise<CallbackReceiver> {
    const receiver = new CallbackReceiver(secret)
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve))
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Those that came to a path, in their order. */
  at(path: string): readonly ReceivedCallback[] {
    return this.received.filter((each) => each.path === path)
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #take({ url: path = '', headers }: IncomingMessage, body: Buffer): ReceiverAnswer {
    const answer = this.answer(path, this.at(path).length)
    const [id, timestamp] = [String(headers['webhook-id']), String(headers['webhook-timestamp'])]
    const signature = createHmac('sha256', this.#key).update(`${id}.${timestamp}.`).update(body).digest('base64')
    const isSigned = headers['webhook-signature'] === `v1,${signature}`
    this.received.push({ path, id, headers, isSigned, body: JSON.parse(body.toString()), status: answer.status })
    return answer
  }
}
