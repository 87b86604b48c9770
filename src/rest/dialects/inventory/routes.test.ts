import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { brokerAway, RestFixture } from '../../../../test/fakes/rest-fixture.ts'

const CH = '/ncmpInventory/v1/ch'
const DMI = '/ncmpInventory/v1/dmi'

const ran1 = { cmHandle: 'ran-1', alternateId: '/ManagedElement=1' }
const ran2 = { cmHandle: 'ran-2', alternateId: '/ManagedElement=2' }

let fixture: RestFixture
let app: FastifyInstance

const send = (method: 'POST' | 'PUT' | 'GET' | 'DELETE', url: string, payload?: object): Promise<LightMyRequestResponse> =>
  app.inject({ method, url, ...(payload === undefined ? {} : { payload }) })
const register = (registration: object): Promise<LightMyRequestResponse> => send('POST', CH, registration)
const keys = (): readonly (string | null)[] => fixture.written.map(({ key, value }) => (value === null ? `-${String(key)}` : key))

async function startOver(): Promise<() => Promise<void>> {
  fixture = new RestFixture()
  app = await fixture.build()
  return () => app.close()
}

describe('a registration of handles', () => {
  beforeEach(startOver)

  it('writes each handle under its alternate id', async () => {
    const full = {
      ...ran1,
      moduleSetTag: 'v1',
      dataProducerIdentifier: 'p1',
      cmHandleState: 'LOCKED',
      cmHandleProperties: { a: 'b' },
    }
    const answer = await register({ dmiPlugin: 'dmi-1', createdCmHandles: [full, ran2] })
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual({ created: 2, updated: 0, removed: 0 })
    expect(keys()).toEqual(['ch/ManagedElement=1', 'ch/ManagedElement=2'])
    expect(fixture.written[0]?.topic).toBe('inventory')
    expect(fixture.handles.get('ran-1')).toEqual({
      ...{
        type: 'HandleRegistered',
        ...ran1,
        moduleSetTag: 'v1',
        dataProducerId: 'p1',
        service: 'dmi-1',
        writeService: null,
      },
      ...{ state: 'LOCKED', properties: { a: 'b' } },
    })
    expect(fixture.handles.get('ran-2')).toMatchObject({
      moduleSetTag: '',
      dataProducerId: '',
      state: 'READY',
      properties: {},
    })
  })

  it.each([
    [{ dmiPlugin: 'a' }, 'a', null],
    [{ dmiPlugin: 'a', dmiDatajobsReadPlugin: 'r' }, 'r', 'a'],
    [{ dmiPlugin: 'a', dmiDatajobsWritePlugin: 'w' }, 'a', 'w'],
    [{ dmiDatajobsReadPlugin: 'r', dmiDatajobsWritePlugin: 'w' }, 'r', 'w'],
    [{ dmiDatajobsReadPlugin: 'r', dmiPlugin: '' }, 'r', null],
    [{ dmiDatajobsReadPlugin: 'x', dmiDatajobsWritePlugin: 'x', dmiPlugin: 'a' }, 'x', null],
  ])('by %j sends reads to %s, and writes to %s where that is another', async (plugins, service, writeService) => {
    await register({ ...plugins, createdCmHandles: [ran1] })
    expect(fixture.handles.get('ran-1')).toMatchObject({ service, writeService })
  })

  it('addresses a handle without an alternate id by its own', async () => {
    await register({
      dmiPlugin: 'a',
      createdCmHandles: [{ cmHandle: 'ran-1' }, { cmHandle: 'ran-2', alternateId: '' }],
    })
    expect(keys()).toEqual(['ch/ran-1', 'ch/ran-2'])
  })

  it('may be sent again', async () => {
    await register({ dmiPlugin: 'a', createdCmHandles: [ran1] })
    expect((await register({
      dmiPlugin: 'b',
      createdCmHandles: [ran1],
    })).json()).toEqual({ created: 1, updated: 0, removed: 0 })
    expect(fixture.handles.get('ran-1')?.service).toBe('b')
  })

  it('updates what is named and keeps the rest', async () => {
    await register({
      dmiPlugin: 'a',
      createdCmHandles: [{ ...ran1, moduleSetTag: 'v1', cmHandleProperties: { a: '1', b: '2' } }],
    })
    const answer = await register({
      updatedCmHandles: [{ cmHandle: 'ran-1', cmHandleState: 'LOCKED', cmHandleProperties: { a: null, c: '3' } }],
    })
    expect(answer.json()).toEqual({ created: 0, updated: 1, removed: 0 })
    expect(fixture.handles.get('ran-1')).toMatchObject({
      moduleSetTag: 'v1',
      service: 'a',
      state: 'LOCKED',
      properties: { b: '2', c: '3' },
    })
  })

  it('removes handles', async () => {
    await register({ dmiPlugin: 'a', createdCmHandles: [ran1, ran2] })
    expect((await register({ removedCmHandles: ['ran-1'] })).json()).toEqual({ created: 0, updated: 0, removed: 1 })
    expect([...fixture.handles.keys()]).toEqual(['ran-2'])
  })

  it('lets handles swap their alternate ids', async () => {
    await register({ dmiPlugin: 'a', createdCmHandles: [ran1, ran2] })
    fixture.written.length = 0
    const swapped = [
      { cmHandle: 'ran-1', alternateId: '/ManagedElement=2' },
      { cmHandle: 'ran-2', alternateId: '/ManagedElement=1' },
    ]
    const answer = await register({ dmiPlugin: 'a', removedCmHandles: ['ran-1', 'ran-2'], createdCmHandles: swapped })
    expect(answer.statusCode).toBe(200)
    expect(keys()).toEqual([
      '-ch/ManagedElement=1', '-ch/ManagedElement=2', 'ch/ManagedElement=2', 'ch/ManagedElement=1',
    ])
    expect(fixture.handles.get('ran-1')?.alternateId).toBe('/ManagedElement=2')
  })

  it('reports what it can’t register with the codes of CPS, and registers the others', async () => {
    await register({ dmiPlugin: 'a', createdCmHandles: [ran1, ran2] })
    fixture.written.length = 0
    const answer = await register({
      dmiPlugin: 'a',
      createdCmHandles: [
        { cmHandle: 'ran-1', alternateId: '/Other=1' },
        { cmHandle: 'ran-3', alternateId: 'ManagedElement=2' },
        { cmHandle: 'ran-4', alternateId: '/ManagedElement=4' },
        { cmHandle: 'ran-5', alternateId: '/ManagedElement=4/' },
        { cmHandle: 'ran-6', alternateId: '//' },
        { cmHandle: 'ran-7', alternateId: 'ogc-processes/echo' },
      ],
      updatedCmHandles: [{ cmHandle: 'nobody' }, { cmHandle: 'ran-2', alternateId: '/Other=2' }],
      removedCmHandles: ['no one'],
    })
    expect(answer.statusCode).toBe(409)
    expect(answer.json()).toEqual({
      status: '409 CONFLICT',
      message: '8 handles could not be registered',
      details: '1 were created, 0 updated, 0 removed.',
      failedCreatedCmHandles: [
        { cmHandle: 'ran-1', errorCode: '109', errorText: 'cm-handle already exists' },
        { cmHandle: 'ran-3', errorCode: '111', errorText: 'alternate id already associated with another cm handle' },
        { cmHandle: 'ran-5', errorCode: '111', errorText: 'alternate id already associated with another cm handle' },
        { cmHandle: 'ran-6', errorCode: '110', errorText: 'alternate id names nothing' },
        { cmHandle: 'ran-7', errorCode: '110', errorText: 'alternate id is below a reserved name' },
      ],
      failedUpdatedCmHandles: [
        { cmHandle: 'nobody', errorCode: '100', errorText: 'cm handle reference(s) not found' },
        { cmHandle: 'ran-2', errorCode: '109', errorText: 'cm-handle already has another alternate id' },
      ],
      failedRemovedCmHandles: [{ cmHandle: 'no one', errorCode: '100', errorText: 'cm handle reference(s) not found' }],
    })
    expect(keys()).toEqual(['ch/ManagedElement=4'])
  })

  it('of 50,000 handles is written in batches', async () => {
    const createdCmHandles = Array.from({ length: 50_000 }, (_, i) => ({
      cmHandle: `ran-${i}`,
      alternateId: `/ManagedElement=${i}`,
    }))
    const answer = await register({ dmiPlugin: 'a', createdCmHandles })
    expect(answer.json()).toEqual({ created: 50_000, updated: 0, removed: 0 })
    expect(fixture.written).toHaveLength(50_000)
  })

  it('is to be sent again when Kafka is away', async () => {
    fixture.outage = brokerAway
    const answer = await register({ dmiPlugin: 'a', createdCmHandles: [ran1] })
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('2')
  })
})

describe('a DMI service', () => {
  beforeEach(startOver)

  const body = {
    baseUrl: 'https://dmi.example:8443/x/',
    contract: 'cmJob',
    auth: { type: 'basic', username: 'u', password: 's3cret' },
    limits: { subjobsInFlightMax: 4, subjobTimeoutMs: 60_000 },
  }
  const shown = {
    name: 'dmi 1/ä',
    baseUrl: 'https://dmi.example:8443/x',
    contract: 'cmJob',
    auth: { type: 'basic', username: 'u' },
    limits: { subjobsInFlightMax: 4, subjobTimeoutMs: 60_000 },
  }
  const url = `${DMI}/${encodeURIComponent('dmi 1/ä')}`

  it('is written under its name, and shown without its password', async () => {
    const answer = await send('PUT', url, body)
    expect(answer.statusCode).toBe(200)
    expect(answer.json()).toEqual(shown)
    expect(keys()).toEqual(['dmi/dmi 1/ä'])
    expect(fixture.services.get('dmi 1/ä')).toEqual({
      ...{ type: 'ServiceRegistered', name: 'dmi 1/ä', baseUrl: 'https://dmi.example:8443/x', contract: 'cmJob' },
      ...{ username: 'u', password: 's3cret', subjobsInFlightMax: 4, subjobTimeoutMs: 60_000 },
    })
    expect((await send('GET', url)).json()).toEqual(shown)
    const list = await send('GET', DMI)
    expect(list.json()).toEqual({ items: [shown] })
    expect(fixture.logLines.join('')).not.toContain('s3cret')
  })

  it('needs no more than an address', async () => {
    expect((await send('PUT', `${DMI}/one`, { baseUrl: 'http://127.0.0.1:8090' })).json()).toEqual({
      ...{
        name: 'one',
        baseUrl: 'http://127.0.0.1:8090',
        contract: 'dataJob',
        auth: null,
        limits: { subjobsInFlightMax: null, subjobTimeoutMs: null },
      },
    })
  })

  it('forgets what a later registration leaves out', async () => {
    await send('PUT', url, body)
    await send('PUT', url, { baseUrl: 'http://other' })
    expect(fixture.services.get('dmi 1/ä')).toMatchObject({ username: null, password: null, subjobsInFlightMax: null })
  })

  it('is forgotten', async () => {
    await send('PUT', url, body)
    const answer = await send('DELETE', url)
    expect([answer.statusCode, answer.body]).toEqual([204, ''])
    expect(keys()).toEqual(['dmi/dmi 1/ä', '-dmi/dmi 1/ä'])
    for (const method of ['GET', 'DELETE'] as const) {
      const missing = await send(method, url)
      expect(missing.statusCode).toBe(404)
      expect(missing.json()).toEqual({
        status: '404 NOT_FOUND',
        message: 'There is no DMI service "dmi 1/ä"',
        details: '',
      })
    }
  })

  it('can’t have a name that ends where a producer’s begins', async () => {
    expect((await send('PUT', `${DMI}/a%23b`, { baseUrl: 'http://dmi' })).json()).toMatchObject({
      message: 'path name holds a character that is not allowed there',
    })
  })
})

describe('what is wrong with its body', () => {
  beforeAll(startOver)

  it.each([
    [[], 'The body must be object', ''],
    [
      { createdCmHandles: [ran1] },
      'A registration names dmiPlugin, or dmiDatajobsReadPlugin and dmiDatajobsWritePlugin',
      'Without a service nobody can be asked for what the handles hold.',
    ],
    [{ dmiPlugin: 'a#b', createdCmHandles: [ran1] }, 'body dmiPlugin holds a character that is not allowed there', ''],
    [
      { dmiPlugin: 'a', createdCmHandles: [{ alternateId: '/a' }] },
      'body createdCmHandles.0 must have required properties cmHandle', '',
    ],
    [{ dmiPlugin: 'a', createdCmHandles: [{ cmHandle: 5 }] }, 'body createdCmHandles.0.cmHandle must be string', ''],
    [
      { dmiPlugin: 'a', createdCmHandles: [{ cmHandle: 'a\nb' }] },
      'body createdCmHandles.0.cmHandle holds a character that is not allowed there', '',
    ],
    [
      { dmiPlugin: 'a', createdCmHandles: [{ ...ran1, cmHandleState: 'HAPPY' }] },
      'body createdCmHandles.0.cmHandleState must be equal to one of the allowed values',
      'Allowed are: READY, ADVISED, LOCKED, DELETING, DELETED.',
    ],
    [
      { dmiPlugin: 'a', createdHandles: [] }, 'The body must not have additional properties',
      'Not known here: "createdHandles".',
    ],
    [{ removedCmHandles: [{}] }, 'body removedCmHandles.0 must be string', ''],
  ])('a registration is refused with: %j', async (registration, message, details) => {
    const answer = await register(registration)
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toEqual({ status: '400 BAD_REQUEST', message, details })
    expect(fixture.written).toEqual([])
  })

  it.each([
    [{ baseUrl: 'dmi-1' }, 'body baseUrl is not a URL'],
    [{ baseUrl: 'file:///etc/passwd' }, 'body baseUrl is neither http nor https'],
    [{ baseUrl: 'http://u:p@dmi' }, 'body baseUrl holds credentials; they belong in auth'],
    [{ baseUrl: 'http://dmi/?a=b' }, 'body baseUrl has a query or a fragment'],
    [{}, 'The body must have required properties baseUrl'],
    [{ baseUrl: 'http://dmi', contract: 'v3' }, 'body contract must be equal to one of the allowed values'],
    [
      { baseUrl: 'http://dmi', auth: { type: 'basic', username: 'u' } },
      'body auth must have required properties password',
    ],
    [{ baseUrl: 'http://dmi', limits: { subjobsInFlightMax: '4' } }, 'body limits.subjobsInFlightMax must be integer'],
  ])('a DMI service is refused with: %j', async (wrong, message) => {
    const answer = await send('PUT', `${DMI}/one`, wrong)
    expect(answer.statusCode).toBe(400)
    expect(answer.json()).toMatchObject({ status: '400 BAD_REQUEST', message })
  })

  it('a DMI service is refused under the name of the one that is built in', async () => {
    const answer = await send('PUT', `${DMI}/datajob`, { baseUrl: 'http://dmi' })
    expect(answer.json()).toMatchObject({ status: '400 BAD_REQUEST', message: 'path name: "datajob" is the service’s own' })
    expect(fixture.written).toEqual([])
  })
})
