/** One job is one job, whichever of two instances is asked, how often and how fast. */
import { randomUUID } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NcmpJob } from '../../src/rest/dialects/ncmp/schemas.ts'
import { checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { Answer, ServiceClient } from '../harness/service-client.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

let installation: Installation
let one: Service
let other: Service
let results: TopicLog

beforeAll(async () => {
  installation = await Installation.open('identity', givenStack())
  const started = await Promise.all([installation.service('one'), installation.service('other')])
  one = started[0]
  other = started[1]
  await one.client.ready()
  await other.client.ready()
  await installation.network(one.client, 'north')
  results = await installation.resultTopic('results')
})

afterAll(async () => {
  await installation.close()
})

function clients(): readonly ServiceClient[] {
  return [one.client, other.client]
}

function planned(operations = 10): PlannedJob {
  return planJob({ kind: 'READ', destination: `kafka:${results.topic}`, services: ['north'], operations })
}

function jobIdIn({ body }: Answer): string {
  return (body as { readonly jobId: string }).jobId
}

/** The job's body, with its own id or with none. */
function withoutId(job: PlannedJob): object {
  return { ...bodyOf(job), jobId: undefined }
}

/** How the same job is sent again: under its own id, or under a key that an id is made of. */
const identities = {
  'an Idempotency-Key': { body: withoutId, headersOf: (key: string) => ({ 'idempotency-key': key }) },
  'a jobId of the client': { body: bodyOf, headersOf: () => ({}) },
} as const

describe.each(['an Idempotency-Key', 'a jobId of the client'] as const)('under %s', (by) => {
  const { body, headersOf } = identities[by]

  it('the same job, sent ten times at once to two instances, is one job', async () => {
    const job = planned()
    const headers = headersOf(`key-${randomUUID()}`)
    const sends = Array.from({ length: 10 }, (_, n) => clients()[n % 2]!.submit(body(job), headers, job.destination))
    const answers = await Promise.all(sends)
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 202))
    const ids = new Set(answers.map(jobIdIn))
    expect(ids.size).toBe(1)
    const [jobId = ''] = ids
    await other.client.ended(jobId)
    const again = await other.client.submit(body(job), headers, job.destination)
    expect([again.status, jobIdIn(again)]).toEqual([202, jobId])
    expect(checkTopic({ ...job, jobId }, await results.settled())).toEqual([])
  })

  it('another job, sent afterwards to either instance, is refused, and the first one is as it was', async () => {
    const job = planned()
    const headers = headersOf(`key-${randomUUID()}`)
    const first = await one.client.submit(body(job), headers, job.destination)
    expect(first.status).toBe(202)
    const another = { ...planned(11), jobId: job.jobId }
    for (const client of [...clients(), ...clients()]) {
      const answer = await client.submit(body(another), headers, another.destination)
      expect(answer).toMatchObject({ status: 409, body: { status: '409 CONFLICT' } })
    }
    const ended = await one.client.ended(jobIdIn(first))
    expect(ended.counts.operations.total).toBe(10)
    expect(checkTopic({ ...job, jobId: jobIdIn(first) }, await results.settled())).toEqual([])
  })

  it('two different jobs at once: one is taken, the other refused, on every try', async () => {
    for (let round = 0; round < 5; round += 1) {
      const jobs = [planned(4), planned(5)].map((job) => ({ ...job, jobId: `contended-${by.length}-${round}` }))
      const headers = headersOf(`key-${randomUUID()}`)
      const sends = Array.from({ length: 6 }, (_, n) => clients()[n % 2]!.submit(body(jobs[n % 2]!), headers, jobs[0]!.destination))
      const statuses = (await Promise.all(sends)).map(({ status }, n) => ({ status, job: n % 2 }))
      const taken = new Set(statuses.filter(({ status }) => status === 202).map(({ job }) => job))
      expect(taken.size).toBe(1)
      expect(statuses.filter(({ job }) => !taken.has(job)).map(({ status }) => status)).toEqual([409, 409, 409])
    }
  })
})

describe('what was answered 202', () => {
  it('is never 404 afterwards, on the other instance and at once', async () => {
    const rounds = Array.from({ length: 60 }, async (_, n) => {
      const job = planned(2)
      const [taker, asked] = n % 2 === 0 ? [one, other] : [other, one]
      const accepted = await taker.client.submit(n % 3 === 0 ? bodyOf(job) : withoutId(job), {}, job.destination)
      const { status } = await asked.client.status(jobIdIn(accepted))
      return [accepted.status, status]
    })
    expect(await Promise.all(rounds)).toEqual(rounds.map(() => [202, 200]))
  })

  it('is known again after the read model was deleted, with the same answers', async () => {
    const jobs = await Promise.all(Array.from({ length: 5 }, () => one.client.submit(withoutId(planned()), {}, `kafka:${results.topic}`)))
    for (const job of jobs) await one.client.ended(jobIdIn(job))
    // Those of the tests before as well: what changes between the two answers proves nothing.
    const before = await until('every job has ended', async () => {
      const all = await everyJob(other.client)
      return all.every(({ finishedAt }) => finishedAt !== null) && all
    })
    expect(before.length).toBeGreaterThan(60)
    await other.child.stopCleanly()
    rmSync(join(installation.folder, 'other'), { recursive: true })
    other = await installation.service('other')
    await other.client.ready()
    expect(await everyJob(other.client)).toEqual(before)
    for (const { jobId } of before.slice(0, 5)) expect((await other.client.status(jobId)).status).toBe(200)
  })
})

describe('a handle that was registered on one instance', () => {
  it('is known to a job that is submitted to the other at once', async () => {
    const rounds = Array.from({ length: 12 }, async (_, n) => {
      const [registrar, taker] = n % 2 === 0 ? [one, other] : [other, one]
      const name = `late-${n}`
      const path = `/SubNetwork=Late/ManagedElement=${name}`
      await registrar.client.registerHandles('north', [{ cmHandle: name, alternateId: path, dataProducerIdentifier: 'p' }])
      const operation = { operationId: 1, op: 'read', path, code: 0, service: 'north' } as const
      const job: PlannedJob = { jobId: `job-${name}`, kind: 'READ', destination: `kafka:${results.topic}`, operations: [operation] }
      await taker.client.submit(bodyOf(job), {}, job.destination)
      await taker.client.ended(job.jobId)
      return job
    })
    const jobs = await Promise.all(rounds)
    const log = await results.settled()
    expect(jobs.flatMap((job) => checkTopic(job, log))).toEqual([])
  })
})

/** Page by page; without the links, which name the instance that was asked. */
async function everyJob(client: ServiceClient): Promise<readonly NcmpJob[]> {
  const jobs: NcmpJob[] = []
  for (let cursor: string | null = ''; cursor !== null; ) {
    const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const { status, body } = await client.request('GET', `/ranoam/cm/v1/dataJob?limit=25${query}`)
    expect(status).toBe(200)
    const page = body as { readonly items: readonly NcmpJob[]; readonly next: string | null }
    jobs.push(...page.items)
    cursor = page.next
  }
  return jobs.map((job) => ({ ...job, statusuri: '', resultsuri: '' }))
}
