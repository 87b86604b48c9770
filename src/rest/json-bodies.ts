/** Bodies as the clients of some dialects send them. To be called in the dialect's own scope. */
import type { FastifyInstance } from 'fastify'

/** A body that does not say what it is, is JSON. */
export function takeJsonWithoutType(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    if (request.method !== 'DELETE') request.headers['content-type'] ??= 'application/json'
    done()
  })
}

/** Clients say that it is JSON also where they send nothing, because there is nothing to say. */
export function takeEmptyBodies(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body.length === 0 && request.routeOptions.schema?.body === undefined) done(null, undefined)
    else void parse(request, String(body), done)
  })
}
