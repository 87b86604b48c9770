import { createServer, type Server, type Socket } from 'node:net'
import { choosePorts } from '../../stack/ports.ts'
import { type Random, seededRandom } from '../../src/runtime/random.ts'
import { type Inspector, Link } from './faulty-link.ts'
import type { Faults } from './link-faults.ts'

export interface ProxyCounts {
  /** Connections of clients that are there now. */
  readonly open: number
  /** All there ever were. */
  readonly opened: number
  readonly swallowedBytes: number
}

export interface FaultProxyOptions {
  /** `host:port` of the server behind it. */
  readonly target: string
  /** What decides on jitter. */
  readonly random?: Random
  /** Made for each link, to look at its bytes; it may reset the link. */
  readonly inspect?: (reset: () => void) => Inspector
}

/**
 * A TCP proxy on 127.0.0.1 in front of a server. What is wrong with its links can be changed at any time, for those that are
 * there as well. A client of a server that is down is accepted, and then reset.
 */
export class FaultProxy {
  /** `host:port` for clients. Stays the same. */
  readonly address: string
  /** Why an inspector gave up on a link. None, if all clients speak what it understands. */
  readonly problems: string[] = []
  readonly #options: FaultProxyOptions
  readonly #random: Random
  readonly #links = new Set<Link>()
  readonly #server: Server
  readonly #port: number
  #faults: Faults = {}
  #opened = 0
  #swallowedBytes = 0

  private constructor(options: FaultProxyOptions, port: number) {
    this.#options = options
    this.#random = options.random ?? seededRandom(1)
    this.#port = port
    this.address = `127.0.0.1:${port}`
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      this.#accept(client)
    })
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    // No ephemeral port: a client that calls one on which nobody listens may end up connected to itself.
    const [port] = await choosePorts([undefined])
    if (port === undefined) throw new Error('broken invariant: no port was chosen')
    const proxy = new FaultProxy(options, port)
    await proxy.#listen()
    return proxy
  }

  get counts(): ProxyCounts {
    return { open: this.#links.size, opened: this.#opened, swallowedBytes: this.#swallowedBytes }
  }

  get faults(): Faults {
    return this.#faults
  }

  /** From now on these are all that is wrong. */
  async set(faults: Faults): Promise<void> {
    const wasRefused = this.#faults.refused === true
    this.#faults = faults
    for (const link of this.#links) link.changed()
    if (faults.refused === true) {
      this.reset()
      if (!wasRefused) await this.#stopListening()
    } else if (wasRefused) {
      await this.#listen()
    }
  }

  /** Nothing is wrong any more. */
  heal(): Promise<void> {
    return this.set({})
  }

  /** Resets the links that are there (RST to both sides). Answers how many. */
  reset(): number {
    const { size } = this.#links
    for (const link of [...this.#links]) link.reset()
    return size
  }

  async close(): Promise<void> {
    const isListening = this.#faults.refused !== true
    this.#faults = { refused: true }
    this.reset()
    if (isListening) await this.#stopListening()
  }

  #accept(client: Socket): void {
    this.#opened += 1
    const link = new Link(client, this.#options.target, {
      faults: () => this.#faults,
      random: this.#random,
      inspect: this.#options.inspect,
      failed: (error) => this.problems.push(String(error)),
      swallowed: (bytes) => {
        this.#swallowedBytes += bytes
      },
      ended: () => this.#links.delete(link),
    })
    this.#links.add(link)
  }

  #listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host: '127.0.0.1', port: this.#port, exclusive: true }, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
  }

  #stopListening(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => {
        resolve()
      })
    })
  }
}
