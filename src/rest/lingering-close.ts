/** Lets clients that send all of a body before they read anything get to know why it is not wanted. */
import { PassThrough } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Timers } from '../runtime/clock.ts'

const LINGER_MS = 5_000

/**
 * An answer that comes while its request's body does is sent whole, but ends only when the rest of the body has come and is thrown away,
 * or after five seconds. Node may close the connection as soon as an answer has ended, and a client that still writes would then see a
 * broken connection instead of it.
 */
export function lingerOverBodies(app: FastifyInstance, timers: Timers): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    const { raw } = request
    const isOver = raw.readableEnded || raw.destroyed || !hasBody(request.headers)
    if (isOver || !(typeof payload === 'string' || payload instanceof Uint8Array)) {
      done(null, payload)
      return
    }
    const answer = new PassThrough()
    answer.write(payload)
    const timer = timers.after(LINGER_MS, () => {
      answer.end()
      raw.destroy()
    })
    for (const event of ['end', 'close', 'error']) {
      raw.once(event, () => {
        timer.cancel()
        answer.end()
      })
    }
    raw.resume()
    reply.header('content-length', Buffer.byteLength(payload))
    done(null, answer)
  })
}

/** Whether a request has one, if perhaps an empty one. */
export function hasBody(headers: FastifyRequest['headers']): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0
}
