/** A job's changes, as browsers and scripts follow them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NcmpJob } from '../../src/rest/dialects/ncmp/schemas.ts'
import { EventStream } from '../harness/event-stream.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import { until } from '../harness/until.ts'

let installation: Installation
let one: Service
let other: Service

beforeAll(async () => {
  installation = await Installation.open('events', givenStack(), { DATAJOB_SUBJOB_OPERATIONS_MAX: '5' })
  one = await installation.service('one')
  other = await installation.service('other')
  await one.client.ready()
  await other.client.ready()
  await installation.network(one.client, 'north', { 'delay-ms': '1000..2500' })
})

afterAll(async () => {
  await installation.close()
})

async function submitted(operations = 100): Promise<PlannedJob> {
  const job = planJob({ kind: 'READ', destination: null, services: ['north'], operations })
  expect((await one.client.submit(bodyOf(job))).status).toBe(202)
  return job
}

const eventsOf = (service: Service, { jobId }: PlannedJob, lastEventId: string | null = null): Promise<EventStream> =>
  EventStream.open(`${service.client.url}/ranoam/cm/v1/dataJob/${jobId}/events`, lastEventId)

const statusOf = ({ data }: { readonly data: unknown }): string => (data as NcmpJob).status

describe('the events of a job', () => {
  it('lead from its acceptance to its end, growing, and end with what its status says', async () => {
    const job = await submitted()
    const stream = await eventsOf(one, job)
    const events = await stream.ended()
    expect(events.map(({ event }) => event)).toEqual([...Array.from({ length: events.length - 1 }, () => 'status'), 'end'])
    const statuses = events.map(statusOf)
    expect(statuses).toEqual([...statuses].sort((a, b) => ORDER.indexOf(a) - ORDER.indexOf(b)))
    expect(statuses).toContain('RUNNING')
    const ids = events.slice(0, -1).map(({ id }) => Number(id))
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b))
    expect(events.at(-1)?.data).toEqual((await one.client.status(job.jobId)).body)
    expect((events.at(-1)?.data as NcmpJob).counts.operations).toEqual({ total: 100, succeeded: 100, failed: 0 })
  })

  it('are the same on every instance: one goes on where the other was left', async () => {
    const job = await submitted()
    const stream = await eventsOf(one, job)
    await until('it runs', () => stream.events.some((event) => statusOf(event) === 'RUNNING'))
    stream.close()
    const left = stream.events.at(-1)!
    const events = await (await eventsOf(other, job, left.id)).ended()
    expect(Number(events[0]?.id)).toBeGreaterThan(Number(left.id))
    expect(events.at(-1)).toMatchObject({ event: 'end', data: { status: 'FINISHED' } })
    // Each projects what it reads: one may be behind the other.
    for (const service of [one, other]) await service.client.ended(job.jobId)
    const both = await Promise.all([eventsOf(one, job), eventsOf(other, job)])
    const [here, there] = await Promise.all(both.map((each) => each.ended()))
    expect(here?.map(({ id, event }) => [id, event])).toEqual(there?.map(({ id, event }) => [id, event]))
    for (const service of [one, other]) expect((await eventsOf(service, job, events.at(-1)!.id)).status).toBe(204)
  })

  it('end when their instance is stopped, and can be had from another', async () => {
    const third = await installation.service('third', { roles: 'facade,projector' })
    const job = await submitted()
    const stream = await eventsOf(third, job)
    await until('an event came', () => stream.events.length > 0)
    await third.child.stopCleanly()
    await stream.ended()
    const rest = await (await eventsOf(other, job, stream.events.at(-1)!.id)).ended()
    expect(rest.at(-1)?.event).toBe('end')
  })
})

const ORDER = ['NOT_STARTED', 'RUNNING', 'FINISHED']
