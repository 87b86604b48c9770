/**
 * A plugin that takes no time: it answers a submission at once, says FINISHED, and has a response for every operation. As small as
 * HTTP by Node allows, for what is measured is what is in front of it.
 *
 *   node bench/harness/instant-dmi.ts [--latency-ms 50] [--never-ends]
 *
 * Prints `{"url"}`. Ends with the process that started it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'

export interface InstantDmiOptions {
  /** Each answer comes that much later. */
  readonly latencyMs?: number
  /** Jobs are RUNNING for ever. */
  readonly neverEnds?: boolean
  /** Hears of each call: how many operations were submitted, or that a status was asked for. */
  readonly onSubmit?: (operations: number) => void
  readonly onStatus?: (dataProducerJobId: string) => void
}

interface SubmittedOperation {
  readonly operationId: string
  readonly op: string
  readonly path: string
}

const NOT_SEEN_AGAIN_MS = 120_000
const PERFECT = '"statusCode":0,"statusMessage":"Successfully applied changes"'

export class InstantDmi {
  readonly #options: InstantDmiOptions
  readonly #server: Server
  /** Results of jobs, until they are fetched. */
  readonly #results = new Map<string, string>()
  #jobs = 0

  constructor(options: InstantDmiOptions) {
    this.#options = options
    this.#server = createServer((request, response) => {
      this.#take(request, response)
    })
    this.#server.keepAliveTimeout = NOT_SEEN_AGAIN_MS
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    if (request.method === 'GET') {
      request.resume()
      this.#answer(response, 200, this.#read(request.url ?? ''))
      return
    }
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      this.#answer(response, 202, this.#submit(pieces))
    })
  }

  #submit(pieces: readonly Buffer[]): string {
    const { data } = JSON.parse(String(Buffer.concat(pieces))) as { readonly data: readonly SubmittedOperation[] }
    this.#options.onSubmit?.(data.length)
    this.#jobs += 1
    const id = String(this.#jobs)
    if (this.#options.neverEnds !== true) this.#results.set(id, resultOf(data))
    return `{"dataProducerJobId":"${id}"}`
  }

  #read(url: string): string {
    const [path = ''] = url.split('?', 1)
    const [call, id = ''] = path.split('/').reverse()
    if (call === 'status') {
      this.#options.onStatus?.(id)
      return this.#options.neverEnds === true ? '{"status":"RUNNING"}' : '{"status":"FINISHED"}'
    }
    const result = this.#results.get(id) ?? '{"data":{"responses":[]}}'
    this.#results.delete(id)
    return result
  }

  #answer(response: ServerResponse, status: number, body: string): void {
    const send = (): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body)
    }
    const { latencyMs = 0 } = this.#options
    if (latencyMs === 0) send()
    else setTimeout(send, latencyMs)
  }
}

function resultOf(data: readonly SubmittedOperation[]): string {
  const responses = data.map(({ operationId, op, path }) => {
    return `{"operationId":${JSON.stringify(operationId)},${PERFECT},"request":{"op":"${op}","path":${JSON.stringify(path)}},"result":{}}`
  })
  return `{"data":{"responses":[${responses.join(',')}]}}`
}

if (import.meta.main) {
  const options = { 'latency-ms': { type: 'string', default: '0' }, 'never-ends': { type: 'boolean', default: false } } as const
  const { values } = parseArgs({ options })
  const dmi = new InstantDmi({ latencyMs: Number(values['latency-ms']), neverEnds: values['never-ends'] })
  process.stdout.write(`${JSON.stringify({ url: await dmi.listen() })}\n`)
  process.on('disconnect', () => process.exit())
}
