import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { beforeEach, describe, expect, it } from 'vitest'
import { RestFixture } from '../../../../test/fakes/rest-fixture.ts'
import type { Outcome } from '../../../domain/job-counts.ts'
import type { Job } from '../../../domain/job.ts'
import type { ProcessRegistered } from '../../../domain/inventory-messages.ts'

interface Answer {
  readonly outputs?: unknown
  readonly statusCode?: number
  readonly statusMessage?: string
  readonly stderr?: { readonly text: string }
}

interface Link {
  readonly rel: string
  readonly href: string
}

const EXCEPTIONS = 'http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0'
const JSON_TYPE = { host: 'jobs.example', 'content-type': 'application/json' }
const ECHO = '/east/ogc-api/processes/echo/execution'

let fixture: RestFixture
let app: FastifyInstance
let version = 0

const post = (url: string, body: object, headers: Record<string, string> = {}): Promise<LightMyRequestResponse> =>
  app.inject({ method: 'POST', url, headers: { ...JSON_TYPE, ...headers }, payload: JSON.stringify(body) })
const get = (url: string): Promise<LightMyRequestResponse> => app.inject({ url, headers: JSON_TYPE })
const start = (url: string, body: object): Promise<LightMyRequestResponse> => post(url, body, { prefer: 'respond-async' })
const commands = (): number => fixture.written.filter(({ topic }) => topic === 'commands').length

/** The producer answers, and the job ends. */
async function end(jobId: string, said: Answer, outcome: Outcome = 'succeeded'): Promise<void> {
  const { statusCode = 0, statusMessage = '', ...result } = said
  const response = { operationId: 'execution', statusCode, statusMessage, result }
  const partition = fixture.resultTopics.partitionOf(jobId, 3)
  const place = { topic: 'datajob.results', partition, timestampMs: fixture.time.now() }
  const headers = (id: string): Record<string, string> => ({ ce_correlationid: jobId, ce_id: `${jobId}/${id}` })
  fixture.resultTopics.append({ ...place, value: JSON.stringify({ data: { responses: [response] } }), headers: headers('0/0') })
  fixture.resultTopics.append({ ...place, value: '{"data":{}}', headers: headers('completion') })
  const job = await fixture.readModel.job(jobId)
  if (job === undefined) throw new Error(`there is no job ${jobId}`)
  const at = fixture.time.now()
  const ended: Job = { ...job, state: 'ended', startedAt: at, finishedAt: at, outcome, operations: { total: 1, succeeded: 1, failed: 0 } }
  await fixture.change(ended, (version += 1))
}

const jobIdOf = (answer: LightMyRequestResponse): string => answer.json<{ readonly jobID: string }>().jobID

beforeEach(async () => {
  fixture = new RestFixture()
  app = await fixture.build()
  return () => app.close()
})

describe('an execution that nobody waits for', () => {
  it('is a job like any other, answered with its status once it is durable', async () => {
    const answer = await start(ECHO, { inputs: { string: 'x', pause: 2 }, response: 'document', outputs: { string: {} } })
    expect(answer.statusCode).toBe(201)
    const jobID = jobIdOf(answer)
    expect(answer.json()).toMatchObject({ processID: 'echo', type: 'process', status: 'accepted', progress: 0 })
    const location = `http://jobs.example/east/ogc-api/jobs/${jobID}`
    expect(answer.headers).toMatchObject({ location, 'preference-applied': 'respond-async' })
    expect(fixture.command).toMatchObject({
      ...{ jobId: jobID, tenant: 'east', dialect: 'ogc', kind: 'WRITE', destination: null },
      operations: [{ operationId: 'execution', op: 'action', path: '/ogc-processes/echo#execute' }],
    })
    expect(JSON.parse(fixture.command.operations[0]?.value ?? '')).toEqual({
      input: { processID: 'echo', inputs: { string: 'x', pause: 2 }, outputs: { string: {} } },
    })
    expect((await get(location.replace('http://jobs.example', ''))).json()).toMatchObject({ jobID, status: 'accepted' })
  })

  it('says where its client wants to be told of what', async () => {
    const subscriber = { successUri: 'https://hooks.example/done', failedUri: 'https://hooks.example/failed' }
    expect((await start(ECHO, { inputs: { string: 'x' }, subscriber })).statusCode).toBe(201)
    expect(fixture.command.callbacks).toEqual(subscriber)
  })

  it('has the same id for the same Idempotency-Key', async () => {
    const headers = { prefer: 'respond-async', 'idempotency-key': 'k' }
    const [one, other] = [await post(ECHO, { inputs: { string: 'x' } }, headers), await post(ECHO, { inputs: { string: 'x' } }, headers)]
    expect([one.statusCode, other.statusCode, jobIdOf(other)]).toEqual([201, 201, jobIdOf(one)])
    expect((await post(ECHO, { inputs: { string: 'y' } }, headers)).statusCode).toBe(409)
  })

  it('may come without a content type, and in the three ways of the seed', async () => {
    const headers = { host: 'jobs.example', prefer: 'respond-async' }
    const untyped = await app.inject({ method: 'POST', url: ECHO, headers, payload: Buffer.from('{"inputs":{"string":"x"}}') })
    expect(untyped.statusCode).toBe(201)
    for (const path of ['', '/jobs', '/execution']) {
      const answer = await start(`/east/wps3/processes/echo${path}`, { inputs: { string: 'x' } })
      expect([answer.statusCode, answer.headers.location]).toEqual([201, `http://jobs.example/east/wps3/jobs/${jobIdOf(answer)}`])
      expect(answer.json<{ readonly links: readonly Link[] }>().links[0]?.href).toBe(`/east/wps3/jobs/${jobIdOf(answer)}`)
    }
    expect((await start('/east/ogc-api/processes/echo', { inputs: { string: 'x' } })).statusCode).toBe(405)
  })

  it.each([
    [{ inputs: {} }, 'body inputs.string is missing'],
    [{ inputs: { string: 'x', pause: -1 } }, 'body inputs.pause must be >= 0'],
    [{ inputs: { string: 'x' }, outputs: { text: {} } }, 'body outputs.text is no output of the process'],
    [{ inputs: { string: 'x' }, subscriber: { successUri: 'ftp://x/' } }, 'body subscriber.successUri: it is no http or https URL'],
    [{ inputs: { string: 'x' }, response: 'both' }, 'body response must be equal to one of the allowed values'],
  ])('is refused, and nothing is written, with %j', async (body, detail) => {
    const answer = await start(ECHO, body)
    expect(answer.statusCode).toBe(400)
    expect(answer.json<{ readonly detail: string }>().detail).toContain(detail)
    expect(commands()).toBe(0)
  })

  it('is refused where the workspace has no such process, once all that was registered is known', async () => {
    const ndvi: ProcessRegistered = {
      ...{ type: 'ProcessRegistered', tenant: 'east', id: 'ndvi', version: '1', description: '{}', modes: ['async'] },
      ...{ executionUnit: null, service: 'exec', mutable: true, registeredAt: 1_000 },
    }
    const url = '/east/ogc-api/processes/ndvi/execution'
    const answer = await start(url, {})
    expect(answer.json()).toMatchObject({ status: 404, type: `${EXCEPTIONS}/no-such-process` })
    fixture.onInventoryWait = () => {
      fixture.processes.put(ndvi)
    }
    const late = await post(url, {})
    expect([late.statusCode, late.headers['preference-applied']]).toEqual([201, undefined])
  })
})

describe('an execution that is waited for', () => {
  it('is answered with its outputs as soon as it has ended', async () => {
    const pending = post(ECHO, { inputs: { string: 'x' } }, { prefer: 'wait=10' })
    await expect.poll(() => commands()).toBe(1)
    const { jobId } = fixture.command
    await end(jobId ?? '', { outputs: { string: 'x' } })
    const answer = await pending
    expect([answer.statusCode, answer.headers['content-type'], answer.body]).toEqual([200, 'text/plain; charset=utf-8', 'x'])
    expect(answer.headers.link).toBe(`<http://jobs.example/east/ogc-api/jobs/${jobId}>; rel=monitor`)
    expect(fixture.listeners).toBe(0)
  })

  it('is answered as one that is not waited for when it takes too long', async () => {
    const pending = post(ECHO, { inputs: { string: 'x' } }, { prefer: 'wait=2' })
    await expect.poll(() => fixture.listeners).toBe(1)
    fixture.time.pass(2_000)
    const answer = await pending
    expect(answer.statusCode).toBe(201)
    expect(answer.headers.location).toBe(`http://jobs.example/east/ogc-api/jobs/${jobIdOf(answer)}`)
    expect(fixture.listeners).toBe(0)
  })

  it('is let go when the server closes', async () => {
    const pending = post(ECHO, { inputs: { string: 'x' } })
    await expect.poll(() => fixture.listeners).toBe(1)
    const closed = app.close()
    expect((await pending).statusCode).toBe(201)
    await closed
  })

  it('is an exception when it fails, with the cause and a command’s last words', async () => {
    const pending = post(ECHO, { inputs: { string: 'x' } })
    await expect.poll(() => commands()).toBe(1)
    const said = { statusCode: 104, statusMessage: 'exited with 3', stderr: { text: 'one\nno scene\n' } }
    await end(fixture.command.jobId ?? '', said, 'failed')
    const answer = await pending
    expect(answer.statusCode).toBe(500)
    expect(answer.json<{ readonly detail: string }>().detail).toMatch(/^The job ".+" has failed\. exited with 3\. no scene$/)
  })
})

describe('the results of a job', () => {
  const results = async (base: string, answer: Answer, body: object, outcome?: Outcome): Promise<LightMyRequestResponse> => {
    const jobId = jobIdOf(await start(`/east/${base}/processes/echo/execution`, { inputs: { string: 'x' }, ...body }))
    await end(jobId, answer, outcome)
    return get(`/east/${base}/jobs/${jobId}/results`)
  }
  const outputs = { string: 'x', number: 2 }

  it('are shown as they were asked for', async () => {
    const document = await results('ogc-api', { outputs }, { response: 'document' })
    expect([document.statusCode, document.json()]).toEqual([200, outputs])
    const raw = await results('ogc-api', { outputs }, { outputs: { number: {} } })
    expect([raw.headers['content-type'], raw.body]).toEqual(['application/json', '2'])
  })

  it('have the seed’s form under the seed’s base, unless another is asked for', async () => {
    const seed = await results('wps3', { outputs: { wf_outputs: { StacCatalogUri: 's3://b/c.json' } } }, {})
    expect(seed.json()).toMatchObject({ outputs: [{ id: 'wf_outputs', value: { inlineValue: '{"StacCatalogUri":"s3://b/c.json"}' } }] })
    expect((await results('wps3', { outputs }, { response: 'document' })).json()).toEqual(outputs)
  })

  it('are not there before its end, nor for another workspace, and never when it was dismissed', async () => {
    const jobId = jobIdOf(await start(ECHO, { inputs: { string: 'x' } }))
    const early = await get(`/east/ogc-api/jobs/${jobId}/results`)
    expect(early.json()).toMatchObject({ status: 404, type: `${EXCEPTIONS}/result-not-ready` })
    expect((await get(`/west/ogc-api/jobs/${jobId}/results`)).json()).toMatchObject({ status: 404, type: `${EXCEPTIONS}/no-such-job` })
    await end(jobId, { outputs }, 'cancelled')
    expect((await get(`/east/ogc-api/jobs/${jobId}/results`)).statusCode).toBe(410)
  })

  it('are gone once the topic does not have them any longer', async () => {
    const jobId = jobIdOf(await start(ECHO, { inputs: { string: 'x' } }))
    await end(jobId, { outputs })
    fixture.resultTopics.expire('datajob.results', fixture.resultTopics.partitionOf(jobId, 3))
    expect((await get(`/east/ogc-api/jobs/${jobId}/results`)).statusCode).toBe(410)
  })

  it('are linked to from the status, once there are some', async () => {
    const jobId = jobIdOf(await start(ECHO, { inputs: { string: 'x' } }))
    await end(jobId, { outputs })
    const { links } = (await get(`/east/ogc-api/jobs/${jobId}`)).json<{ readonly links: readonly Link[] }>()
    expect(links.find(({ rel }) => rel.endsWith('/results'))?.href).toBe(`http://jobs.example/east/ogc-api/jobs/${jobId}/results`)
  })
})
