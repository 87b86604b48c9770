/** Makes every failure of a request, found by Fastify or by us, one answer of one shape. */
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isDaggyPath, RUNS } from './dialects/daggy/base.ts'
import { errorOf } from './dialects/daggy/errors.ts'
import { BASE, isMaapPath } from './dialects/maap/base.ts'
import { messageOf } from './dialects/maap/errors.ts'
import { isOgcPath } from './dialects/ogc/bases.ts'
import { exceptionOf, exceptionTypeFor } from './dialects/ogc/exceptions.ts'
import { BASE as SCALE_BASE, isScalePath } from './dialects/scale/base.ts'
import { detailOf } from './dialects/scale/errors.ts'
import { answerOf, bodyOf, clip, Refusal, type RefusalStatus, type RequestFacts } from './errors.ts'
import { KnownPaths } from './known-paths.ts'

/** To be called before any route is added. */
export function answerErrors(app: FastifyInstance): void {
  const knownPaths = new KnownPaths(app)
  app.setErrorHandler(answerError)
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request)
    const methods = knownPaths.methodsOf(path)
    answerError(methods.length === 0 ? unknownPath(path) : wrongMethod(request.method, methods), request, reply)
  })
}

export function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const refusal = answerOf(error, factsOf(request))
  if (refusal.status >= 500) {
    const { cause } = refusal
    if (refusal.status === 503) request.log.warn({ err: cause ?? refusal }, 'request could not be served now')
    // Without a cause it is no failure of ours: what was asked for is an exception.
    else if (cause !== undefined) request.log.error({ err: cause }, 'request failed')
  }
  reply.headers(commonHeaders(request))
  const [type, body] = shownTo(request, refusal)
  // As bytes, for to a text Fastify would add a charset, which the type of problems does not have.
  void reply.code(refusal.status).headers(refusal.headers).type(type).send(Buffer.from(JSON.stringify(body)))
}

const JSON_TYPE = 'application/json; charset=utf-8'

/** Its media type and its body, in the words of the dialect that the request is of. */
function shownTo(request: FastifyRequest, refusal: Refusal): readonly [type: string, body: object] {
  const path = pathOf(request)
  if (isOgcPath(path)) return [exceptionTypeFor(request.headers.accept), exceptionOf(refusal, path)]
  if (isDaggyPath(path)) return [JSON_TYPE, errorOf(refusal)]
  if (isScalePath(path)) return [JSON_TYPE, detailOf(refusal)]
  return [JSON_TYPE, isMaapPath(path) ? messageOf(refusal) : bodyOf(refusal)]
}

/** What every answer carries. Answers are of the moment, and are no pages. */
export function commonHeaders(request: FastifyRequest): Record<string, string> {
  return { 'x-request-id': request.id, 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }
}

function factsOf(request: FastifyRequest): RequestFacts {
  const { schema, bodyLimit } = request.routeOptions
  const knownParameters = Object.keys(propertiesOf(schema?.querystring))
  const query = typeof request.query === 'object' && request.query !== null ? Object.keys(request.query) : []
  return {
    knownParameters,
    unknownParameters: query.filter((name) => !knownParameters.includes(name)),
    contentLength: request.headers['content-length'],
    contentType: request.headers['content-type'],
    bodyBytesMax: bodyLimit,
  }
}

function propertiesOf(schema: unknown): object {
  const hasProperties = typeof schema === 'object' && schema !== null && 'properties' in schema
  return hasProperties && typeof schema.properties === 'object' && schema.properties !== null ? schema.properties : {}
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}

function unknownPath(path: string): Refusal {
  return new Refusal(404, `There is nothing at ${clip(path)}`, { details: `The API is described at ${descriptionOf(path)}.` })
}

function descriptionOf(path: string): string {
  if (isOgcPath(path)) return '/api below the base'
  if (isScalePath(path)) return `${SCALE_BASE}/api/`
  if (isDaggyPath(path)) return `${RUNS}/api`
  return isMaapPath(path) ? `${BASE}/api` : '/docs'
}

function wrongMethod(method: string, allowed: readonly string[]): Refusal {
  const headers = { allow: allowed.join(', ') }
  return new Refusal(405, `${method} is not possible here`, { details: `Possible are: ${allowed.join(', ')}.`, headers })
}

interface ConnectionFault {
  readonly status: RefusalStatus
  readonly phrase: string
  readonly message: string
}

const connectionFaults: Readonly<Record<string, ConnectionFault>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, phrase: 'Request Timeout', message: 'The request did not arrive in time' },
  HPE_HEADER_OVERFLOW: { status: 431, phrase: 'Request Header Fields Too Large', message: 'The headers are too large' },
}
const NOT_HTTP: ConnectionFault = { status: 400, phrase: 'Bad Request', message: 'The request is not valid HTTP' }

/** Answers what is no request at all, for which there is no Fastify reply. */
export function answerConnectionFault(error: FastifyError | (Error & { readonly code: string }), socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const { status, phrase, message } = connectionFaults[error.code] ?? NOT_HTTP
  if (socket.writable) {
    const body = JSON.stringify(bodyOf(new Refusal(status, message)))
    const head = [
      `HTTP/1.1 ${status} ${phrase}`,
      'content-type: application/json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
    ]
    socket.write(`${head.join('\r\n')}\r\n\r\n${body}`)
  }
  socket.destroySoon()
}
