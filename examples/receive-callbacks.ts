/** A server that is called back: verifies who sends, and prints each callback once. Needs nothing but Node. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

const { DATAJOB_CALLBACK_SECRET = '', PORT = '0' } = process.env
if (DATAJOB_CALLBACK_SECRET === '') throw new Error('DATAJOB_CALLBACK_SECRET is what the service signs with')
const key = DATAJOB_CALLBACK_SECRET.startsWith('whsec_')
  ? Buffer.from(DATAJOB_CALLBACK_SECRET.slice('whsec_'.length), 'base64')
  : Buffer.from(DATAJOB_CALLBACK_SECRET)

/** Older ones may be copies of what somebody has overheard. */
const AGE_S_MAX = 300

function isGenuine(headers: IncomingHttpHeaders, body: Buffer): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': given } = headers
  if (Math.abs(Date.now() / 1_000 - Number(timestamp)) > AGE_S_MAX) return false
  const wanted = createHmac('sha256', key).update(`${String(id)}.${String(timestamp)}.`).update(body).digest()
  return String(given).split(' ').some((each) => {
    const signature = Buffer.from(each.replace(/^v1,/, ''), 'base64')
    return signature.length === wanted.length && timingSafeEqual(signature, wanted)
  })
}

// A callback may come more than once: a real receiver keeps the ids it has seen where they survive it.
const seen = new Set<string>()

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    const body = Buffer.concat(chunks)
    if (!isGenuine(request.headers, body)) {
      response.writeHead(401).end()
      return
    }
    const id = String(request.headers['webhook-id'])
    if (!seen.has(id)) console.log(body.toString())
    seen.add(id)
    response.writeHead(204).end()
  })
})
server.listen(Number(PORT), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})
