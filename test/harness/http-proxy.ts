import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { finished, pipeline } from 'node:stream/promises'
import { type Random, seededRandom } from '../../src/runtime/random.ts'
import { FaultProxy } from './fault-proxy.ts'

/** What becomes of a request. */
export type HttpFate =
  /** The server gets it whole and has answered; the client is reset instead of getting the answer. */
  | 'answer lost'
  /** The server gets nothing, and the client this status. */
  | { readonly status: number }

export interface HttpRule {
  readonly method?: string
  /** Tested against the path with its query. */
  readonly path?: RegExp
  readonly fate: HttpFate
  /** Holds for so many requests; for all of them by default. */
  readonly times?: number
  /** Of a request to be hit, 1 by default. */
  readonly chance?: number
}

interface RunningHttpRule {
  /** Requests that it has met with so far: the server has done what they asked for. */
  readonly hits: number
  end(): void
}

/** A proxy in front of an HTTP server on this machine: one that knows requests, and before it one for the links. */
export class HttpProxy {
  readonly #target: URL
  readonly #random: Random
  readonly #server: Server
  readonly #rules = new Set<Rule>()
  #link: FaultProxy | null = null

  private constructor(target: string, random: Random) {
    this.#target = new URL(target)
    this.#random = random
    this.#server = createServer((incoming, outgoing) => {
      this.#serve(incoming, outgoing).catch(() => {
        outgoing.socket?.resetAndDestroy()
      })
    })
    // A server closes connections that are quiet for some seconds, as a client is about to use them. This is not about that.
    this.#server.keepAliveTimeout = 0
    this.#server.requestTimeout = 0
  }

  /** @param target the server's address, `http://host:port`, with a path or without */
  static async start(target: string, random: Random = seededRandom(1)): Promise<HttpProxy> {
    const proxy = new HttpProxy(target, random)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    const { port } = proxy.#server.address() as AddressInfo
    proxy.#link = await FaultProxy.start({ target: `127.0.0.1:${port}`, random })
    return proxy
  }

  /** The target's address for clients. */
  get url(): string {
    const { pathname } = this.#target
    return `http://${this.link.address}${pathname === '/' ? '' : pathname}`
  }

  /** What clients connect to. */
  get link(): FaultProxy {
    if (this.#link === null) throw new Error('broken invariant: a proxy that was not started')
    return this.#link
  }

  /** The rule that was there first decides where several are met. */
  rule(rule: HttpRule): RunningHttpRule {
    const running = new Rule(rule, () => this.#rules.delete(running))
    this.#rules.add(running)
    return running
  }

  /** Nothing is wrong any more, and no rule holds. */
  async heal(): Promise<void> {
    this.#rules.clear()
    await this.link.heal()
  }

  async close(): Promise<void> {
    await this.link.close()
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const rule = [...this.#rules].find((each) => each.applies(incoming, this.#random))
    if (rule !== undefined && rule.fate !== 'answer lost') {
      rule.hits += 1
      incoming.resume()
      outgoing.writeHead(rule.fate.status, { 'content-length': 0 }).end()
      return
    }
    const answer = await this.#ask(incoming, rule !== undefined)
    if (rule === undefined) {
      outgoing.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.rawHeaders)
      await pipeline(answer, outgoing)
      return
    }
    await finished(answer.resume())
    rule.hits += 1
    outgoing.socket?.resetAndDestroy()
  }

  #ask(incoming: IncomingMessage, isLost: boolean): Promise<IncomingMessage> {
    const { hostname, port } = this.#target
    return new Promise((resolve, reject) => {
      // Headers as they came, the host included: requests to S3 are signed with it.
      const headers = incoming.rawHeaders
      const asked = request({ hostname, port, path: incoming.url, method: incoming.method, headers }, resolve)
      asked.once('error', reject)
      // The client of a request whose answer is lost may be gone before the server has answered: that is no reason to stop.
      if (isLost) incoming.pipe(asked)
      else pipeline(incoming, asked).catch(reject)
    })
  }
}

class Rule implements RunningHttpRule {
  hits = 0
  readonly fate: HttpFate
  readonly end: () => void
  readonly #rule: HttpRule
  #left: number

  constructor(rule: HttpRule, end: () => void) {
    this.#rule = rule
    this.fate = rule.fate
    this.#left = rule.times ?? Infinity
    this.end = end
  }

  applies({ method, url = '' }: IncomingMessage, random: Random): boolean {
    const { method: wanted = method, path = /(?:)/, chance = 1 } = this.#rule
    if (this.#left === 0 || method !== wanted || !path.test(url) || random() >= chance) return false
    this.#left -= 1
    return true
  }
}
