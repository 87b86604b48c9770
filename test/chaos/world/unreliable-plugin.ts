/**
 * A DMI plugin whose data producers behave as they are called: late, busy, broken, or liars. Those that can do their work in the end
 * do each piece of it once, by the Idempotency-Key.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Chaos } from '../../harness/chaos.ts'
import type { PlannedOperation } from '../../harness/planned-job.ts'
import type { HandleToRegister } from '../../harness/service-client.ts'

export const ODD_SERVICE = 'odd'

interface Work {
  readonly producer: string
  readonly id: string
  readonly operations: readonly { readonly operationId: string | number; readonly op: string; readonly path: string }[]
  calls: number
}

type Behaviour = (call: 'submit' | 'status' | 'result', work: Work, response: ServerResponse) => void

const ODDITIES: Readonly<Record<string, Behaviour>> = {
  // Says that it can't, twice, though it can: 429 with the time to come back.
  busy: (call, work, response) => {
    if (work.calls <= 2) response.writeHead(429, { 'retry-after': '1' }).end()
    else usual(call, work, response)
  },
  broken: (call, work, response) => {
    if (work.calls <= 2) response.writeHead(pickStatus(work.calls)).end('<html>broken</html>')
    else usual(call, work, response)
  },
  // Does the work and never says so, the first time.
  'executes, then times out': (call, work, response) => {
    if (call !== 'submit' || work.calls > 1) usual(call, work, response)
  },
  hangs: (call, work, response) => {
    if (call === 'submit') usual(call, work, response)
  },
  'talks garbage': (call, work, response) => {
    if (call === 'submit') usual(call, work, response)
    else response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html>\0\xff')
  },
  'forgets at once': (call, work, response) => {
    if (call === 'submit') usual(call, work, response)
    else response.writeHead(404).end()
  },
  'tells of others': (call, work, response) => {
    if (call !== 'result') usual(call, work, response)
    else json(response, { data: { responses: [done('stranger'), done(-1), ...allDone(work)] } })
  },
  'tells everything twice': (call, work, response) => {
    if (call !== 'result') usual(call, work, response)
    else json(response, { data: { responses: [...allDone(work), ...allDone(work)] } })
  },
  'tells nothing': (call, work, response) => {
    if (call !== 'result') usual(call, work, response)
    else json(response, { data: { responses: [] } })
  },
  'breaks off': (call, work, response) => {
    if (call !== 'result' || work.calls > 3) usual(call, work, response)
    else {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.write('{"data":{"responses":[{"operationId":', () => {
        response.socket?.resetAndDestroy()
      })
    }
  },
}

const NAMES = Object.keys(ODDITIES)

/** Everything behind the plugin. */
export const oddHandles: readonly HandleToRegister[] = NAMES.map((dataProducerIdentifier, n) => ({
  cmHandle: `${ODD_SERVICE}-${n}`,
  alternateId: pathOf(n),
  dataProducerIdentifier,
}))

/** A few operations for some of its producers; none of their codes is known beforehand. */
export function oddOperations(kind: 'READ' | 'WRITE', chaos: Chaos): readonly PlannedOperation[] {
  const first = chaos.between(0, NAMES.length - 1)
  return Array.from({ length: chaos.between(1, 8) }, (_, n) => {
    const write = kind === 'WRITE' ? { op: 'merge' as const, value: { id: String(n), attributes: { n } } } : { op: 'read' as const }
    const path = `${pathOf((first + (n % 3)) % NAMES.length)}/NRCellDU=1`
    return { operationId: `odd-${n}`, ...write, path, code: 0, service: ODD_SERVICE }
  })
}

function pathOf(n: number): string {
  return `/SubNetwork=Odd/ManagedElement=${ODD_SERVICE}-${n}`
}

const CALL = /\/dataProducerJob\/(?<id>[^/?]+)(?:\/(?<call>status|result))?(?:\?|$)/

export class UnreliablePlugin {
  readonly #server: Server
  readonly #works = new Map<string, Work>()

  private constructor() {
    this.#server = createServer((request, response) => {
      response.on('error', () => undefined)
      this.#serve(request, response).catch(() => {
        response.destroy()
      })
    })
  }

  static async start(): Promise<UnreliablePlugin> {
    const plugin = new UnreliablePlugin()
    await new Promise<void>((resolve) => plugin.#server.listen(0, '127.0.0.1', resolve))
    return plugin
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Work of jobs that have ended is of no more use. */
  forget(): void {
    this.#works.clear()
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '', headers } = request
    const body = await text(request)
    if (method === 'POST') {
      const work = this.#submitted(String(headers['idempotency-key']), body)
      work.calls += 1
      ODDITIES[work.producer]?.('submit', work, response)
      return
    }
    const { id = '', call } = CALL.exec(url)?.groups ?? {}
    const work = this.#works.get(decodeURIComponent(id))
    if (work === undefined) response.writeHead(404).end()
    else if (call === 'status' || call === 'result') {
      work.calls += 1
      ODDITIES[work.producer]?.(call, work, response)
    } else response.writeHead(method === 'DELETE' ? 501 : 405).end()
  }

  #submitted(key: string, body: string): Work {
    const id = `odd ${key}`
    const known = this.#works.get(id)
    if (known !== undefined) return known
    const { dataProducerId, data } = JSON.parse(body) as { dataProducerId: string; data: Work['operations'] }
    const work = { producer: dataProducerId, id, operations: data, calls: 0 }
    this.#works.set(id, work)
    return work
  }
}

const usual: Behaviour = (call, work, response) => {
  if (call === 'submit') json(response, { dataProducerJobId: work.id })
  else if (call === 'status') json(response, { status: 'FINISHED' })
  else json(response, { data: { responses: allDone(work) } })
}

function allDone({ operations }: Work): readonly object[] {
  return operations.map(({ operationId, op, path }) => done(operationId, { op, path }))
}

function done(operationId: string | number, request: object = {}): object {
  return { operationId, statusCode: 0, statusMessage: 'Successfully applied changes', request, result: {} }
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

function pickStatus(call: number): number {
  return call % 2 === 0 ? 500 : 503
}
