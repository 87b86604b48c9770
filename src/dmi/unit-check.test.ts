import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, expect, test } from 'vitest'
import type { DmiService } from './dmi-service.ts'
import { checkUnit } from './unit-check.ts'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function serviceThat(answers: (request: IncomingMessage, response: ServerResponse) => void): Promise<DmiService> {
  server = createServer(answers)
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const auth = { type: 'basic', username: 'u', password: 'secret' } as const
  return { name: 'exec', baseUrl: `http://127.0.0.1:${port}/below/`, contract: 'dataJob', auth }
}

test('a service is asked below its own address, with its credentials, for what is to be carried out', async () => {
  const asked: unknown[] = []
  const service = await serviceThat((request, response) => {
    void text(request).then((body) => {
      asked.push([request.method, request.url, request.headers.authorization, body])
      response.end('{"ok":true,"demand":{}}')
    })
  })
  expect(await checkUnit(service, '{"command":["x"]}', 5_000)).toEqual({ type: 'runs' })
  expect(asked).toEqual([['POST', '/below/v1/check', `Basic ${btoa('u:secret')}`, '{"command":["x"]}']])
})

test.each([
  [200, '{"ok":false,"reason":"program \\"rm\\" is not on the list"}', { type: 'refused', reason: 'program "rm" is not on the list' }],
  [400, '{"message":"command: must be array"}', { type: 'refused', reason: 'command: must be array' }],
  [200, '{}', { type: 'refused', reason: 'it does not say why' }],
  [503, 'no, secret', { type: 'unknown', reason: 'it answered 503: no, ***' }],
  [200, 'x'.repeat(70_000), { type: 'unknown', reason: 'it has more than 65536 bytes' }],
])('an answer of %i is read: %.60s', async (status, body, check) => {
  const service = await serviceThat((request, response) => {
    request.resume()
    response.writeHead(status).end(body)
  })
  expect(await checkUnit(service, '{}', 5_000)).toEqual(check)
})

test('a service that is silent, or not there, is not waited for', async () => {
  const service = await serviceThat((request) => {
    request.resume()
  })
  expect(await checkUnit(service, '{}', 100)).toEqual({ type: 'unknown', reason: 'no answer within 100 ms' })
  const gone = { ...service, baseUrl: 'http://127.0.0.1:1' }
  expect(await checkUnit(gone, '{}', 5_000)).toMatchObject({ type: 'unknown', reason: expect.stringContaining('ECONNREFUSED') as string })
})
