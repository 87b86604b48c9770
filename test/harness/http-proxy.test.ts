import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { HttpProxy } from './http-proxy.ts'

let server: Server
let proxy: HttpProxy
/** What the server has done. */
let done: string[]

beforeEach(async () => {
  done = []
  server = createServer((incoming, outgoing) => {
    void text(incoming).then((body) => {
      done.push(`${incoming.method} ${incoming.url} ${incoming.headers.host} ${body}`)
      outgoing.writeHead(201, { 'x-answer': 'yes' }).end(`did ${body}`)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await HttpProxy.start(`http://127.0.0.1:${(server.address() as AddressInfo).port}/base`)
})

afterEach(async () => {
  await proxy.close()
  server.close()
})

function put(path: string, body: string): Promise<Response> {
  return fetch(proxy.url + path, { method: 'PUT', body })
}

it('passes requests and answers on as they are, the host that was asked included', async () => {
  const response = await put('/a?b=c', 'it')
  expect([response.status, response.headers.get('x-answer'), await response.text()]).toEqual([201, 'yes', 'did it'])
  expect(done).toEqual([`PUT /base/a?b=c ${proxy.link.address} it`])
})

it('loses an answer: the server has done it, the client is reset', async () => {
  const rule = proxy.rule({ method: 'PUT', path: /^\/base\/a/, fate: 'answer lost', times: 1 })
  await expect(put('/a', 'it')).rejects.toMatchObject({ cause: { code: expect.stringMatching(/ECONNRESET|UND_ERR_SOCKET/) as string } })
  expect([done, rule.hits]).toEqual([[`PUT /base/a ${proxy.link.address} it`], 1])
  expect((await put('/a', 'it')).status).toBe(201)
})

it('answers in place of the server, which hears nothing of it', async () => {
  const rule = proxy.rule({ method: 'PUT', fate: { status: 503 } })
  expect((await put('/a', 'it')).status).toBe(503)
  expect([done, rule.hits]).toEqual([[], 1])
  expect((await fetch(`${proxy.url}/a`)).status).toBe(201)
  rule.end()
  expect((await put('/a', 'it')).status).toBe(201)
})

it('leaves alone what the rule is not about', async () => {
  proxy.rule({ path: /manifest/, fate: 'answer lost' })
  expect((await put('/a', 'it')).status).toBe(201)
})

it('a server that is away resets the client', async () => {
  server.close()
  server.closeAllConnections()
  await expect(put('/a', 'it')).rejects.toThrow('fetch failed')
})
