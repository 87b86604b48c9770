/** Processes that clients bring, run by an exec producer on real servers: what they yield, how they are stopped, whose they are. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBucket } from '../harness/bucket-log.ts'
import { installedCwltool } from '../harness/cwltool.ts'
import { longTime, processesWith, shortGrace } from '../harness/exec-producer.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { until } from '../harness/until.ts'

interface StatusInfo {
  readonly jobID: string
  readonly status: string
}

const INSTALL_MS_MAX = 600_000
const EXAMPLE = join(import.meta.dirname, '../../examples/stac-catalog')
const PACKAGE = 'application/ogcapppkg+json'
const EXEC = 'application/vnd.datajob.exec+json'
const PROGRAMS = {
  sh: { path: '/bin/sh', shell: true },
  'stac-catalog': { path: process.execPath, arguments: [join(EXAMPLE, 'stac-catalog.ts')] },
}
const memory = { memoryMB: { default: 1_024, max: 2_048 } }

let installation: Installation
let service: Service
let bucket: string

beforeAll(async () => {
  installation = await Installation.open('ogc-deploy', givenStack())
  service = await installation.service('service')
  bucket = await installation.bucket('made')
  await service.client.ready()
  const producer = await installation.execProducer('exec', { ...shortGrace, programs: PROGRAMS, bucket, limits: memory })
  await service.client.registerService('exec', producer.url)
})

afterAll(() => installation.close())

function call(method: string, path: string, body?: string | object, headers: Record<string, string> = {}): Promise<Response> {
  const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }
  return fetch(`${service.client.url}/${path}`, { method, headers, ...sent })
}

async function deploy(id: string, command: object, workspace = 'east'): Promise<Response> {
  const inputs = { text: { minOccurs: 0, schema: { type: 'string' } } }
  const sent = { processDescription: { id, inputs }, executionUnit: { mediaType: EXEC, value: command } }
  return call('POST', `${workspace}/ogc-api/processes`, sent, { 'content-type': PACKAGE })
}

async function started(id: string, inputs: object = {}, base = 'ogc-api'): Promise<string> {
  const headers = { 'content-type': 'application/json', prefer: 'respond-async' }
  const answer = await call('POST', `east/${base}/processes/${id}/execution`, { inputs, response: 'document' }, headers)
  expect(answer.status).toBe(201)
  return ((await answer.json()) as StatusInfo).jobID
}

const statusOf = async (jobId: string): Promise<string> =>
  ((await (await call('GET', `east/ogc-api/jobs/${jobId}`)).json()) as StatusInfo).status

describe('a command', () => {
  it('finds its inputs in a file, and yields what it writes into another', async () => {
    expect((await deploy('copy', { command: ['sh', 'cp inputs.json outputs.json'] })).status).toBe(201)
    const jobId = await started('copy', { text: 'ä "quoted"' })
    await expect.poll(() => statusOf(jobId)).toBe('successful')
    const results = await call('GET', `east/ogc-api/jobs/${jobId}/results`)
    expect(await results.json()).toEqual({ text: 'ä "quoted"' })
  })

  it('that fails has its last words for a result', async () => {
    await deploy('fails', { command: ['sh', 'echo one; echo "no scene" >&2; exit 3'] })
    const jobId = await started('fails')
    await expect.poll(() => statusOf(jobId)).toBe('failed')
    const results = await call('GET', `east/ogc-api/jobs/${jobId}/results`)
    expect(results.status).toBe(500)
    expect(((await results.json()) as { readonly detail: string }).detail).toMatch(/has failed\. exited with 3\. no scene$/)
  })

  it('ends, with all that it has started, when its job is dismissed', async () => {
    const time = longTime()
    await deploy('sleeps', { command: ['sh', `sleep ${time} & sleep ${time}`] })
    const jobId = await started('sleeps')
    await until('both sleep', () => processesWith(time).length >= 2)
    expect(await (await call('DELETE', `east/wps3/jobs/${jobId}`)).json()).toMatchObject({ status: 'dismissed' })
    await until('none sleeps', () => processesWith(time).length === 0)
  })

  it('is not run for what the list does not hold, nor in another workspace', async () => {
    const refused = await deploy('rm', { command: ['rm', '-rf', '/'] })
    expect(refused.status).toBe(422)
    expect(((await refused.json()) as { readonly detail: string }).detail).toContain('program "rm" is not on the list of what may run')
    expect((await deploy('mine', { command: ['sh', 'true'] }, 'west')).status).toBe(201)
    const headers = { 'content-type': 'application/json' }
    expect((await call('POST', 'east/ogc-api/processes/mine/execution', {}, headers)).status).toBe(404)
  })

  it('outlives a kill of the service in the middle', async () => {
    await deploy('waits', { command: ['sh', 'sleep 6; echo {\\"done\\":true} > outputs.json'] })
    const jobId = await started('waits')
    await expect.poll(() => statusOf(jobId)).toBe('running')
    await service.child.kill()
    service = await installation.service('service')
    await service.client.ready()
    await expect.poll(() => statusOf(jobId)).toBe('successful')
    expect(await (await call('GET', `east/ogc-api/jobs/${jobId}/results`)).json()).toEqual({ done: true })
  }, 120_000)
})

it('a CWL document is a process that writes a STAC catalog, where cwltool can be installed', async (context) => {
  const cwltool = await installedCwltool()
  if (!cwltool.ok) {
    context.skip(cwltool.reason)
    return
  }
  const cwl = { runner: cwltool.path }
  const producer = await installation.execProducer('cwl', { ...shortGrace, programs: PROGRAMS, bucket, limits: memory, cwl })
  await service.client.registerService('exec', producer.url)
  const document = readFileSync(join(EXAMPLE, 'stac-catalog.cwl'), 'utf8')
  expect((await call('POST', 'east/wps3/processes', document, { 'content-type': 'application/cwl+yaml' })).status).toBe(201)
  const headers = { 'content-type': 'application/json', prefer: 'respond-async' }
  const inputs = { scene: `${service.client.url}/openapi.json` }
  const answer = await call('POST', 'east/wps3/processes/stac-catalog-cwl/jobs', { inputs }, headers)
  const { jobID } = (await answer.json()) as StatusInfo
  await expect.poll(() => statusOf(jobID)).toBe('successful')
  const results = await (await call('GET', `east/wps3/jobs/${jobID}/results`)).json()
  const inlineValue = `{"StacCatalogUri":"s3://${bucket}/wf-${jobID}/catalog.json"}`
  expect(results).toMatchObject({ outputs: [{ id: 'wf_outputs', value: { inlineValue } }] })
  const stored = await readBucket(installation.s3, bucket, `wf-${jobID}/`)
  expect(stored.map(({ key }) => key.slice(`wf-${jobID}/`.length))).toEqual(expect.arrayContaining(['catalog.json', 'item/item.json']))
}, INSTALL_MS_MAX)
