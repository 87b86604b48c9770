/** Jobs that are accepted and wait for their clients, on the command topic as JSON, through a kill. */
import { type Message, Partitioners, type Producer } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NcmpJob } from '../../src/rest/dialects/ncmp/schemas.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { countsOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import { until } from '../harness/until.ts'

let installation: Installation
let service: Service
let producer: Producer

beforeAll(async () => {
  installation = await Installation.open('held', givenStack())
  service = await installation.service('service')
  producer = installation.kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await producer.connect()
  await service.client.ready()
  await installation.network(service.client, 'north')
})

afterAll(async () => {
  await installation.close()
  await producer.disconnect()
})

async function command(key: string, value: object): Promise<void> {
  const message: Message = { key, value: JSON.stringify(value) }
  await producer.send({ topic: `${installation.prefix}commands`, acks: -1, messages: [message] })
}

async function statusOf({ jobId }: PlannedJob): Promise<Partial<NcmpJob>> {
  return (await service.client.status(jobId)).body as Partial<NcmpJob>
}

async function held(): Promise<PlannedJob> {
  const job = planJob({ kind: 'READ', destination: null, services: ['north'], operations: 30 })
  const operations = job.operations.map(({ operationId, op, path }) => ({ operationId, op, path }))
  await command(job.jobId, { jobId: job.jobId, operations, held: true })
  await until('it is split', async () => ((await statusOf(job)).counts?.subjobs.total ?? 0) > 0)
  return job
}

const release = (job: PlannedJob): Promise<void> => command(job.jobId, { type: 'ReleaseJob', jobId: job.jobId })

describe('a job that is held', () => {
  it('is not started, even by a service that was killed and started again, before it is released', async () => {
    const [one, other] = [await held(), await held()]
    await service.child.kill()
    service = await installation.service('service')
    await service.client.ready()
    await release(one)
    const ended = await service.client.ended(one.jobId)
    expect(ended.counts.operations).toEqual(countsOf(one))
    // It was there first, on whichever partition: had it begun, it would have ended by now, or run.
    expect(await statusOf(other)).toMatchObject({ status: 'NOT_STARTED', counts: { operations: { succeeded: 0 } } })
    await release(other)
    expect((await service.client.ended(other.jobId)).counts.operations).toEqual(countsOf(other))
  }, 120_000)

  it('is cancelled without having begun', async () => {
    const job = await held()
    await service.client.request('DELETE', `/ranoam/cm/v1/dataJob/${job.jobId}`)
    expect(await service.client.ended(job.jobId)).toMatchObject({ status: 'CANCELLED', counts: { operations: { succeeded: 0 } } })
  })
})
