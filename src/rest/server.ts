/** Puts the facade together. Nothing listens before {@link startServer} is called. */
import { randomUUID } from 'node:crypto'
import fastify, { type FastifyInstance, LogController } from 'fastify'
import { Counter, Gauge } from 'prom-client'
import type { AuthOptions } from './auth.ts'
import { type Binding, checkBinding } from './binding.ts'
import type { ServerDependencies } from './dependencies.ts'
import { isDaggyPath } from './dialects/daggy/base.ts'
import { addDaggyRoutes } from './dialects/daggy/routes.ts'
import { addInventoryRoutes } from './dialects/inventory/routes.ts'
import { isMaapPath } from './dialects/maap/base.ts'
import { addMaapRoutes } from './dialects/maap/routes.ts'
import { addBucketRoutes } from './dialects/ncmp/bucket-routes.ts'
import { addNcmpRoutes } from './dialects/ncmp/routes.ts'
import { isOgcPath } from './dialects/ogc/bases.ts'
import { addOgcRoutes } from './dialects/ogc/routes.ts'
import { isScalePath } from './dialects/scale/base.ts'
import { addScaleRoutes } from './dialects/scale/routes.ts'
import { addDocs } from './docs.ts'
import { answerConnectionFault, answerError, answerErrors, commonHeaders } from './error-handling.ts'
import { clip, Refusal } from './errors.ts'
import { addHealth } from './health.ts'
import { BucketListing } from './jobs/bucket-listing.ts'
import { JobIntake } from './jobs/job-intake.ts'
import { JobControl } from './jobs/job-control.ts'
import { JobLookup } from './jobs/job-lookup.ts'
import { JobStreams } from './jobs/job-streams.ts'
import { JobWatch } from './jobs/job-watch.ts'
import { ResultEvents } from './jobs/result-events.ts'
import { hasBody, lingerOverBodies } from './lingering-close.ts'
import { errorSchema } from './schemas.ts'
import { endConnectionsOnClose } from './server-close.ts'
import { observeTraffic } from './traffic.ts'

// A job id of 256 characters, each of which may be percent-encoded to three.
const PARAM_LENGTH_MAX = 1024
const KEEP_ALIVE_TIMEOUT_MS = 72_000
const HEADERS_TIMEOUT_MS = 15_000
// How often Node looks for requests that have taken too long: by default every 30 s, and so up to 30 s late.
const TIMEOUTS_CHECKED_MS = 1_000

export async function buildServer(deps: ServerDependencies): Promise<FastifyInstance> {
  const { limits, metrics, readiness, timers, version, apiRoot, auth } = deps
  const app = instanceFor(deps)
  app.server.maxConnections = limits.connectionsMax
  app.decorateRequest('principal', null)
  endConnectionsOnClose(app)
  lingerOverBodies(app, timers)
  observeTraffic(app, metrics)
  addCommonHeaders(app)
  refuseEncodedBodies(app)
  limitBodyTime(app, deps)
  answerErrors(app)
  app.addSchema(errorSchema)
  await addDocs(app, { version, apiRoot, auth, isDescribedElsewhere })
  addHealth(app, { readiness, metrics, timers })
  const accepted = new Counter({
    name: 'datajob_jobs_accepted_total',
    help: 'Jobs that were taken in and acknowledged by Kafka, repetitions not counted',
    labelNames: ['dialect', 'kind'],
    registers: [metrics],
  })
  const intake = new JobIntake(deps, ({ dialect, kind }) => {
    accepted.inc({ dialect, kind })
  })
  const lookup = new JobLookup(deps)
  const watch = new JobWatch(deps)
  const streams = new JobStreams(deps, watch)
  new Gauge({
    name: 'datajob_event_streams_open',
    help: 'Clients that follow a job by server-sent events',
    registers: [metrics],
    collect() {
      this.set(streams.size)
    },
  })
  const listing = new BucketListing(deps)
  await addBucketRoutes(app, { deps, lookup, listing })
  const control = new JobControl(deps, lookup)
  const results = new ResultEvents(deps)
  await addNcmpRoutes(app, { deps, intake, lookup, control, streams, listing, results })
  await addInventoryRoutes(app, deps)
  await addOgcRoutes(app, { deps, intake, lookup, control, watch, results })
  await addMaapRoutes(app, { deps, intake, lookup, control, results })
  await addDaggyRoutes(app, { deps, intake, lookup, control, results })
  await addScaleRoutes(app, { deps, intake, lookup, results })
  return app
}

/** Whether one of the dialects' own descriptions has it. */
function isDescribedElsewhere(path: string): boolean {
  return [isOgcPath, isMaapPath, isDaggyPath, isScalePath].some((isOf) => isOf(path))
}

/** Begins to listen and resolves to where. Throws UnsafeBinding where strangers could come in. */
export async function startServer(app: FastifyInstance, binding: Binding, auth: AuthOptions): Promise<string> {
  checkBinding(binding, auth)
  return app.listen({ host: binding.host, port: binding.port })
}

function instanceFor({ limits, logger }: ServerDependencies): FastifyInstance {
  return fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'requestId' }),
    genReqId: (request) => requestIdOf(request.headers['x-request-id']),
    requestIdHeader: false,
    bodyLimit: limits.bodyBytesMax,
    // For all; what is no upload has less time, see limitBodyTime.
    requestTimeout: Math.max(limits.uploadTimeoutMs, limits.requestTimeoutMs),
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    http: {
      // Of the two Node takes the longer one for the whole request.
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, limits.requestTimeoutMs),
      connectionsCheckingInterval: TIMEOUTS_CHECKED_MS,
    },
    // Clients put paths behind an address that ends in a slash, and slashes behind paths.
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX, ignoreDuplicateSlashes: true, ignoreTrailingSlash: true },
    // A parameter that isn't known is refused, not dropped.
    ajv: { customOptions: { removeAdditional: false } },
    frameworkErrors: (error, request, reply) => {
      answerError(error, request, reply)
    },
    clientErrorHandler: answerConnectionFault,
    // What still comes over an open connection while the server closes is served, and its connection ended.
    return503OnClosing: false,
  })
}

function addCommonHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(commonHeaders(request))
    done()
  })
}

// Node has one limit for all requests, which has to suit the largest.
function limitBodyTime(app: FastifyInstance, { timers, limits }: Pick<ServerDependencies, 'timers' | 'limits'>): void {
  app.addHook('preParsing', (request, _reply, payload, done) => {
    const { headers, raw, routeOptions } = request
    if (hasBody(headers) && routeOptions.config.readsBody !== true) {
      const timer = timers.after(limits.requestTimeoutMs, () => {
        answerConnectionFault(Object.assign(new Error('too slow'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), raw.socket)
      })
      for (const event of ['end', 'close']) {
        raw.once(event, () => {
          timer.cancel()
        })
      }
    }
    done(null, payload)
  })
}

// Unpacked, a small body may be larger than any limit, and whoever packs one says nothing of its size.
function refuseEncodedBodies(app: FastifyInstance): void {
  app.addHook('preParsing', (request, _reply, payload, done) => {
    const encoding = request.headers['content-encoding'] ?? 'identity'
    if (encoding.toLowerCase() === 'identity') {
      done(null, payload)
      return
    }
    const options = { details: 'Send the body as it is.', headers: { 'accept-encoding': 'identity' } }
    done(new Refusal(415, `Content-Encoding "${clip(encoding)}" is not taken`, options))
  })
}

const REQUEST_ID = /^[\w.:/+=-]{1,128}$/

function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID()
}
