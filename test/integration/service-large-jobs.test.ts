/** Jobs larger than a record, and what a client may say with a job and about it, over REST and to the end. */
import { existsSync, readdirSync, readlinkSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkTopic, isCompletion, isOf } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, FAILING_CELLS, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { Answer } from '../harness/service-client.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

const OPERATIONS = 30_000
const ENDED_MS_MAX = 120_000
const SERVICES = ['north', 'south']

let installation: Installation
let service: Service
let results: TopicLog

beforeAll(async () => {
  installation = await Installation.open('large', givenStack())
  service = await installation.service('service')
  await service.client.ready()
  for (const name of SERVICES) await installation.network(service.client, name, { 'delay-ms': '5..20' })
  await installation.network(service.client, 'slow', { 'delay-ms': '600000' })
  await installation.network(service.client, 'failing', { 'fail-operations': FAILING_CELLS, 'delay-ms': '5..20' })
  results = await installation.resultTopic('results')
})

afterAll(async () => {
  await installation.close()
})

const JOBS = '/ranoam/cm/v1/dataJob'

function planned(operations: number, services: readonly string[] = SERVICES, more: { readonly failEvery?: number } = {}): PlannedJob {
  return planJob({ kind: 'WRITE', destination: `kafka:${results.topic}`, services, operations, ...more })
}

function submit(job: PlannedJob, query = ''): Promise<Answer> {
  const destination = encodeURIComponent(job.destination ?? '')
  return service.client.request('POST', `${JOBS}?destination=${destination}${query}`, { body: bodyOf(job) })
}

function wrongAtTheEnd(): PlannedJob {
  const job = planned(OPERATIONS)
  return { ...job, operations: [...job.operations, job.operations[0]!] }
}

/** Where the command topic ends, with all that is not committed. */
async function commandEnds(): Promise<readonly string[]> {
  const offsets = await installation.withAdmin((admin) => admin.fetchTopicOffsets(`${installation.prefix}commands`))
  return offsets.sort((one, other) => one.partition - other.partition).map(({ high }) => high)
}

/** Files without a name that the service has open for large jobs. */
function openSpools(): number {
  const folder = `/proc/${service.child.pid}/fd`
  return readdirSync(folder).filter((fd) => linkOf(join(folder, fd)).includes('/service/uploads/')).length
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function spooled(): readonly string[] {
  const folder = join(installation.folder, 'service', 'uploads')
  return existsSync(folder) ? readdirSync(folder) : []
}

describe('a job of 30,000 operations, larger than a record', () => {
  it('arrives in parts, runs to its end, and every operation is reported once, in order at each producer', async () => {
    const job = planned(OPERATIONS)
    expect((await submit(job)).status).toBe(202)
    const again = await submit(job)
    expect([again.status, again.body]).toMatchObject([202, { jobId: job.jobId }])
    expect((await submit({ ...job, operations: job.operations.slice(1) })).status).toBe(409)
    const ended = await service.client.ended(job.jobId, ENDED_MS_MAX)
    expect([ended.status, ended.counts.operations.total, ended.run]).toEqual(['FINISHED', OPERATIONS, 1])
    const log = await results.settled(ENDED_MS_MAX)
    expect(checkTopic(job, log)).toEqual([])
    expect(spooled()).toEqual([])
    const placeOf = new Map(job.operations.map(({ operationId }, place) => [operationId, place]))
    const latest = new Map<string, number>()
    for (const { value } of log.filter(isOf(job)).filter((record) => !isCompletion(record))) {
      const { data } = JSON.parse(String(value)) as { data: { responses: { operationId: string | number; request: { path: string } }[] } }
      for (const { operationId, request: { path } } of data.responses) {
        const [, name = '', element = ''] = /ManagedElement=(\w+)-(\d+)/.exec(path) ?? []
        const producer = `${name} ${Number(element) % 4}`
        const place = placeOf.get(operationId) ?? -1
        if (place < (latest.get(producer) ?? -1)) throw new Error(`${operationId} overtook another operation of ${producer}`)
        latest.set(producer, place)
      }
    }
    expect(latest.size).toBe(8)
  })

  it('leaves nothing when the client goes half-way', async () => {
    const body = JSON.stringify(bodyOf(planned(OPERATIONS)))
    const ends = await commandEnds()
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    const outgoing = request(`${service.client.url}${JOBS}`, { method: 'POST', headers })
    outgoing.on('error', () => undefined)
    outgoing.write(body.slice(0, body.length / 2))
    await until('the service keeps what has come', () => openSpools() === 1)
    outgoing.destroy()
    await until('the service has given it up', () => openSpools() === 0)
    expect(await commandEnds()).toEqual(ends)
    expect(spooled()).toEqual([])
  })

  it('leaves nothing when its last operation is wrong', async () => {
    const ends = await commandEnds()
    const answer = await submit(wrongAtTheEnd())
    expect(answer).toMatchObject({ status: 400, body: { message: 'data[30000].operationId: "op-0" is there twice' } })
    expect(await commandEnds()).toEqual(ends)
    expect(spooled()).toEqual([])
  })

  it('is shown as it would be split, and not taken, in a dry run', async () => {
    const job = planned(OPERATIONS)
    const ends = await commandEnds()
    const { status, body } = await submit(job, '&dryRun=true')
    expect(status).toBe(200)
    const preview = body as { readonly subjobs: readonly { readonly dmiServiceName: string; readonly operations: number }[] }
    expect(preview).toMatchObject({ jobId: null, kind: 'WRITE', operations: OPERATIONS, refused: [], refusedOperations: 0 })
    expect(preview.subjobs.reduce((sum, { operations }) => sum + operations, 0)).toBe(OPERATIONS)
    expect(new Set(preview.subjobs.map(({ dmiServiceName }) => dmiServiceName))).toEqual(new Set(SERVICES))
    expect(await commandEnds()).toEqual(ends)
    expect((await service.client.status(job.jobId)).status).toBe(404)
  })
})

describe('a job with options', () => {
  it('that is strict is refused with a handle that is not there, and nothing is written', async () => {
    const job = planJob({ kind: 'READ', destination: null, services: ['north'], operations: 20, unknownEvery: 10 })
    const ends = await commandEnds()
    const answer = await service.client.request('POST', `${JOBS}?strict=true`, { body: bodyOf(job) })
    expect(answer.status).toBe(422)
    expect(answer.body).toMatchObject({ message: 'The job is strict, and 2 of its operations have no handle that is ready' })
    expect(await commandEnds()).toEqual(ends)
  })

  it('that has a deadline shows it, and ends then', async () => {
    const job = planned(10, ['slow'])
    const deadline = new Date(Date.now() + 5_000).toISOString()
    expect((await submit(job, `&deadline=${deadline}`)).status).toBe(202)
    expect((await service.client.status(job.jobId)).body).toMatchObject({ deadline })
    const ended = await service.client.ended(job.jobId)
    expect(ended.counts.operations).toEqual({ total: 10, succeeded: 0, failed: 10 })
  })
})

describe('a job that runs', () => {
  it('is CANCELLING from the answer to its cancellation on, and then CANCELLED, each operation reported once', async () => {
    const job = planned(200, ['slow'])
    await submit(job)
    await until('it runs', async () => ((await service.client.status(job.jobId)).body as { status: string }).status === 'RUNNING')
    const answer = await service.client.request('DELETE', `${JOBS}/${job.jobId}`)
    expect([answer.status, answer.body]).toMatchObject([202, { jobId: job.jobId, status: 'CANCELLING' }])
    expect((await service.client.status(job.jobId)).body).toMatchObject({ status: expect.stringMatching(/^CANCELL(ING|ED)$/) as string })
    const ended = await until('it has ended', async () => {
      const { body } = await service.client.status(job.jobId)
      return (body as { status: string }).status === 'CANCELLING' ? null : body
    })
    expect(ended).toMatchObject({ status: 'CANCELLED', counts: { operations: { total: 200, succeeded: 0, failed: 200 } } })
    const again = await service.client.request('DELETE', `${JOBS}/${job.jobId}`)
    expect([again.status, again.body]).toMatchObject([202, { status: 'CANCELLED' }])
    const ids = idsIn(job, await results.settled())
    expect(ids).toHaveLength(200)
    expect(new Set(ids).size).toBe(200)
  })
})

describe('a job that has failed in part', () => {
  it('is tried again once, however often that is asked for at once, and only what failed', async () => {
    const job = planned(40, ['failing'], { failEvery: 4 })
    await submit(job)
    expect((await service.client.ended(job.jobId)).counts.operations).toEqual({ total: 40, succeeded: 30, failed: 10 })
    const retry = (): Promise<Answer> => service.client.request('POST', `${JOBS}/${job.jobId}/retry`)
    const answers = await Promise.all([retry(), retry(), retry()])
    for (const answer of answers) expect([202, 409]).toContain(answer.status)
    expect(answers.some(({ status }) => status === 202)).toBe(true)
    const ended = await service.client.ended(job.jobId)
    expect(ended).toMatchObject({ run: 2, counts: { operations: { total: 40, succeeded: 30, failed: 10 } } })
    // What was done is not reported again.
    expect(idsIn(job, await results.settled())).toHaveLength(40 + 10)
  })

  it('is not while it runs, nor where nothing failed', async () => {
    const [slow, done] = [planned(10, ['slow']), planned(10)]
    await submit(slow)
    await submit(done)
    await service.client.ended(done.jobId)
    const messages = await Promise.all([slow, done].map(async ({ jobId }) => {
      const { status, body } = await service.client.request('POST', `${JOBS}/${jobId}/retry`)
      return [status, (body as { message: string }).message.replace(jobId, 'ID')]
    }))
    expect(messages).toEqual([
      [409, expect.stringMatching(/^The job "ID" is still (accepted|running)$/) as string],
      [409, 'The job "ID" has nothing that failed'],
    ])
    expect((await service.client.request('DELETE', `${JOBS}/${slow.jobId}`)).status).toBe(202)
    expect((await service.client.request('DELETE', `${JOBS}/${done.jobId}`)).status).toBe(409)
  })
})

function idsIn(job: PlannedJob, log: Awaited<ReturnType<TopicLog['settled']>>): readonly (string | number)[] {
  return log.filter(isOf(job)).filter((record) => !isCompletion(record)).flatMap(({ value }) => {
    const { data } = JSON.parse(String(value)) as { data: { responses: { operationId: string | number }[] } }
    return data.responses.map(({ operationId }) => operationId)
  })
}
