/** The list of a workspace's jobs on a real broker, by two instances of the service. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'

interface StatusInfo {
  readonly jobID: string
  readonly status: string
  readonly progress: number
}
interface List {
  readonly jobs: readonly StatusInfo[]
  readonly links: readonly { readonly rel: string; readonly href: string }[]
  readonly numberTotal: number
}

let installation: Installation
let services: readonly Service[]

beforeAll(async () => {
  installation = await Installation.open('ogc-list', givenStack())
  services = [await installation.service('one'), await installation.service('other')]
  for (const service of services) await service.client.ready()
})

afterAll(() => installation.close())

async function started(workspace: string, inputs: object): Promise<string> {
  const answer = await fetch(`${services[0]?.client.url}/${workspace}/ogc-api/processes/echo/execution`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', prefer: 'respond-async' },
    body: JSON.stringify({ inputs }),
  })
  expect(answer.status).toBe(201)
  return ((await answer.json()) as StatusInfo).jobID
}

async function read(url: string): Promise<List> {
  const answer = await fetch(url)
  expect(answer.status).toBe(200)
  return (await answer.json()) as List
}

/** How long a list waits for what was written before it was asked for (rest/jobs/job-lookup.ts, `SETTLE_TIMEOUT_MS`). */
const SETTLE_MS = 1_000

const idsOf = ({ jobs }: List): readonly string[] => jobs.map(({ jobID }) => jobID)
const listOf = (service: Service | undefined, path: string): Promise<List> => read(`${service?.client.url}${path}`)

/** A list that did not have to be answered as it was then, because the wait was over. */
async function settledListOf(service: Service | undefined, path: string): Promise<List> {
  for (;;) {
    const begun = performance.now()
    const list = await listOf(service, path)
    if (performance.now() - begun < SETTLE_MS) return list
  }
}

describe('the jobs of a workspace', () => {
  it('are listed from the moment that they are accepted, on every instance, and in no other workspace', async () => {
    for (let round = 0; round < 10; round += 1) {
      const jobId = await started('east', { string: 'x' })
      for (const service of services) expect(idsOf(await settledListOf(service, '/east/ogc-api/jobs'))[0]).toBe(jobId)
    }
    expect(await listOf(services[1], '/west/ogc-api/jobs')).toMatchObject({ jobs: [], numberTotal: 0 })
  })

  it('are among all jobs of the installation, with the door that they came through and their workspace', async () => {
    const jobId = await started('north', { string: 'x' })
    for (const { client } of services) {
      const named = { jobId, dialect: 'ogc', tenant: 'north' }
      expect((await client.status(jobId)).body).toMatchObject(named)
      expect((await client.request('GET', '/ranoam/cm/v1/dataJob?dialect=ogc&tenant=north')).body).toMatchObject({ items: [named] })
      expect((await client.request('GET', '/ranoam/cm/v1/dataJob?dialect=ncmp')).body).toMatchObject({ items: [] })
    }
  })

  it('are paged through on any instance by the links of another, under filters', async () => {
    const ids: string[] = []
    for (let count = 0; count < 7; count += 1) ids.push(await started('south', { string: 'x' }))
    for (const service of services) {
      const list = (): Promise<List> => listOf(service, '/south/wps3/jobs?limit=3&status=successful&processID=echo')
      await expect.poll(async () => (await list()).numberTotal).toBe(7)
    }
    const seen: string[] = []
    let href: string | undefined = '/south/wps3/jobs?limit=3&status=successful&processID=echo'
    for (let page = 0; href !== undefined; page += 1) {
      expect(page).toBeLessThan(4)
      const { jobs, links } = await listOf(services[page % 2], href)
      seen.push(...jobs.map(({ jobID }) => jobID))
      href = links.find(({ rel }) => rel === 'next')?.href
    }
    expect(seen.sort()).toEqual(ids.sort())
  })

  it('are as far as their producers say, on every instance', async () => {
    const jobId = await started('centre', { string: 'x', pause: 60 })
    const progress = async (service: Service | undefined): Promise<readonly number[]> =>
      (await listOf(service, '/centre/ogc-api/jobs')).jobs.map((job) => job.progress)
    for (const service of services) {
      await expect.poll(() => progress(service)).toEqual([expect.toSatisfy((percent) => percent > 0 && percent < 100)])
    }
    const single = await fetch(`${services[1]?.client.url}/centre/wps3/jobs/${jobId}`)
    expect(((await single.json()) as StatusInfo).progress).toBeGreaterThan(0)
    await fetch(`${services[0]?.client.url}/centre/ogc-api/jobs/${jobId}`, { method: 'DELETE' })
  })

  it('are found by how long they have run so far', async () => {
    const jobId = await started('north', { string: 'x', pause: 60 })
    const running = (): Promise<readonly string[]> =>
      listOf(services[0], '/north/ogc-api/jobs?minDuration=4&status=running').then(idsOf)
    expect(await running()).toEqual([])
    await expect.poll(running).toEqual([jobId])
    expect(idsOf(await listOf(services[0], '/north/ogc-api/jobs?minDuration=3600'))).toEqual([])
    const dismissed = await fetch(`${services[0]?.client.url}/north/ogc-api/jobs/${jobId}`, { method: 'DELETE' })
    expect(dismissed.status).toBe(200)
    const gone = (): Promise<readonly string[]> => listOf(services[1], '/north/ogc-api/jobs?status=dismissed').then(idsOf)
    await expect.poll(gone).toEqual([jobId])
  })
})
