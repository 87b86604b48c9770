/** Executions of the built-in process through the whole lane: waited for or not, dismissed, and through a kill. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'

interface StatusInfo {
  readonly jobID: string
  readonly status: string
}

let installation: Installation
let service: Service

beforeAll(async () => {
  installation = await Installation.open('ogc-execution', givenStack())
  service = await installation.service('service')
  await service.client.ready()
})

afterAll(() => installation.close())

function execute(body: object, headers: Record<string, string> = {}, base = 'ogc-api'): Promise<Response> {
  return fetch(`${service.client.url}/east/${base}/processes/echo/execution`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

async function started(inputs: object): Promise<string> {
  const answer = await execute({ inputs, response: 'document' }, { prefer: 'respond-async' })
  expect(answer.status).toBe(201)
  return ((await answer.json()) as StatusInfo).jobID
}

async function statusOf(jobId: string): Promise<string> {
  const answer = await fetch(`${service.client.url}/east/ogc-api/jobs/${jobId}`)
  return ((await answer.json()) as StatusInfo).status
}

const resultsOf = (jobId: string, workspace = 'east'): Promise<Response> =>
  fetch(`${service.client.url}/${workspace}/ogc-api/jobs/${jobId}/results`)

describe('echo', () => {
  it('answers who waits with what it was given, many at a time', async () => {
    const texts = Array.from({ length: 50 }, (_, n) => `text ${n}`)
    const answers = await Promise.all(texts.map((string) => execute({ inputs: { string } })))
    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(texts)
    const inputs = { string: 'ä', number: 1.5, boolean: false, array: [1], object: { a: 1 }, bbox: { bbox: [1, 2, 3, 4] } }
    const document = await execute({ inputs, response: 'document' })
    expect(await document.json()).toEqual({ ...inputs, object: { value: { a: 1 } } })
  })

  it('is a job with results for its own workspace when nobody waits', async () => {
    const jobId = await started({ string: 'x', pause: 0.5 })
    await expect.poll(() => statusOf(jobId)).toBe('successful')
    expect(await (await resultsOf(jobId)).json()).toEqual({ string: 'x' })
    expect((await resultsOf(jobId, 'west')).status).toBe(404)
  })

  it('is removed when it is dismissed though it has ended, and its id is nobody’s', async () => {
    const jobId = await started({ string: 'x' })
    await expect.poll(() => statusOf(jobId)).toBe('successful')
    const job = `${service.client.url}/east/ogc-api/jobs/${jobId}`
    const dismissed = await fetch(job, { method: 'DELETE' })
    expect([dismissed.status, await dismissed.json()]).toEqual([200, expect.objectContaining({ status: 'dismissed' })])
    expect((await fetch(job)).status).toBe(404)
    expect((await resultsOf(jobId)).status).toBe(404)
  })

  it('stops when it is dismissed', async () => {
    const jobId = await started({ string: 'x', pause: 3_600 })
    await expect.poll(() => statusOf(jobId)).toBe('running')
    const dismissed = await fetch(`${service.client.url}/east/ogc-api/jobs/${jobId}`, { method: 'DELETE' })
    expect(await dismissed.json()).toMatchObject({ jobID: jobId, status: 'dismissed' })
    await expect.poll(async () => (await resultsOf(jobId)).status).toBe(410)
  })

  it('comes to its end though the service is killed in the middle', async () => {
    const jobIds = await Promise.all(Array.from({ length: 5 }, (_, n) => started({ string: `text ${n}`, pause: 6 })))
    await expect.poll(() => Promise.all(jobIds.map(statusOf))).toEqual(jobIds.map(() => 'running'))
    await service.child.kill()
    service = await installation.service('service')
    await service.client.ready()
    await expect.poll(() => Promise.all(jobIds.map(statusOf))).toEqual(jobIds.map(() => 'successful'))
    const results = await Promise.all(jobIds.map(async (jobId) => (await resultsOf(jobId)).json()))
    expect(results).toEqual(jobIds.map((_, n) => ({ string: `text ${n}` })))
  }, 120_000)
})
