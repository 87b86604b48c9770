/** Jobs through a real service: REST in, simulated producers behind, results on topics and in buckets out. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBucket } from '../harness/bucket-log.ts'
import { checkBucket, checkTopic, isCompletion, isOf } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, countsOf, FAILING_CELLS, planJob, statusOf } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'

const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

describe('a job through the service', () => {
  let installation: Installation
  let service: Service
  let results: TopicLog

  beforeAll(async () => {
    installation = await Installation.open('jobs', givenStack())
    service = await installation.service('service')
    await service.client.ready()
    await installation.network(service.client, 'north')
    await installation.network(service.client, 'south', { 'fail-operations': FAILING_CELLS })
    results = await installation.resultTopic('results')
  })

  afterAll(async () => {
    await installation.close()
  })

  it('that reads to a topic: every operation once, with the headers of the contract, the completion event last', async () => {
    const job = planJob({ kind: 'READ', destination: `kafka:${results.topic}`, services: ['north', 'south'], operations: 300 })
    const { status, body, headers } = await service.client.submit(bodyOf(job), { traceparent: TRACEPARENT }, job.destination)
    expect(status).toBe(202)
    const statusuri = `${service.client.url}/ranoam/cm/v1/dataJob/${job.jobId}`
    expect(body).toEqual({ jobId: job.jobId, status: 'NOT_STARTED', statusuri, resultsuri: job.destination })
    expect(headers.get('location')).toBe(statusuri)
    const ended = await service.client.ended(job.jobId)
    expect(ended.status).toBe('FINISHED')
    expect(ended.counts.operations).toEqual(countsOf(job))
    expect(ended.counts.subjobs.total).toBe(8)
    expect(checkTopic(job, await results.settled(), { traceparent: TRACEPARENT })).toEqual([])
  })

  it('that writes to a bucket: one object for each subjob, and the manifest of exactly these last', async () => {
    const bucket = await installation.bucket('writes')
    const job = planJob({ kind: 'WRITE', destination: `s3:${bucket}`, services: ['north', 'south'], operations: 300 })
    const { status, body } = await service.client.submit(bodyOf(job), {}, job.destination)
    expect(status).toBe(202)
    expect(body).toMatchObject({ resultsuri: `${service.client.url}/s3-bucket/${bucket}` })
    expect(await service.client.ended(job.jobId)).toMatchObject({ status: 'FINISHED', counts: { operations: countsOf(job) } })
    const objects = await readBucket(installation.s3, bucket, `${job.jobId}/`)
    expect(checkBucket(job, objects)).toEqual([])
    expect(objects).toHaveLength(9)
  })

  const partlyAnswered = 'of which operations fail and nobody answers for some: each is reported with its code (%s)'
  it.each(['topic', 'bucket'])(partlyAnswered, async (type) => {
    const bucket = type === 'bucket' ? await installation.bucket('faulty') : ''
    const destination = type === 'bucket' ? `s3:${bucket}` : `kafka:${results.topic}`
    const job = planJob({ kind: 'READ', destination, services: ['south'], operations: 100, failEvery: 5, unknownEvery: 9 })
    await service.client.submit(bodyOf(job), {}, destination)
    const ended = await service.client.ended(job.jobId)
    expect(ended.counts.operations).toEqual(countsOf(job))
    expect(ended.status).toBe(statusOf(job))
    const found = type === 'bucket'
      ? checkBucket(job, await readBucket(installation.s3, bucket, `${job.jobId}/`))
      : checkTopic(job, await results.settled())
    expect(found).toEqual([])
  })

  it('that names no destination keeps its results on our own topic', async () => {
    const log = await installation.follow(`${installation.prefix}results`)
    const job = planJob({ kind: 'WRITE', destination: null, services: ['north'], operations: 20 })
    const { body } = await service.client.submit(bodyOf(job))
    expect(body).toMatchObject({ resultsuri: `kafka:${log.topic}` })
    expect(await service.client.ended(job.jobId)).toMatchObject({ status: 'FINISHED', destination: null })
    expect(checkTopic(job, await log.settled())).toEqual([])
  })

  it('that nobody answers for at all: every operation is reported by us, the job has failed', async () => {
    const job = planJob({ kind: 'READ', destination: `kafka:${results.topic}`, services: [], operations: 10, unknownEvery: 1 })
    await service.client.submit(bodyOf(job), {}, job.destination)
    expect((await service.client.ended(job.jobId)).status).toBe('FAILED')
    expect(checkTopic(job, await results.settled())).toEqual([])
  })

  it('beside others: twenty at once each end with all of their own', async () => {
    const jobs = Array.from({ length: 20 }, (_, n) =>
      planJob({
        ...{ kind: n % 2 === 0 ? 'READ' : 'WRITE', destination: `kafka:${results.topic}` },
        ...{ services: ['north', 'south'], operations: 40 },
      }),
    )
    const answers = await Promise.all(jobs.map((job) => service.client.submit(bodyOf(job), {}, job.destination)))
    expect(answers.map(({ status }) => status)).toEqual(jobs.map(() => 202))
    const own = jobs.map(isOf)
    await results.until('every job is complete', (records) =>
      own.every((isOwn) => records.some((record) => isOwn(record) && isCompletion(record))),
    )
    const log = await results.settled()
    expect(jobs.flatMap((job) => checkTopic(job, log))).toEqual([])
  })
})
