/** For processes without a facade: they, too, are asked whether they live, whether they are ready, and what they count. */
import fastify from 'fastify'
import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { addHealth, type HealthOptions } from './health.ts'

/** Answers `/livez`, `/readyz` and `/metrics` only, so it may listen where a facade without authentication may not. */
export function buildHealthServer(options: HealthOptions & { readonly logger: FastifyBaseLogger }): FastifyInstance {
  const app = fastify({ loggerInstance: options.logger, disableRequestLogging: true })
  addHealth(app, options)
  return app
}
