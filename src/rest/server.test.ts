import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { brokerAway, RestFixture } from '../../test/fakes/rest-fixture.ts'
import { NO_AUTH } from './auth.ts'
import { UnsafeBinding } from './binding.ts'
import { startServer } from './server.ts'

const JOBS = '/ranoam/cm/v1/dataJob'
const json = { 'content-type': 'application/json' }

describe('a request that can’t be answered as asked', () => {
  let app: FastifyInstance

  beforeAll(async () => {
    app = await new RestFixture().build()
    return () => app.close()
  })

  it.each([
    [
      'an unknown path', { url: '/ranoam/cm/v2/dataJob?x=1' }, 404, 'There is nothing at /ranoam/cm/v2/dataJob',
      'The API is described at /docs.',
    ],
    [
      'a known path below an unknown one', { url: `/x${JOBS}` }, 404, `There is nothing at /x${JOBS}`,
      'The API is described at /docs.',
    ],
    ['a path that is not UTF-8', { url: `${JOBS}/%FF` }, 400, 'The path is not a valid percent-encoded UTF-8 text', ''],
    [
      'a path that is longer than any id', { url: `${JOBS}/${'a'.repeat(1025)}` }, 414,
      'A part of the path is longer than any name that is known here', '',
    ],
    [
      'an unknown parameter', { url: `${JOBS}?limit=1&colour=red&a=b` }, 400, 'Unknown query parameter: "colour", "a"',
      'Known are: status, destination, dialect, tenant, createdAfter, createdBefore, limit, cursor.',
    ],
    [
      'a parameter that would have no effect', { url: `${JOBS}/job-1?verbose=1` }, 400,
      'Unknown query parameter: "verbose"', 'There are none here.',
    ],
    [
      'one on a registration', { method: 'POST', url: '/ncmpInventory/v1/ch?dryRun=1', payload: '{}', headers: json },
      400, 'Unknown query parameter: "dryRun"', 'There are none here.',
    ],
    ['a parameter out of range', { url: `${JOBS}?limit=1001` }, 400, 'query limit must be <= 1000', ''],
    ['a parameter of another type', { url: `${JOBS}?limit=many` }, 400, 'query limit must be integer', ''],
    [
      'a parameter with an unknown value', { url: `${JOBS}?status=DONE` }, 400,
      'query status.0 must be equal to one of the allowed values',
      'Allowed are: NOT_STARTED, RUNNING, FINISHED, PARTIALLY_FAILED, FAILED, CANCELLING, CANCELLED.',
    ],
    [
      'a body of another type', { method: 'POST', url: JOBS, payload: '<a/>', headers: { 'content-type': 'text/xml' } },
      415, 'Content type "text/xml" is not taken', 'Send JSON as application/json.',
    ],
    [
      'a body without a type', { method: 'POST', url: JOBS, payload: Buffer.from('{}') }, 415,
      'A body without a content type is not taken', 'Send JSON as application/json.',
    ],
    ['no body', { method: 'POST', url: JOBS }, 400, 'The body is empty', 'Send a job as JSON.'],
    [
      'a registration that is no JSON',
      { method: 'POST', url: '/ncmpInventory/v1/ch', payload: '{"a":', headers: json }, 400,
      'The body is not valid JSON', '',
    ],
    [
      'a registration that is empty', { method: 'POST', url: '/ncmpInventory/v1/ch', payload: '', headers: json }, 400,
      'The body is empty', 'Send JSON as application/json.',
    ],
    ['a Host that is none', { url: JOBS, headers: { host: 'a/b"<script>' } }, 400, 'The Host header is not a host', ''],
  ] as const)('answers %s with its status and reason', async (_what, request, status, message, details) => {
    const answer = await app.inject(request)
    expect(answer.statusCode).toBe(status)
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(answer.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(answer.json()).toEqual({ status: expect.stringMatching(`^${status} [A-Z_]+$`) as string, message, details })
  })

  it.each([
    ['PUT', JOBS, 'GET, HEAD, POST'],
    ['PUT', `${JOBS}/job-1`, 'DELETE, GET, HEAD'],
    ['OPTIONS', JOBS, 'GET, HEAD, POST'],
    ['POST', '/ncmpInventory/v1/dmi/one', 'DELETE, GET, HEAD, PUT'],
    ['POST', '/livez', 'GET, HEAD'],
  ] as const)('answers %s on %s with the methods that are possible', async (method, url, allow) => {
    const answer = await app.inject({
      method,
      url,
      ...(method === 'OPTIONS' ? {} : { payload: 'x', headers: { 'content-type': 'text/plain' } }),
    })
    expect(answer.statusCode).toBe(405)
    expect(answer.headers.allow).toBe(allow)
    expect(answer.json()).toEqual({
      status: '405 METHOD_NOT_ALLOWED',
      message: `${method} is not possible here`,
      details: `Possible are: ${allow}.`,
    })
  })
})

describe('the REST facade', () => {
  let fixture: RestFixture
  let app: FastifyInstance

  beforeEach(async () => {
    fixture = new RestFixture()
    app = await fixture.build()
    return () => app.close()
  })

  it('does not unpack a body', async () => {
    const headers = { ...json, 'content-encoding': 'gzip' }
    const answer = await app.inject({ method: 'POST', url: JOBS, payload: Buffer.from([0x1f, 0x8b, 8]), headers })
    expect(answer.statusCode).toBe(415)
    expect(answer.headers['accept-encoding']).toBe('identity')
    expect(answer.json()).toMatchObject({ message: 'Content-Encoding "gzip" is not taken', details: 'Send the body as it is.' })
  })

  it('names the size and the limit of a body that is too large', async () => {
    const small = await fixture.build({ limits: { jobBodyBytesMax: 100 }, metrics: new Registry() })
    const answer = await small.inject({ method: 'POST', url: JOBS, payload: 'x'.repeat(101), headers: json })
    expect(answer.statusCode).toBe(413)
    expect(answer.json()).toMatchObject({ message: 'A body of 101 bytes is larger than the 100 bytes allowed' })
  })

  it('keeps the cause of a failure of its own for the log', async () => {
    fixture.readModel.job = () => Promise.reject(new Error('disk on fire'))
    const answer = await app.inject({ url: `${JOBS}/job-1`, headers: { 'x-request-id': 'mine-1' } })
    expect(answer.statusCode).toBe(500)
    expect(answer.body).not.toContain('fire')
    expect(answer.json()).toMatchObject({ status: '500 INTERNAL_SERVER_ERROR' })
    const line = fixture.logLines.find((each) => each.includes('disk on fire'))
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 50, requestId: 'mine-1' })
  })

  it('takes over a request id that is one, and no other', async () => {
    expect((await app.inject({
      url: '/livez',
      headers: { 'x-request-id': 'abc.1:2/3' },
    })).headers['x-request-id']).toBe('abc.1:2/3')
    expect((await app.inject({
      url: '/livez',
      headers: { 'x-request-id': 'a\tb "c"' },
    })).headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('says nothing of what it is made of', async () => {
    const { headers } = await app.inject({ url: JOBS })
    expect(headers).not.toHaveProperty('server')
    expect(headers).not.toHaveProperty('x-powered-by')
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' })
  })

  it('logs a request as one line of facts, without its body, its query or its credentials', async () => {
    const payload = '{"jobId":"job-7","data":[{"op":"read","path":"/Secret=1"}]}'
    const headers = { ...json, authorization: 'Bearer s3cret' }
    await app.inject({ method: 'POST', url: `${JOBS}?destination=my-results`, payload, headers })
    expect(fixture.logLines).toHaveLength(1)
    const [line = '{}'] = fixture.logLines
    expect(JSON.parse(line)).toMatchObject({
      level: 30,
      method: 'POST',
      route: JOBS,
      status: 202,
      jobId: 'job-7',
      ms: expect.any(Number) as number,
    })
    expect(line).not.toMatch(/Secret|s3cret|my-results/)
  })

  it('counts requests by method, route and status, and jobs once each', async () => {
    const submit = {
      method: 'POST',
      url: JOBS,
      payload: '{"jobId":"job-7","data":[{"op":"read","path":"/a"}]}',
      headers: json,
    } as const
    await app.inject(submit)
    await app.inject(submit)
    await app.inject({ url: `${JOBS}/job-7` })
    const { body, headers } = await app.inject({ url: '/metrics' })
    expect(headers['content-type']).toContain('text/plain')
    expect(body).toContain('datajob_jobs_accepted_total{dialect="ncmp",kind="READ"} 1')
    expect(body).toContain(`datajob_http_request_duration_seconds_count{method="POST",route="${JOBS}",status="202"} 2`)
    expect(body).toContain(`datajob_http_request_duration_seconds_count{method="GET",route="${JOBS}/:jobId",status="200"} 1`)
  })

  it('answers what is no HTTP with the same body', async () => {
    await startServer(app, { host: '127.0.0.1', port: 0, insecure: false }, NO_AUTH)
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
    socket.end('GARBAGE\r\n\r\n')
    let received = ''
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()))
    await once(socket, 'close')
    expect(received).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(received).toContain('{"status":"400 BAD_REQUEST","message":"The request is not valid HTTP","details":""}')
  })

  it.each([
    ['headers', 'POST /ranoam/cm/v1/dataJob HTTP/1.1\r\nhost: a\r\nx: '],
    ['body', 'POST /ranoam/cm/v1/dataJob HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{'],
  ])('gives up a request that takes too long with its %s, and says so', async (_what, begun) => {
    const impatient = await fixture.build({ limits: { requestTimeoutMs: 300, uploadTimeoutMs: 300 }, metrics: new Registry() })
    await startServer(impatient, { host: '127.0.0.1', port: 0, insecure: false }, NO_AUTH)
    const socket = connect((impatient.server.address() as AddressInfo).port, '127.0.0.1')
    let received = ''
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()))
    socket.write(begun)
    await once(socket, 'close')
    expect(received).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
    expect(received).toContain('"status":"408 REQUEST_TIMEOUT","message":"The request did not arrive in time"')
    expect(fixture.written).toEqual([])
    await impatient.close()
  })

  it('does not listen where strangers could come in', async () => {
    await expect(startServer(app, {
      host: '0.0.0.0',
      port: 0,
      insecure: false,
    }, NO_AUTH)).rejects.toThrow(UnsafeBinding)
    expect(app.server.listening).toBe(false)
  })
})

describe('health', () => {
  it('is alive whatever is missing', async () => {
    const fixture = new RestFixture()
    fixture.outage = brokerAway
    const app = await fixture.build({ readiness: [{ name: 'kafka', check: () => Promise.resolve('away') }] })
    expect((await app.inject({ url: '/livez' })).json()).toEqual({ status: 'alive' })
  })

  it('is ready when every check is', async () => {
    const check = (): Promise<null> => Promise.resolve(null)
    const app = await new RestFixture().build({ readiness: [{ name: 'kafka', check }, { name: 'read model', check }] })
    const answer = await app.inject({ url: '/readyz' })
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({ status: 'ready', checks: { kafka: 'ok', 'read model': 'ok' } })
  })

  it('names what is missing, what fails and what does not answer', async () => {
    const fixture = new RestFixture()
    const app = await fixture.build({
      readiness: [
        { name: 'kafka', check: () => Promise.resolve('no broker answers') },
        { name: 'registry', check: () => Promise.reject(new Error('connect ECONNREFUSED')) },
        { name: 'store', check: () => new Promise(() => undefined) },
        { name: 'projector', check: () => Promise.resolve(null) },
      ],
    })
    const asking = app.inject({ url: '/readyz' }).then((answer) => answer)
    await expect.poll(() => fixture.time.pending).toBe(1)
    fixture.time.pass(2_000)
    const answer = await asking
    expect(answer.statusCode).toBe(503)
    expect(answer.json()).toEqual({
      status: 'not ready',
      checks: {
        kafka: 'no broker answers',
        registry: 'connect ECONNREFUSED',
        store: 'store did not answer within 2000 ms',
        projector: 'ok',
      },
    })
  })
})
