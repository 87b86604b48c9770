/** The only broker is killed, or restarted as it should be, in the middle: everything goes on by itself once it is back. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { killServer, stopServer } from '../../stack/one-server.ts'
import { asEnvironment, ensureStack, type StackOptions, stopStack } from '../../stack/stack.ts'
import { readBucket } from '../harness/bucket-log.ts'
import { QUICK_SESSIONS, seededChaos, tell } from '../harness/chaos.ts'
import { checkBucket, checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

/** How it ends, each time. */
const ENDS = [
  { name: 'kill -9', end: killServer },
  { name: 'kill -9 again', end: killServer },
  { name: 'a clean stop', end: stopServer },
] as const
const SERVICES = ['north', 'south']

const folder = mkdtempSync(join(tmpdir(), 'datajob-chaos-broker-'))
let stack: StackOptions
let installation: Installation
let service: Service
let results: TopicLog
let bucket: string

beforeAll(async () => {
  const shared = givenStack()
  // A broker of its own, beside the registry and the object store of the run.
  const given = { ...asEnvironment({ ...shared, s3Region: 'us-east-1' }), DATAJOB_KAFKA_BROKERS: '' }
  stack = { folder, lifetime: 'process', env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...given } }
  const own = await ensureStack(stack)
  installation = await Installation.open('broker', own, { ...QUICK_SESSIONS, DATAJOB_SUBJOB_OPERATIONS_MAX: '5' })
  results = await installation.resultTopic('results')
  bucket = await installation.bucket('objects')
  service = await installation.service('service')
  await service.client.ready()
  for (const name of SERVICES) await installation.network(service.client, name, { 'delay-ms': '100..4000' })
}, 240_000)

afterAll(async () => {
  await installation.close()
  await stopStack({ ...stack, discard: true })
  rmSync(folder, { recursive: true, force: true })
})

describe('the only broker', () => {
  it('killed twice and restarted in the middle of work: nobody gets a wrong answer, and every operation arrives once', async () => {
    const chaos = seededChaos('kill-broker')
    const destination = `kafka:${results.topic}`
    const plan = (operations: number): PlannedJob => planJob({ kind: 'READ', destination, services: SERVICES, operations })
    const onTopic = [plan(400)]
    const inBucket = planJob({ kind: 'WRITE', destination: `s3:${bucket}`, services: SERVICES, operations: 120 })
    for (const job of [...onTopic, inBucket]) expect((await service.client.submit(bodyOf(job), {}, job.destination)).status).toBe(202)
    await until('work is under way', () => results.records.length > 5)
    // What was read of it is known without the broker.
    await until('it is known', async () => (await service.client.status(inBucket.jobId)).status === 200)
    for (const { name, end } of ENDS) {
      await sleep(chaos.between(0, 1_000))
      await end({ folder, name: 'kafka' })
      const job = plan(60)
      onTopic.push(job)
      const answering = service.client.submit(bodyOf(job), {}, destination)
      expect((await service.client.status(inBucket.jobId)).status).toBe(200)
      await ensureStack(stack)
      const backAt = performance.now()
      // The request may have outlasted the broker's absence; if not, its client is told to come back.
      const { status, headers } = await answering
      if (status !== 202) expect([status, headers.get('retry-after')]).toEqual([503, '2'])
      await until('jobs are taken again', async () => (await service.client.submit(bodyOf(job), {}, destination)).status === 202)
      tell(`kill-broker, ${name}: jobs were taken ${(performance.now() - backAt).toFixed(0)} ms after the broker was back`)
      const seen = results.records.length
      await until('results arrive again', () => results.records.length > seen)
      tell(`kill-broker, ${name}: results arrived ${(performance.now() - backAt).toFixed(0)} ms after the broker was back`)
    }
    for (const { jobId } of [...onTopic, inBucket]) expect((await service.client.ended(jobId, 60_000)).status).toBe('FINISHED')
    await service.client.ready()
    const log = await results.settled()
    const found = onTopic.flatMap((job) => checkTopic(job, log))
    found.push(...checkBucket(inBucket, await readBucket(installation.s3, bucket, `${inBucket.jobId}/`)))
    expect(found, `seed ${chaos.seed}`).toEqual([])
    expect(service.child.isRunning).toBe(true)
  }, 480_000)
})
