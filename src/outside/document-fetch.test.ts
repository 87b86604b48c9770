import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { AddressGuard } from './address-guard.ts'
import { DocumentFetch } from './document-fetch.ts'

const opened: { close(): unknown }[] = []
afterEach(async () => {
  for (const each of opened.splice(0)) await each.close()
})

async function serverThat(answers: (response: ServerResponse) => void): Promise<number> {
  const server: Server = createServer((_request, response) => {
    answers(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  opened.push({ close: () => { server.closeAllConnections(); } }, server)
  return (server.address() as AddressInfo).port
}

function documents(allowed: readonly string[] = ['127.0.0.1'], timeoutMs = 5_000): DocumentFetch {
  const made = new DocumentFetch({ guard: new AddressGuard(allowed, 'SETTING'), timeoutMs, bytesMax: 10 })
  opened.push(made)
  return made
}

test('a document comes with its type', async () => {
  const port = await serverThat((response) => response.writeHead(200, { 'content-type': 'application/cwl' }).end('hello'))
  expect(await documents().fetch(`http://127.0.0.1:${port}/`)).toEqual({ ok: true, contentType: 'application/cwl', text: 'hello' })
})

test('nothing is fetched from where it is not allowed, neither by address nor by name', async () => {
  let calls = 0
  const port = await serverThat((response) => {
    calls += 1
    response.end('secret')
  })
  for (const host of ['127.0.0.1', 'localhost']) {
    const reason = `${host} is not on the internet, and not allowed beside it (SETTING)`
    const fetched = await documents([]).fetch(`http://${host}:${port}/`)
    expect(fetched).toMatchObject({ ok: false, reason: expect.stringContaining(reason) as string })
  }
  expect(calls).toBe(0)
})

test.each<[string, (response: ServerResponse) => void, string]>([
  ['is not there', (response) => response.writeHead(404).end(), 'it answered 404'],
  ['is elsewhere', (response) => response.writeHead(302, { location: '/x' }).end(), 'it answered 302, and redirects are not followed'],
  ['is too large', (response) => response.end('x'.repeat(11)), 'it has more than 10 bytes'],
])('a document that %s is refused with the reason', async (_what, answers, reason) => {
  const port = await serverThat(answers)
  expect(await documents().fetch(`http://127.0.0.1:${port}/`)).toEqual({ ok: false, reason })
})

test('a document that does not come in time, or has no such address, is refused with the reason', async () => {
  const port = await serverThat(() => undefined)
  const late = await documents(['127.0.0.1'], 100).fetch(`http://127.0.0.1:${port}/`)
  expect(late).toEqual({ ok: false, reason: 'it has not come within 100 ms' })
  expect(await documents().fetch('file:///etc/passwd')).toEqual({ ok: false, reason: 'it is no http or https URL' })
})
