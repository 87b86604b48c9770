import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import type { ServiceRegistered } from '../../../domain/inventory-messages.ts'

const PART_2 = 'http://www.opengis.net/def/exceptions/ogcapi-processes-2/1.0'
const PACKAGE_TYPE = 'application/ogcapppkg+json'
const CWL = 'cwlVersion: v1.2\nclass: CommandLineTool\nid: ndvi\nbaseCommand: ndvi\ninputs: {scene: File}\noutputs: {result: File}\n'

let fixture: RestFixture
let app: FastifyInstance

const service = (name: string): ServiceRegistered => ({
  ...{ type: 'ServiceRegistered', name, baseUrl: 'http://127.0.0.1:1', contract: 'dataJob', username: null, password: null },
  ...{ subjobsInFlightMax: null, subjobTimeoutMs: null },
})
type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'
const ask = (method: Method, path: string, body?: string | object, type?: string): Promise<LightMyRequestResponse> =>
  app.inject({
    ...{ method, url: `/east/${path}`, headers: { host: 'jobs.example', ...(type === undefined ? {} : { 'content-type': type }) } },
    ...(body === undefined ? {} : { payload: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) }),
  })
const packageOf = (id: string, more: object = {}, value: unknown = { command: ['ndvi'] }): object => ({
  processDescription: { id, version: '2', title: 'NDVI', inputs: { scene: { schema: { type: 'string' } } }, ...more },
  executionUnit: { mediaType: 'application/vnd.datajob.exec+json', value },
})
const deploy = (body: string | object, type = PACKAGE_TYPE): Promise<LightMyRequestResponse> => ask('POST', 'ogc-api/processes', body, type)
const registrations = (): number => fixture.written.filter(({ topic }) => topic === 'inventory').length

beforeEach(async () => {
  fixture = new RestFixture()
  fixture.services.set('exec', service('exec'))
  app = await fixture.build()
  return () => app.close()
})

describe('a process that is deployed', () => {
  it('is the workspace’s from then on, once its service has said that it could run', async () => {
    const answer = await deploy(packageOf('ndvi'))
    expect([answer.statusCode, answer.headers.location]).toEqual([201, 'http://jobs.example/east/ogc-api/processes/ndvi'])
    expect(answer.json()).toMatchObject({ id: 'ndvi', version: '2', title: 'NDVI', mutable: true })
    const input = { command: ['ndvi'], resultFile: 'outputs.json', files: { 'inputs.json': {} } }
    expect(fixture.checked).toEqual([{ service: 'exec', value: { input } }])
    const shown = await ask('GET', 'ogc-api/processes/ndvi')
    const inputs = { scene: { schema: { type: 'string' } } }
    expect(shown.json()).toMatchObject({ id: 'ndvi', jobControlOptions: ['async-execute', 'dismiss'], inputs })
    expect((await app.inject({ url: '/west/ogc-api/processes/ndvi' })).statusCode).toBe(404)
  })

  it('may be a CWL document, of which the description is made', async () => {
    for (const type of ['application/cwl', 'application/cwl+yaml; charset=utf-8']) {
      expect((await deploy(CWL, type)).statusCode).toBe(201)
      const inputs = { scene: { schema: { 'x-cwl-class': 'File' } } }
      expect((await ask('GET', 'ogc-api/processes/ndvi')).json()).toMatchObject({ inputs })
      expect((await ask('DELETE', 'ogc-api/processes/ndvi')).statusCode).toBe(204)
    }
    const described = { processDescription: { id: 'mine', title: 'Mine' }, executionUnit: [{ mediaType: 'application/cwl', value: CWL }] }
    expect((await deploy(described)).json()).toMatchObject({ id: 'mine', title: 'Mine' })
    const flow = (id: string): object => ({ class: 'Workflow', id, inputs: {}, outputs: {}, steps: {} })
    const graph = { cwlVersion: 'v1.2', $graph: [flow('a'), flow('b')] }
    expect((await ask('POST', 'ogc-api/processes?w=b', graph, 'application/cwl')).json()).toMatchObject({ id: 'b' })
    const missing = await ask('POST', 'ogc-api/processes?w=c', graph, 'application/cwl')
    expect(missing.json()).toMatchObject({ status: 400, type: `${PART_2}/workflow-not-found` })
  })

  it('may be elsewhere, and is fetched', async () => {
    fixture.documents.set('https://elsewhere.example/app.cwl', { ok: true, contentType: 'text/plain', text: CWL })
    const executionUnit = { href: 'https://elsewhere.example/app.cwl', type: 'application/cwl' }
    expect((await deploy({ executionUnit })).json()).toMatchObject({ id: 'ndvi', mutable: true })
    expect(fixture.processes.find('east', 'ndvi')?.executionUnit).toEqual({ mediaType: 'application/cwl', text: CWL })
  })

  it('may be known to a DMI service by its id', async () => {
    fixture.services.set('algorithms', service('algorithms'))
    const unit = (name: string): object => ({ mediaType: 'application/vnd.datajob.dmi+json', value: { service: name } })
    expect((await deploy({ ...packageOf('a'), executionUnit: unit('algorithms') })).statusCode).toBe(201)
    expect(fixture.checked).toEqual([])
    expect(fixture.processes.find('east', 'a')).toMatchObject({ service: 'algorithms', executionUnit: null })
    expect((await deploy({ ...packageOf('b'), executionUnit: unit('nobody') })).statusCode).toBe(422)
    expect((await deploy({ ...packageOf('b'), executionUnit: unit('datajob') })).statusCode).toBe(422)
  })

  it('is given back as it was deployed', async () => {
    await deploy(packageOf('ndvi', { jobControlOptions: ['sync-execute', 'async-execute', 'dismiss'] }))
    const sent = await ask('GET', 'ogc-api/processes/ndvi/package')
    expect(sent.headers['content-type']).toBe(PACKAGE_TYPE)
    expect(sent.json()).toMatchObject(packageOf('ndvi', { jobControlOptions: ['sync-execute', 'async-execute'] }))
    await deploy(CWL.replace('ndvi', 'tool'), 'application/cwl')
    const cwl = await app.inject({ url: '/east/ogc-api/processes/tool/package', headers: { accept: 'application/cwl' } })
    expect([cwl.headers['content-type'], cwl.body]).toEqual(['application/cwl', CWL.replace('ndvi', 'tool')])
    expect((await ask('GET', 'ogc-api/processes/echo/package')).statusCode).toBe(404)
  })

  it('is not deployed twice', async () => {
    await deploy(packageOf('ndvi'))
    for (const id of ['ndvi', 'echo']) {
      expect((await deploy(packageOf(id))).json()).toMatchObject({ status: 409, type: `${PART_2}/duplicated-process` })
    }
    expect(registrations()).toBe(1)
  })

  it('may be replaced, under its own id', async () => {
    await deploy(packageOf('ndvi'))
    const replaced = await ask('PUT', 'ogc-api/processes/ndvi', packageOf('ndvi', { version: '3' }), PACKAGE_TYPE)
    expect([replaced.statusCode, replaced.body]).toEqual([204, ''])
    expect((await ask('GET', 'ogc-api/processes/ndvi')).json()).toMatchObject({ version: '3' })
    expect((await ask('PUT', 'ogc-api/processes/ndvi', packageOf('other'), PACKAGE_TYPE)).statusCode).toBe(400)
    expect((await ask('PUT', 'ogc-api/processes/other', packageOf('other'), PACKAGE_TYPE)).statusCode).toBe(404)
  })

  it('may be removed, in the words of each base', async () => {
    for (const [base, status] of [['ogc-api', 204], ['wps3', 200]] as const) {
      await deploy(packageOf('ndvi'))
      expect((await ask('DELETE', `${base}/processes/ndvi`)).statusCode).toBe(status)
      expect((await ask('DELETE', `${base}/processes/ndvi`)).statusCode).toBe(404)
    }
  })

  it('is none of those that are built in', async () => {
    const replaced = await ask('PUT', 'wps3/processes/echo', packageOf('echo'), PACKAGE_TYPE)
    for (const answer of [replaced, await ask('DELETE', 'wps3/processes/echo')]) {
      expect(answer.json()).toMatchObject({ status: 403, type: `${PART_2}/immutable-process` })
    }
  })
})

describe('what can’t be deployed', () => {
  it('is of another type, whatever else is wrong', async () => {
    const nothing = await ask('PUT', 'ogc-api/processes/nobody', undefined, 'text/plain')
    expect(nothing.json()).toMatchObject({ status: 415, type: `${PART_2}/unsupported-media-type` })
    expect((await ask('POST', 'ogc-api/processes', undefined, PACKAGE_TYPE)).statusCode).toBe(400)
    expect((await deploy('<x/>', 'application/xml')).json()).toMatchObject({ status: 415, type: `${PART_2}/unsupported-media-type` })
  })

  it.each<[object | string, string]>([
    ['{', 'The body is not valid JSON'],
    ['[]', 'The body is no JSON object'],
    [{}, 'executionUnit is missing, or is not exactly one'],
    [{ executionUnit: [] }, 'executionUnit is missing, or is not exactly one'],
    [
      { executionUnit: { href: 'https://elsewhere.example/app.cwl' } },
      'executionUnit.href: "https://elsewhere.example/app.cwl" can’t be fetched. it answered 404. Or send it as value.',
    ],
    [{ executionUnit: { type: 'docker', image: 'x' } }, 'executionUnit.mediaType: "docker" can’t be carried out here'],
    [{ executionUnit: { mediaType: 'application/cwl' } }, 'executionUnit.value is missing'],
    [packageOf('a', {}, 'no JSON'), 'The body is not valid JSON'],
    [packageOf('a/b'), 'The process’s id "a/b" can’t be used'],
    [packageOf('..'), 'The process’s id ".." can’t be used'],
    [{ ...packageOf('a'), processDescription: {} }, 'The process’s id is missing'],
    [{ ...packageOf('a'), processDescription: [] }, 'processDescription is no object'],
    [packageOf('a', { jobControlOptions: ['later'] }), 'processDescription.jobControlOptions: "later" is not known'],
    [packageOf('a', { inputs: { x: { schema: { type: 'text' } } } }), 'processDescription, input or output "x": its schema is none: '],
  ])('can’t be read: %j', async (body, detail) => {
    const answer = await deploy(body)
    expect(answer.statusCode).toBe(400)
    expect(answer.json<{ readonly detail: string }>().detail).toContain(detail)
    expect(registrations()).toBe(0)
  })

  it('could not run, and the answer says why', async () => {
    fixture.unitCheck = { type: 'refused', reason: 'program "rm" is not on the list of what may run' }
    const refused = (await deploy(packageOf('a'))).json<{ readonly status: number; readonly detail: string }>()
    expect([refused.status, refused.detail]).toEqual([422, expect.stringContaining('program "rm" is not on the list')])
    fixture.unitCheck = { type: 'unknown', reason: 'connect ECONNREFUSED' }
    expect((await deploy(packageOf('a'))).statusCode).toBe(503)
    fixture.services.clear()
    expect((await deploy(packageOf('a'))).json<{ readonly detail: string }>().detail).toContain('the DMI service "exec" is not registered')
    expect(registrations()).toBe(0)
  })

  it('is one more than a workspace may have', async () => {
    fixture = new RestFixture()
    fixture.services.set('exec', service('exec'))
    app = await fixture.build({ limits: { processesMax: 1 } })
    await deploy(packageOf('a'))
    expect((await deploy(packageOf('b'))).statusCode).toBe(422)
    await ask('DELETE', 'ogc-api/processes/a')
    expect((await deploy(packageOf('b'))).statusCode).toBe(201)
  })
})
