import { buildConnector, Client, type Dispatcher, errors } from 'undici'
import type { Exchange } from './exchange.ts'

export interface DmiConnectionsOptions {
  /** Connections that are open at a time, to all services together. */
  readonly connectionsMax: number
  readonly connectTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly bodyTimeoutMs: number
  /** How long an idle connection is kept, at most; a service may ask for less. */
  readonly keepAliveMs: number
}

export interface RequestToSend extends Pick<Dispatcher.DispatchOptions, 'path' | 'method' | 'headers' | 'body'> {
  readonly origin: string
}

/** One connection, or none yet or any more: HTTP/1.1, one request at a time. */
interface Connection {
  readonly origin: string
  readonly client: Client
  isFree: boolean
}

/** Those to one address. */
interface Address {
  /** Who became free last is taken first, so that connections that are not needed stay idle until they are closed. */
  readonly free: Connection[]
  connections: number
}

interface Waiting {
  readonly request: RequestToSend
  readonly exchange: Exchange
}

/**
 * The connections to all plugins, bounded as a whole: undici's Agent bounds those to one address, and the addresses. A request takes an
 * idle connection to its address; else a new one, for which the one that was used the longest ago is closed if there are as many as
 * there may be; else it waits.
 */
export class DmiConnections {
  readonly #options: DmiConnectionsOptions
  readonly #connect: buildConnector.connector
  /** Who was used the longest ago comes first. */
  readonly #all = new Set<Connection>()
  readonly #addresses = new Map<string, Address>()
  readonly #waiting: Waiting[] = []
  #isClosed = false

  constructor(options: DmiConnectionsOptions) {
    this.#options = options
    // One for all of them, so that TLS sessions are resumed.
    this.#connect = buildConnector({ timeout: options.connectTimeoutMs, allowH2: false })
  }

  /** Those that are open or being opened. */
  get open(): number {
    return this.#all.size
  }

  /** Sends the request once there is a connection for it; what becomes of it is told to the exchange, which never fails by throwing. */
  send(request: RequestToSend, exchange: Exchange): void {
    if (this.#isClosed) {
      exchange.fail(new errors.ClientDestroyedError())
      return
    }
    const connection = this.#connectionTo(request.origin)
    if (connection === null) this.#waiting.push({ request, exchange })
    else this.#sendOver(connection, { request, exchange })
  }

  /** Ends all connections; requests under way fail. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const { exchange } of this.#waiting.splice(0)) exchange.fail(new errors.ClientDestroyedError())
    await Promise.all([...this.#all].map(({ client }) => client.destroy()))
  }

  #sendOver(connection: Connection, { request, exchange }: Waiting): void {
    this.#all.delete(connection)
    this.#all.add(connection)
    connection.client.dispatch(request, exchange)
    // A request that can't be sent leaves nothing in the client that it could tell of.
    if (exchange.isOver) this.#freed(connection)
  }

  /** Null while all are in use. */
  #connectionTo(origin: string): Connection | null {
    const free = this.#addresses.get(origin)?.free.pop()
    if (free === undefined) return this.#newTo(origin)
    free.isFree = false
    return free
  }

  #newTo(origin: string): Connection | null {
    if (this.#all.size >= this.#options.connectionsMax && !this.#closeLongestIdle()) return null
    const { headersTimeoutMs, bodyTimeoutMs, keepAliveMs } = this.#options
    const client = new Client(origin, {
      connect: this.#connect,
      headersTimeout: headersTimeoutMs,
      bodyTimeout: bodyTimeoutMs,
      keepAliveTimeout: keepAliveMs,
      // A service may ask for less by its `Keep-Alive`; by itself, undici also keeps a connection for as long as that asks it to.
      keepAliveMaxTimeout: keepAliveMs,
      // The timeouts above are those of HTTP/1.1 connections that carry one request at a time.
      pipelining: 1,
      allowH2: false,
    })
    const connection = { origin, client, isFree: false }
    this.#all.add(connection)
    const address = this.#addresses.get(origin) ?? { free: [], connections: 0 }
    address.connections += 1
    this.#addresses.set(origin, address)
    client.on('drain', () => {
      this.#freed(connection)
    })
    const left = (): void => {
      if (!isIdle(connection)) return
      this.#forget(connection)
      this.#letNextGo()
    }
    client.on('disconnect', left)
    client.on('connectionError', left)
    return connection
  }

  #freed(connection: Connection): void {
    if (connection.isFree || !this.#all.has(connection) || !isIdle(connection)) return
    connection.isFree = true
    this.#addresses.get(connection.origin)?.free.push(connection)
    this.#letNextGo()
  }

  #closeLongestIdle(): boolean {
    for (const connection of this.#all) {
      if (!connection.isFree) continue
      this.#forget(connection)
      return true
    }
    return false
  }

  #forget(connection: Connection): void {
    const { origin, client } = connection
    if (!this.#all.delete(connection)) return
    const address = this.#addresses.get(origin)
    if (address !== undefined) {
      address.connections -= 1
      if (address.connections === 0) this.#addresses.delete(origin)
      if (connection.isFree) address.free.splice(address.free.indexOf(connection), 1)
    }
    void client.destroy()
  }

  #letNextGo(): void {
    let next = this.#waiting.shift()
    while (next?.exchange.isOver === true) next = this.#waiting.shift()
    if (next === undefined) return
    const connection = this.#connectionTo(next.request.origin)
    if (connection === null) this.#waiting.unshift(next)
    else this.#sendOver(connection, next)
  }
}

function isIdle({ client }: Connection): boolean {
  return client.stats.size === 0
}
