import { buildConnector, Client, type Dispatcher, errors } from 'undici'

export interface DmiConnectionsOptions {
  /** Connections that are open at a time, to all services together. */
  readonly connectionsMax: number
  readonly connectTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly bodyTimeoutMs: number
  /** How long an idle connection is kept, at most; a service may ask for less. */
  readonly keepAliveMs: number
}

type Request = Pick<Dispatcher.RequestOptions, 'path' | 'method' | 'headers' | 'body' | 'signal'> & { readonly origin: string }

/** One connection, or none yet or any more: HTTP/1.1, one request at a time. */
interface Connection {
  readonly origin: string
  readonly client: Client
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
  readonly #byOrigin = new Map<string, Set<Connection>>()
  readonly #waiting: (() => void)[] = []
  #isClosed = false

  constructor(options: DmiConnectionsOptions) {
    this.#options = options
    // One for all of them, so that TLS sessions are resumed.
    this.#connect = buildConnector({ timeout: options.connectTimeoutMs, allowH2: false })
  }

  /** Resolves with the answer's headers; its body holds the connection until it ends. Rejects with errors of undici. */
  async request({ origin, ...request }: Request): Promise<Dispatcher.ResponseData> {
    let connection = this.#connectionTo(origin)
    while (connection === null) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
      connection = this.#connectionTo(origin)
    }
    try {
      // Takes the connection before anybody else can find it idle.
      return await connection.client.request(request)
    } catch (error) {
      // Without a connection there is nobody to say that it is free.
      this.#letNextGo()
      throw error
    }
  }

  /** Ends all connections; requests under way fail. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const go of this.#waiting.splice(0)) go()
    await Promise.all([...this.#all].map(({ client }) => client.destroy()))
  }

  /** Null while all are in use. */
  #connectionTo(origin: string): Connection | null {
    if (this.#isClosed) throw new errors.ClientDestroyedError()
    const connection = this.#idleTo(origin) ?? this.#newTo(origin)
    if (connection === null) return null
    this.#all.delete(connection)
    this.#all.add(connection)
    return connection
  }

  #idleTo(origin: string): Connection | null {
    for (const connection of this.#byOrigin.get(origin) ?? []) if (isIdle(connection)) return connection
    return null
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
    const connection = { origin, client }
    this.#all.add(connection)
    const others = this.#byOrigin.get(origin) ?? new Set()
    this.#byOrigin.set(origin, others.add(connection))
    client.on('drain', () => {
      this.#letNextGo()
    })
    const left = (): void => {
      if (isIdle(connection)) this.#forget(connection)
    }
    client.on('disconnect', left)
    client.on('connectionError', left)
    return connection
  }

  #closeLongestIdle(): boolean {
    for (const connection of this.#all) {
      if (!isIdle(connection)) continue
      this.#forget(connection)
      return true
    }
    return false
  }

  #forget(connection: Connection): void {
    const { origin, client } = connection
    if (!this.#all.delete(connection)) return
    const others = this.#byOrigin.get(origin)
    others?.delete(connection)
    if (others?.size === 0) this.#byOrigin.delete(origin)
    void client.destroy()
    this.#letNextGo()
  }

  #letNextGo(): void {
    this.#waiting.shift()?.()
  }
}

function isIdle({ client }: Connection): boolean {
  return client.stats.size === 0
}
