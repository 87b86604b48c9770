/** The description of a dialect for people: the page that shows its OpenAPI document. */
import type { FastifyInstance } from 'fastify'
import { CONTENT_SECURITY_POLICY, UI_PATH } from './docs.ts'

export const PAGE = 'api.html'
const SCRIPT = 'api-page.js'

const script = `
SwaggerUIBundle({ url: 'api', dom_id: '#description', deepLinking: true, validatorUrl: null })
`

export interface DialectPage {
  readonly title: string
  /** How many segments of its path the page is below; left out, two. */
  readonly below?: number
}

/** For a dialect whose document is at `api`, beside the page. Its parts are the server's own: it works without the internet. */
export function addDialectPage(app: FastifyInstance, { title, below = 2 }: DialectPage): void {
  // Of the main description's page, also where the server stands behind a path.
  const parts = `${Array.from({ length: below }, () => '..').join('/')}${UI_PATH}/static`
  const page = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${title}</title><link rel="stylesheet" href="${parts}/swagger-ui.css"></head>
<body><div id="description"></div><script src="${parts}/swagger-ui-bundle.js"></script><script src="${SCRIPT}"></script></body>
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
