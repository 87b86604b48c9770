/** The description of a dialect for people: the page that shows its OpenAPI document. */
import type { FastifyInstance } from 'fastify'
import { CONTENT_SECURITY_POLICY, UI_PATH } from './docs.ts'

export const PAGE = 'api.html'
const SCRIPT = 'api-page.js'

/** Of the main description's page, as seen from a page below two segments. */
const STATIC = `../..${UI_PATH}/static`

const script = `
SwaggerUIBundle({ url: 'api', dom_id: '#description', deepLinking: true, validatorUrl: null })
`

/** For a dialect whose document is at `api`, beside the page. Its parts are the server's own: it works without the internet. */
export function addDialectPage(app: FastifyInstance, { title }: { readonly title: string }): void {
  const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title><link rel="stylesheet" href="${STATIC}/swagger-ui.css"></head>
<body><div id="description"></div><script src="${STATIC}/swagger-ui-bundle.js"></script><script src="${SCRIPT}"></script></body>
</html>
`
  const headers = { 'content-security-policy': CONTENT_SECURITY_POLICY }
  app.get(`/${PAGE}`, { schema: { hide: true } }, (_request, reply) => {
    return reply.headers(headers).type('text/html; charset=utf-8').send(Buffer.from(page))
  })
  app.get(`/${SCRIPT}`, { schema: { hide: true } }, (_request, reply) => {
    return reply.headers(headers).type('text/javascript; charset=utf-8').send(Buffer.from(script))
  })
}
