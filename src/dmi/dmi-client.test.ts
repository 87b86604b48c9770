import { describe, expect, it } from 'vitest'
import type { DmiContract } from './dmi-service.ts'
import { bytesOf, call, json, testClient, testService, untilDone } from './dmi-test-service.ts'

const body = Buffer.from('{"data":[]}')
const odd = {
  ...call, requestId: 'a/b ?#%é', kind: 'WRITE' as const, dataProducerId: 'p&q=1/..', destination: 'x y&z',
}

async function urlsOf(contract: DmiContract, calls: typeof call): Promise<readonly string[]> {
  const { service, requests } = await testService(json({ dataProducerJobId: 'd/1', status: 'RUNNING' }), { contract })
  const client = testClient()
  await client.submit(service, calls, body, untilDone)
  await client.status(service, calls, 'd/1', untilDone)
  const result = await client.result(service, calls, 'd/1', untilDone)
  if (result.ok) await bytesOf(result)
  await client.cancel(service, calls, 'd/1', untilDone)
  return requests.map(({ method, url }) => `${method} ${url}`)
}

describe('the addresses of a contract', () => {
  it('dataJob are those of the contract page', async () => {
    expect(await urlsOf('dataJob', call)).toEqual([
      'POST /dmi/v1/dataJob/job-1/readJob?destination=results',
      'GET /dmi/v1/dataJob/job-1/dataProducerJob/d%2F1/status?dataProducerId=producer-1',
      'GET /dmi/v1/dataJob/job-1/dataProducerJob/d%2F1/result?dataProducerId=producer-1&destination=results',
      'DELETE /dmi/v1/dataJob/job-1/dataProducerJob/d%2F1?dataProducerId=producer-1',
    ])
  })

  it('cmJob are those of the contract page', async () => {
    expect(await urlsOf('cmJob', call)).toEqual([
      'POST /dmi/v1/cmreadJob?destination=results',
      'GET /dmi/v1/cmwriteJob/dataProducer/producer-1/dataProducerJob/d%2F1/status',
      'GET /dmi/v1/cmwriteJob/dataProducer/producer-1/dataProducerJob/d%2F1/result?destination=results',
      'DELETE /dmi/v1/cmwriteJob/dataProducer/producer-1/dataProducerJob/d%2F1',
    ])
  })

  it('carry any id percent-encoded', async () => {
    expect((await urlsOf('dataJob', odd)).slice(0, 2)).toEqual([
      'POST /dmi/v1/dataJob/a%2Fb%20%3F%23%25%C3%A9/writeJob?destination=x%20y%26z',
      'GET /dmi/v1/dataJob/a%2Fb%20%3F%23%25%C3%A9/dataProducerJob/d%2F1/status?dataProducerId=p%26q%3D1%2F..',
    ])
    expect((await urlsOf('cmJob', odd)).slice(0, 3)).toEqual([
      'POST /dmi/v1/cmwriteJob?destination=x%20y%26z',
      'GET /dmi/v1/cmwriteJob/dataProducer/p%26q%3D1%2F../dataProducerJob/d%2F1/status',
      'GET /dmi/v1/cmwriteJob/dataProducer/p%26q%3D1%2F../dataProducerJob/d%2F1/result?destination=x%20y%26z',
    ])
  })

  it('stay behind the path of the base URL', async () => {
    const { service, requests } = await testService(json({ status: 'RUNNING' }))
    await testClient().status({ ...service, baseUrl: `${service.baseUrl}/gateway/` }, call, 'd1', untilDone)
    expect(requests[0]?.url).toMatch(/^\/gateway\/dmi\/v1\/dataJob\/job-1\//)
  })

  it('are never changed by an id that is a direction', async () => {
    const { service, requests } = await testService(json({ status: 'RUNNING' }))
    const outcome = await testClient().status(service, { ...call, requestId: '..' }, 'd1', untilDone)
    expect(outcome).toMatchObject({ ok: false, disposition: 'reject', cause: 'invalid-request' })
    expect(requests).toEqual([])
  })
})

describe('submit', () => {
  it('sends the body as it is, with its key and the trace', async () => {
    const { service, requests } = await testService(json({ dataProducerJobId: 'd1' }))
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const outcome = await testClient().submit(service, { ...call, traceparent }, body, untilDone)
    expect(outcome).toEqual({ ok: true, dataProducerJobId: 'd1' })
    expect(requests[0]).toMatchObject({ body: '{"data":[]}', headers: { 'idempotency-key': 'job-1/0', traceparent } })
    expect(requests[0]?.headers['content-type']).toBe('application/json')
  })

  it('sends a key of any characters, distinct keys staying distinct', async () => {
    const { service, requests } = await testService(json({ dataProducerJobId: 'd1' }))
    const client = testClient()
    for (const idempotencyKey of ['é', '%C3%A9', 'a b']) {
      await client.submit(service, { ...call, idempotencyKey }, body, untilDone)
    }
    expect(requests.map(({ headers }) => headers['idempotency-key'])).toEqual(['%C3%A9', '%25C3%25A9', 'a%20b'])
  })

  it.each([
    ['dataJob', { dataProducerJobId: 'd1', other: 1 }, 'd1'],
    ['dataJob', { dataProducerJobId: 42 }, '42'],
    ['cmJob', { subJobId: 's1', dmiServiceName: 'x', dataProducerId: 'y' }, 's1'],
    ['cmJob', { dataProducerJobId: 'd1' }, 'd1'],
    ['dataJob', { dataProducerJobId: 'a/../b' }, 'a/../b'],
  ] as const)('in %s takes the id from %j', async (contract, reply, dataProducerJobId) => {
    const { service } = await testService(json(reply, 202), { contract })
    expect(await testClient().submit(service, call, body, untilDone)).toEqual({ ok: true, dataProducerJobId })
  })

  it.each([
    {}, { subJobId: 's1' }, { dataProducerJobId: '' }, { dataProducerJobId: null }, { dataProducerJobId: { a: 1 } },
    { dataProducerJobId: 1.5 }, { dataProducerJobId: '..' }, { dataProducerJobId: 'x'.repeat(1_025) }, [], 'd1', null,
  ])('without an id is rejected: %j', async (reply) => {
    const { service } = await testService(json(reply))
    const outcome = await testClient().submit(service, call, body, untilDone)
    expect(outcome).toMatchObject({ ok: false, disposition: 'reject', cause: 'no-id' })
  })

  it('uses connections again', async () => {
    const { service, connections } = await testService(json({ dataProducerJobId: 'd1' }))
    const client = testClient()
    for (let i = 0; i < 20; i += 1) await client.submit(service, call, body, untilDone)
    // The next call may begin a moment before the connection of the one before counts as free.
    expect(connections()).toBeLessThanOrEqual(2)
  })

  it('does not keep a connection for longer than we want to, though the service would', async () => {
    const { service, open } = await testService(json({ dataProducerJobId: '1' }, 202, { 'keep-alive': 'timeout=60' }))
    await testClient({ keepAliveMs: 100 }).submit(service, call, body, untilDone)
    await expect.poll(open).toBe(0)
  })

  it('opens no more connections than allowed', async () => {
    const { service, connections } = await testService(json({ dataProducerJobId: 'd1' }))
    const client = testClient({ connectionsMax: 2 })
    await Promise.all(Array.from({ length: 20 }, () => client.submit(service, call, body, untilDone)))
    expect(connections()).toBe(2)
  })
})

describe('status', () => {
  it.each([
    [{ status: 'NOT_STARTED' }, 'NOT_STARTED'],
    [{ status: 'running' }, 'RUNNING'],
    [{ status: 'Finished' }, 'FINISHED'],
    [{ status: 'FINSHED' }, 'FINISHED'],
    [{ dataProducerJobStatus: 'partially_failed' }, 'PARTIALLY_FAILED'],
    [{ status: null, dataProducerJobStatus: 'FAILED' }, 'FAILED'],
    [{ status: 'CANCELLING' }, 'CANCELLING'],
    [{ status: 'CANCELLED' }, 'CANCELLED'],
  ])('reads %j', async (reply, status) => {
    const { service } = await testService(json(reply))
    expect(await testClient().status(service, call, 'd1', untilDone)).toEqual({ ok: true, status, progress: undefined })
  })

  it.each([
    [{ progress: 0 }, { percent: 0, message: null }],
    [{ progress: 99.9, message: 'tile 9 of 10' }, { percent: 99, message: 'tile 9 of 10' }],
    [{ progress: 100, message: '' }, { percent: 100, message: null }],
    [{ progress: 1, message: 5 }, { percent: 1, message: null }],
    [{ progress: 1, message: 'x'.repeat(501) }, { percent: 1, message: 'x'.repeat(500) }],
    [{ progress: 1, message: `${'x'.repeat(499)}😀` }, { percent: 1, message: `${'x'.repeat(499)}\ufffd` }],
    [{ progress: 101 }, undefined],
    [{ progress: -1 }, undefined],
    [{ progress: '50' }, undefined],
    [{ message: 'busy' }, undefined],
  ])('takes from %j how far the producer is', async (said, progress) => {
    const { service } = await testService(json({ status: 'RUNNING', ...said }))
    expect(await testClient().status(service, call, 'd1', untilDone)).toEqual({ ok: true, status: 'RUNNING', progress })
  })

  it.each([{}, { status: 'DONE' }, { status: 3 }, { status: ['FINISHED'] }, 'FINISHED'])(
    'rejects what it does not know: %j',
    async (reply) => {
      const { service } = await testService(json(reply))
      const outcome = await testClient().status(service, call, 'd1', untilDone)
      expect(outcome).toMatchObject({ ok: false, disposition: 'reject', cause: 'unparsable' })
    },
  )
})

describe('result', () => {
  it('is the stream of the bytes that the service sends, larger than any reply may be', async () => {
    const bytes = Buffer.alloc(1_000_000, 'é')
    const { service } = await testService(
      (response) => response.writeHead(200, { 'content-type': 'text/plain' }).end(bytes),
    )
    const outcome = await testClient().result(service, call, 'd1', untilDone)
    if (!outcome.ok) throw new Error(outcome.message)
    expect(outcome.contentType).toBe('text/plain')
    expect((await bytesOf(outcome)).equals(bytes)).toBe(true)
  })
})

describe('a result', () => {
  it('that comes all at once holds no connection, read or not', async () => {
    const { service, connections } = await testService(json({ data: { responses: [] } }))
    const client = testClient({ connectionsMax: 1 })
    for (let n = 0; n < 5; n += 1) {
      const outcome = await client.result(service, call, `d${n}`, untilDone)
      expect(outcome.ok).toBe(true)
    }
    expect(connections()).toBe(1)
  })

  it('that is still coming holds its connection until it is closed', async () => {
    const { service, open } = await testService((response) => response.writeHead(200).write('['))
    const outcome = await testClient().result(service, call, 'd1', untilDone)
    if (!outcome.ok) throw new Error(outcome.message)
    expect(open()).toBe(1)
    outcome.close()
    await expect.poll(open).toBe(0)
  })

  it('is handed over as it comes: what begins it can be read before it ends', async () => {
    const more = Promise.withResolvers<undefined>()
    const { service } = await testService((response) => {
      response.writeHead(200).write('first')
      void more.promise.then(() => response.end('last'))
    })
    const outcome = await testClient().result(service, call, 'd1', untilDone)
    if (!outcome.ok) throw new Error(outcome.message)
    let read = ''
    for await (const chunk of outcome.chunks) {
      read += Buffer.from(chunk).toString()
      more.resolve(undefined)
    }
    expect(read).toBe('firstlast')
  })

  it('of any size comes no faster than it is read', async () => {
    let sent = 0
    const { service } = await testService((response) => {
      response.writeHead(200)
      const send = (): void => {
        for (let isRoom = true; isRoom && sent < 200_000_000; sent += 65_536) isRoom = response.write(Buffer.alloc(65_536))
      }
      response.on('drain', send)
      send()
    })
    const outcome = await testClient().result(service, call, 'd1', untilDone)
    if (!outcome.ok) throw new Error(outcome.message)
    let before = -1
    await expect.poll(() => {
      const isStill = sent === before
      before = sent
      return isStill
    }).toBe(true)
    // What the sockets of both sides hold, and a little here.
    expect(sent).toBeLessThan(50_000_000)
    outcome.close()
  })
})

describe('cancel', () => {
  it.each([200, 202, 204])('is accepted by %i', async (status) => {
    const { service } = await testService((response) => response.writeHead(status).end())
    expect(await testClient().cancel(service, call, 'd1', untilDone)).toEqual({ ok: true })
  })

  it.each([404, 405, 501])('is not supported by a service that answers %i', async (status) => {
    const { service } = await testService(json({}, status))
    expect(await testClient().cancel(service, call, 'd1', untilDone)).toEqual({ notSupported: true })
  })

  it('fails like any call otherwise', async () => {
    const { service } = await testService(json({}, 503))
    const outcome = await testClient().cancel(service, call, 'd1', untilDone)
    expect(outcome).toMatchObject({ ok: false, disposition: 'retry', httpStatus: 503 })
  })
})

describe('the authorization', () => {
  const auth = { type: 'basic', username: 'us', password: 'pä:ss' } as const
  const basic = `Basic ${Buffer.from('us:pä:ss').toString('base64')}`

  it.each([
    ['none where there is nothing to send', undefined, undefined, undefined],
    ["a client's token where the service has no credentials", undefined, 'token', 'Bearer token'],
    ["the service's credentials", auth, undefined, basic],
    ["the service's credentials, never a client's token beside them", auth, 'token', basic],
  ])('is %s', async (_, serviceAuth, bearerToken, expected) => {
    const { service, requests } = await testService(json({ status: 'RUNNING' }), { auth: serviceAuth })
    await testClient().status(service, { ...call, bearerToken }, 'd1', untilDone)
    expect(requests[0]?.headers.authorization).toBe(expected)
  })

  it('that no header can carry is refused without showing it', async () => {
    const { service, requests } = await testService(json({ status: 'RUNNING' }))
    const outcome = await testClient().status(service, { ...call, bearerToken: 'secret\r\nx: y' }, 'd1', untilDone)
    expect(outcome).toMatchObject({ ok: false, disposition: 'reject', cause: 'invalid-request' })
    expect(JSON.stringify(outcome)).not.toContain('secret')
    expect(requests).toEqual([])
  })

  it('is struck out of what a message quotes', async () => {
    const { service } = await testService(
      (response, { headers }) => response.writeHead(401).end(`${headers.authorization ?? ''} is wrong, pä:ss`),
      { auth },
    )
    const outcome = await testClient().status(service, call, 'd1', untilDone)
    expect(outcome).toMatchObject({ message: 'DMI service "ran-1", status: answered 401: Basic *** is wrong, ***' })
  })

  it('is struck out even where the quotation ends in the middle of it', async () => {
    const { service } = await testService(
      (response, { headers }) => response.writeHead(401).end('x'.repeat(190) + (headers.authorization ?? '')),
    )
    const bearerToken = 'secret'.repeat(20)
    const outcome = await testClient().status(service, { ...call, bearerToken }, 'd1', untilDone)
    expect(outcome).toMatchObject({ message: expect.stringMatching(/: x{190}Bearer \*/) as unknown })
    expect(JSON.stringify(outcome)).not.toContain('secret')
  })
})
