import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface LoopbackServer {
  readonly url: string
  /** Ends all connections, answers under way too. */
  close(): Promise<void>
}

/** Longer than clients keep an idle connection, so that they, not we, close it: closing it under a request loses it. */
const KEEP_ALIVE_MS = 60_000

/** Listens where only this machine reaches it; 0 takes a free port. Rejects when the port can't be had. */
export async function listenOnLoopback(port: number, answer: RequestListener): Promise<LoopbackServer> {
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, answer)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}
