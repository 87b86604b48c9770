/** Each request as one log line and one observation, of the same facts. No bodies, queries or credentials are in them. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Histogram, type Registry } from 'prom-client'

declare module 'fastify' {
  interface FastifyRequest {
    /** The job that the request is about, for the log; null when it is about none. */
    jobId: string | null
  }
}

const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

export function observeTraffic(app: FastifyInstance, metrics: Registry): void {
  const durations = new Histogram({
    name: 'datajob_http_request_duration_seconds',
    help: 'Time from a request’s arrival to the end of its answer',
    labelNames: ['method', 'route', 'status'],
    buckets: DURATION_BUCKETS_S,
    registers: [metrics],
  })
  app.decorateRequest('jobId', null)
  app.addHook('onResponse', (request, reply, done) => {
    const { method } = request
    const route = routeOf(request)
    const ms = Math.round(reply.elapsedTime * 1000) / 1000
    durations.observe({ method, route, status: reply.statusCode }, ms / 1000)
    const job = request.jobId === null ? {} : { jobId: request.jobId }
    const facts = { method, route, status: reply.statusCode, ms, ...job }
    if (isProbe(route)) request.log.debug(facts, 'request')
    else request.log.info(facts, 'request')
    done()
  })
}

// The pattern, not the path: a client must not be able to make up labels.
function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'none'
}

function isProbe(route: string): boolean {
  return route === '/livez' || route === '/readyz' || route === '/metrics'
}
