/** For the time in which a process waits for Kafka or the schema registry: it lives, it is not ready, and clients are to come again. */
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { Registry } from 'prom-client'
import type { Timers } from '../runtime/clock.ts'
import { answerErrors } from './error-handling.ts'
import { RETRY_AFTER_S, unavailable } from './errors.ts'
import { addHealth } from './health.ts'

export interface WaitingServerOptions {
  readonly timers: Timers
  readonly logger: FastifyBaseLogger
  /** What is waited for, in a few words. */
  readonly waitsFor: () => string
}

/** `/livez` answers 200, `/readyz` 503 with what is waited for, everything else 503 with `Retry-After`. Says nothing that is secret. */
export function buildWaitingServer({ timers, logger, waitsFor }: WaitingServerOptions): FastifyInstance {
  const logController = new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' })
  const app = fastify({ loggerInstance: logger, logController, forceCloseConnections: true })
  answerErrors(app)
  const readiness = [{ name: 'start', check: () => Promise.resolve(waitsFor()) }]
  addHealth(app, { readiness, metrics: new Registry(), timers })
  app.all('/*', () => {
    throw unavailable('The service is starting', {
      retryAfterS: RETRY_AFTER_S,
      details: 'It waits for what it needs; /readyz says for what. Nothing was taken. Send the request again.',
    })
  })
  return app
}
