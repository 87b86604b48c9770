import avro from 'avsc'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, inject, test } from 'vitest'
import { createCodec } from '../../src/codec/codec.ts'
import { lookUpSchemas, type RegistryAddress, RegistryFailure, registerSchemas, schemaFetcher } from '../../src/codec/registry.ts'
import { MESSAGE_TYPES, messageSchemas } from '../../src/codec/schemas.ts'
import type { SubjobStarted } from '../../src/domain/messages.ts'
import { exerciseCodec } from './codec.ts'

const address: RegistryAddress = { url: inject('registryUrl'), requestTimeoutMs: 10_000, retriesMax: 0 }
const clock = { now: () => 0 }

const started: SubjobStarted = {
  type: 'SubjobStarted',
  jobId: 'job',
  index: 3,
  run: 1,
  attempt: 1,
  worker: 'w',
  dataProducerJobId: 'p',
  at: 1_700_000_000_000,
}

async function ask(path: string, method = 'GET', body?: object): Promise<{ readonly status: number; readonly json: unknown }> {
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' }
  const request = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
  const response = await fetch(`${address.url}${path}`, request)
  return { status: response.status, json: await response.json() }
}

async function register(schema: object, subject: string): Promise<number> {
  const { status, json } = await ask(`/subjects/${subject}/versions`, 'POST', { schema: JSON.stringify(schema) })
  expect({ status, json }).toMatchObject({ status: 200 })
  return (json as { id: number }).id
}

function prefixed(id: number, body: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.writeInt32BE(id, 1)
  return Buffer.concat([header, body])
}

describe('registering', () => {
  test('by several processes at once, each gets the same ids, and every subject is then BACKWARD compatible', async () => {
    const results = await Promise.all(Array.from({ length: 4 }, () => registerSchemas(address)))
    const idsOf = (result: (typeof results)[number]): unknown => result.map(({ type, id }) => [type, id])
    for (const result of results) expect(idsOf(result)).toEqual(idsOf(results[0]!))
    for (const type of MESSAGE_TYPES) {
      expect(await ask(`/config/io.datajob.${type}`)).toEqual({ status: 200, json: { compatibilityLevel: 'BACKWARD' } })
    }
  })

  test('a second time changes nothing and says so', async () => {
    await registerSchemas(address)
    const again = await registerSchemas(address)
    expect(again.map(({ subject, outcome }) => [subject, outcome])).toEqual(
      MESSAGE_TYPES.map((type) => [`io.datajob.${type}`, 'unchanged']),
    )
    expect(await lookUpSchemas(address)).toEqual(again)
  })

  test('the registry refuses a schema that this build could not read', async () => {
    await registerSchemas(address)
    const schema = JSON.parse(messageSchemas.SubjobStarted.text) as { fields: object[] }
    schema.fields.push({ name: 'site', type: 'string' })
    const { status } = await ask('/subjects/io.datajob.SubjobStarted/versions', 'POST', { schema: JSON.stringify(schema) })
    expect(status).toBe(409)
  })
})

exerciseCodec('with the registry', () => createCodec(address, { schemas: 'register', clock }))

describe('a codec with the registry', () => {
  test.each(['register', 'lookUp'] as const)('%s: what one process writes another one reads at once', async (schemas) => {
    await registerSchemas(address)
    const writer = await createCodec(address, { schemas: 'register', clock })
    const reader = await createCodec(address, { schemas, clock })
    expect(reader.decode(writer.encode(started))).toEqual({ ok: true, message: started })
  })

  test('a record of a newer build, whose schema the registry knows, is read', async () => {
    const codec = await createCodec(address, { schemas: 'register', clock })
    const newer = JSON.parse(messageSchemas.SubjobStarted.text) as { fields: object[] }
    newer.fields.unshift({ name: 'site', type: 'string', default: '' })
    const id = await register(newer, 'io.datajob.SubjobStarted')
    const value = prefixed(id, avro.Type.forSchema(newer as avro.Schema).toBuffer({ ...started, site: 'north' }))
    expect(await codec.decode(value)).toEqual({ ok: true, message: started })
    expect(codec.decode(value)).toEqual({ ok: true, message: started })
  })

  test('a schema id that the registry does not know is a cause', async () => {
    const codec = await createCodec(address, { schemas: 'register', clock })
    expect(await codec.decode(prefixed(2_000_000_000, Buffer.alloc(4)))).toEqual({
      ok: false,
      cause: 'the registry has no schema 2000000000',
    })
  })

  test("another's record is a cause that names it", async () => {
    const codec = await createCodec(address, { schemas: 'register', clock })
    const id = await register({ type: 'record', name: 'Order', namespace: 'shop', fields: [] }, 'shop.Order')
    const cause = `schema ${id} is shop.Order, which is none of ours`
    expect(await codec.decode(prefixed(id, Buffer.alloc(0)))).toEqual({ ok: false, cause })
  })
})

describe('a registry that is not well', () => {
  const servers: Server[] = []

  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections()
      server.close()
    }
  })

  /** A registry that answers everything alike; without a status, not at all. */
  async function registryThat(status?: number, json: object | string = {}): Promise<RegistryAddress> {
    const server = createServer((_, response) => {
      if (status !== undefined) response.writeHead(status).end(typeof json === 'string' ? json : JSON.stringify(json))
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    return { url, requestTimeoutMs: status === undefined ? 200 : 10_000, retriesMax: 0 }
  }

  async function failureOf(run: Promise<unknown>): Promise<RegistryFailure> {
    const error = await run.then(
      () => new Error('nothing was thrown'),
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(RegistryFailure)
    return error as RegistryFailure
  }

  test('not reachable: retry, whatever is asked', async () => {
    const gone = { ...address, url: 'http://127.0.0.1:1' }
    for (const ask of [() => registerSchemas(gone), () => lookUpSchemas(gone), () => schemaFetcher(gone)(7)]) {
      expect(await failureOf(ask())).toMatchObject({ disposition: 'retry', httpStatus: null })
    }
  })

  test('silent: retry, after the time that one request may take', async () => {
    expect(await failureOf(schemaFetcher(await registryThat())(7))).toMatchObject({ disposition: 'retry', httpStatus: null })
  })

  test.each([
    ['overloaded', 503, { message: 'busy' }, 'retry'],
    ['behind a proxy that does not find it', 404, '<html>not found</html>', 'retry'],
    ['refusing us', 401, { message: 'who are you' }, 'fatal'],
    ['refusing us through a proxy', 403, '<html>no</html>', 'fatal'],
  ] as const)('%s: no cause for a dead letter', async (_, status, body, disposition) => {
    expect(await failureOf(schemaFetcher(await registryThat(status, body))(7))).toMatchObject({ disposition })
  })

  test('it does not know the schema: that is an answer', async () => {
    const registry = await registryThat(404, { error_code: 40403, message: 'Schema not found' })
    expect(await schemaFetcher(registry)(7)).toBe('the registry has no schema 7')
  })

  test('read-only and without our schemas: fatal, and the message says what to do', async () => {
    const empty = await registryThat(404, { error_code: 40401, message: 'Subject not found' })
    const failure = await failureOf(lookUpSchemas(empty))
    expect(failure.disposition).toBe('fatal')
    expect(failure.message).toContain('run "datajob topics apply"')
  })

  test('a subject whose schema is not compatible with ours: fatal', async () => {
    const server = createServer((request, response) => {
      const isLookUp = request.method === 'POST' && !(request.url ?? '').endsWith('/versions')
      const [status, message] = isLookUp || request.method === 'GET' ? [404, 'not found'] : [409, 'incompatible']
      response.writeHead(status).end(JSON.stringify({ message }))
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const registry = { ...address, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
    expect(await failureOf(registerSchemas(registry))).toMatchObject({ disposition: 'fatal', httpStatus: 409 })
  })
})
