/** How a server stops: without keeping whoever stops it waiting for clients. */
import type { FastifyInstance } from 'fastify'
import { delay, type Timers } from '../runtime/clock.ts'

const LOOK_MS = 50

/**
 * Node ends the connections that are idle when a server closes, and no others: one that is answered later would be kept for its next
 * request, for as long as keep-alive lasts. Each answer from then on says that it is its connection's last.
 */
export function endConnectionsOnClose(app: FastifyInstance): void {
  let isClosing = false
  app.addHook('preClose', (done) => {
    isClosing = true
    done()
  })
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (isClosing) reply.header('connection', 'close')
    done(null, payload)
  })
}

/** Resolves once no connection is left: answers under way are finished, those that take longer than `patienceMs` cut off. */
export async function closeServer(app: FastifyInstance, timers: Timers, patienceMs: number): Promise<void> {
  const closed = new AbortController()
  const cutting = cutOff(app, timers, patienceMs, closed.signal)
  try {
    await app.close()
  } finally {
    closed.abort(new Error('it is closed'))
    await cutting
  }
}

async function cutOff(app: FastifyInstance, timers: Timers, patienceMs: number, closed: AbortSignal): Promise<void> {
  try {
    for (let waitedMs = 0; waitedMs < patienceMs; waitedMs += LOOK_MS) {
      await delay(timers, LOOK_MS, closed)
      // What was hijacked, such as a stream of events, says nothing of being the last.
      app.server.closeIdleConnections()
    }
    app.server.closeAllConnections()
  } catch {
    // It has closed by itself.
  }
}
