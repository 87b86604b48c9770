/** What a job was split into, and why it is no further; and lists of jobs while jobs come in. */
import { Partitioners } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NcmpSubjob } from '../../src/rest/dialects/ncmp/subjob-schemas.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, handlesOf, planJob } from '../harness/planned-job.ts'
import { until } from '../harness/until.ts'

interface SubjobPage {
  readonly items: readonly NcmpSubjob[]
  readonly next: string | null
}

let installation: Installation
let service: Service

beforeAll(async () => {
  installation = await Installation.open('subjobs', givenStack(), { DATAJOB_SUBJOB_OPERATIONS_MAX: '5' })
  service = await installation.service('service')
  await service.client.ready()
})

afterAll(async () => {
  await installation.close()
})

async function pageOf(jobId: string, query = ''): Promise<SubjobPage> {
  const { status, body } = await service.client.request('GET', `/ranoam/cm/v1/dataJob/${encodeURIComponent(jobId)}/subjobs${query}`)
  expect(status).toBe(200)
  return body as SubjobPage
}

const subjobsOf = async (jobId: string): Promise<readonly NcmpSubjob[]> => (await pageOf(jobId, '?limit=1000')).items

async function registered(name: string, baseUrl: string, subjobsInFlightMax: number): Promise<void> {
  const answer = await service.client.request('PUT', `/ncmpInventory/v1/dmi/${name}`, { body: { baseUrl, limits: { subjobsInFlightMax } } })
  expect(answer.status).toBe(200)
  await service.client.registerHandles(name, handlesOf(name))
}

describe('the subjobs of a job', () => {
  it('are all listed while one runs at a time: those that wait say for what', async () => {
    const producer = await installation.producer('narrow', { 'delay-ms': '400..500' })
    await registered('narrow', producer.url, 1)
    const job = planJob({ kind: 'READ', destination: null, services: ['narrow'], operations: 60 })
    expect((await service.client.submit(bodyOf(job))).status).toBe(202)
    const seen = await until('one runs', async () => {
      const items = await subjobsOf(job.jobId)
      return items.some(({ status }) => status === 'RUNNING') && items
    })
    // Four data producers with 15 operations each, of which a subjob has 5 at most.
    expect(seen.map(({ subjobId }) => subjobId)).toEqual(Array.from({ length: 12 }, (_, index) => `${job.jobId}/${index}`))
    expect(seen.every(({ operations }) => operations.total === 5)).toBe(true)
    const waiting = seen.filter(({ status }) => status === 'NOT_STARTED')
    expect(waiting.length).toBeGreaterThanOrEqual(4)
    for (const { waitingFor, dataProducerId, dmiServiceName } of waiting) {
      expect(waitingFor).toBe(`its turn at data producer "${dataProducerId}" behind DMI service "${dmiServiceName}"`)
    }
    const running = seen.find(({ status }) => status === 'RUNNING')
    expect(running?.waitingFor).toMatch(/to finish, and its results to be published$/)
    expect(running?.attempts).toMatchObject([{ number: 1, run: 1, finishedAt: null, status: 'RUNNING' }])
    await service.client.ended(job.jobId)
    for (const ended of await subjobsOf(job.jobId)) {
      expect(ended).toMatchObject({ status: 'FINISHED', waitingFor: null, message: null, dmiServiceName: 'narrow' })
      expect(ended.operations).toEqual({ total: 5, succeeded: 5, failed: 0 })
      expect(ended.attempts).toHaveLength(1)
      const times = [ended.createdAt, ended.startedAt, ended.finishedAt].map((instant) => Date.parse(instant ?? ''))
      expect(times).toEqual([...times].sort((a, b) => a - b))
    }
    const pages = [await pageOf(job.jobId, '?limit=7')]
    pages.push(await pageOf(job.jobId, `?limit=7&cursor=${pages[0]!.next}`))
    expect(pages.map(({ items, next }) => [items.length, next === null])).toEqual([[7, false], [5, true]])
    expect((await pageOf(job.jobId, '?status=RUNNING&status=FAILED')).items).toEqual([])
    expect((await pageOf(job.jobId, '?status=FINISHED&limit=3')).items).toHaveLength(3)
  })

  it('whose plugin is away say which attempt failed, why, and when the next one is', async () => {
    await registered('away', 'http://127.0.0.1:9', 64)
    const job = planJob({ kind: 'READ', destination: null, services: ['away'], operations: 5 })
    expect((await service.client.submit(bodyOf(job))).status).toBe(202)
    const [failed] = await until('an attempt failed', async () => {
      const items = await subjobsOf(job.jobId)
      return items.some(({ attempts }) => attempts.length > 0) && items.filter(({ attempts }) => attempts.length > 0)
    })
    expect(failed).toMatchObject({ dmiServiceName: 'away', status: 'RUNNING', finishedAt: null })
    expect(failed?.waitingFor).toMatch(/^its (next attempt at \d{4}-\S+Z|turn at .* for the next attempt); attempt \d+ failed: .+/)
    expect(failed?.attempts[0]).toMatchObject({ number: 1, status: 'FAILED', code: 102 })
    expect(failed?.message).toBe(failed?.attempts.at(-1)?.message)
    const producer = await installation.producer('away', { 'delay-ms': '0' })
    await registered('away', producer.url, 64)
    await service.client.ended(job.jobId)
    const [done] = await subjobsOf(job.jobId)
    expect(done).toMatchObject({ status: 'FINISHED', waitingFor: null, nextAttemptAt: null })
    expect(done!.attempts.length).toBeGreaterThan(1)
    expect(done!.attempts.at(-1)).toMatchObject({ status: 'FINISHED', code: null })
  })

  it('that depend on others name those that have not ended', async () => {
    const producer = await installation.producer('linked', { 'delay-ms': '50' })
    await registered('linked', producer.url, 64)
    const jobId = 'linked/job 1'
    const path = handlesOf('linked')[0]!.alternateId
    const command = {
      ...{ jobId, kind: 'READ', dependencies: [{ operationId: 'second', parents: ['first'] }] },
      operations: ['first', 'second'].map((operationId) => ({ operationId, op: 'read', path })),
    }
    const sender = installation.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await sender.connect()
    // The first one has not ended before it is let go on.
    producer.child.signal('SIGSTOP')
    await sender.send({ topic: `${installation.prefix}commands`, messages: [{ key: jobId, value: JSON.stringify(command) }] })
    await sender.disconnect()
    const [parent, child] = await until('both are planned', async () => {
      const { status } = await service.client.status(jobId)
      const items = status === 200 ? await subjobsOf(jobId) : []
      return items.length === 2 && items
    }).finally(() => {
      producer.child.signal('SIGCONT')
    })
    expect(child).toMatchObject({ status: 'NOT_STARTED', parents: [parent!.subjobId] })
    expect(child?.waitingFor).toBe(`1 of the 1 subjobs that it depends on: ${jobId}/0`)
    await service.client.ended(jobId)
    expect((await subjobsOf(jobId)).map(({ status }) => status)).toEqual(['FINISHED', 'FINISHED'])
  })

  it('of a job in steps begin once the groups that they come after have succeeded, those of a writing job side by side', async () => {
    const producer = await installation.producer('steps', { 'delay-ms': '2000' })
    await registered('steps', producer.url, 64)
    const jobId = 'steps/job 1'
    const path = handlesOf('steps')[0]!.alternateId
    const command = {
      ...{ jobId, kind: 'WRITE', groups: [{ operations: 2 }, { operations: 2, after: [0] }] },
      operations: ['a', 'b', 'c', 'd'].map((operationId) => ({ operationId, op: 'merge', path, value: {} })),
    }
    const sender = installation.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
    await sender.connect()
    await sender.send({ topic: `${installation.prefix}commands`, messages: [{ key: jobId, value: JSON.stringify(command) }] })
    await sender.disconnect()
    await until('it is known', async () => (await service.client.status(jobId)).status === 200)
    await service.client.ended(jobId)
    const steps = await subjobsOf(jobId)
    expect(steps.map(({ status }) => status)).toEqual(['FINISHED', 'FINISHED', 'FINISHED', 'FINISHED'])
    const [starts, ends] = [steps.map(({ attempts }) => attempts[0]?.startedAt), steps.map(({ attempts }) => attempts[0]?.finishedAt)].map(
      (times) => times.map((time) => Date.parse(time ?? '')),
    )
    expect(Math.max(...starts!.slice(0, 2))).toBeLessThan(Math.min(...ends!.slice(0, 2)))
    expect(Math.max(...starts!.slice(2))).toBeLessThan(Math.min(...ends!.slice(2)))
    expect(Math.min(...starts!.slice(2))).toBeGreaterThanOrEqual(Math.max(...ends!.slice(0, 2)))
  })

  it('of an unknown job are 404', async () => {
    expect((await service.client.request('GET', '/ranoam/cm/v1/dataJob/nobody/subjobs')).status).toBe(404)
  })
})

describe('the list of jobs', () => {
  it('shows each job that was there once, page by page, while others come in and change', async () => {
    await installation.network(service.client, 'north', { 'delay-ms': '20..400' })
    const submit = async (): Promise<string> => {
      const job = planJob({ kind: 'READ', destination: null, services: ['north'], operations: 4 })
      expect((await service.client.submit(bodyOf(job))).status).toBe(202)
      return job.jobId
    }
    const before = await Promise.all(Array.from({ length: 30 }, submit))
    for (const jobId of before) expect((await service.client.status(jobId)).status).toBe(200)
    const seen: string[] = []
    let cursor = ''
    do {
      const { body } = await service.client.request('GET', `/ranoam/cm/v1/dataJob?limit=4${cursor}`)
      const page = body as { readonly items: readonly { readonly jobId: string }[]; readonly next: string | null }
      seen.push(...page.items.map(({ jobId }) => jobId))
      cursor = page.next === null ? '' : `&cursor=${page.next}`
      await Promise.all([submit(), submit()])
    } while (cursor !== '')
    expect(new Set(seen).size).toBe(seen.length)
    expect(before.filter((jobId) => !seen.includes(jobId))).toEqual([])
  })
})
