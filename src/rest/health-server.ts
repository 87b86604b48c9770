/** For processes without a facade: they, too, are asked whether they live, whether they are ready, and what they count. */
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { addHealth, type HealthOptions } from './health.ts'

/** Answers `/livez`, `/readyz` and `/metrics` only, so it may listen where a facade without authentication may not. */
export function buildHealthServer(options: HealthOptions & { readonly logger: FastifyBaseLogger }): FastifyInstance {
  const logController = new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' })
  const app = fastify({ loggerInstance: options.logger, logController })
  addHealth(app, options)
  return app
}
