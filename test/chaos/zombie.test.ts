/** A process that is paused for longer than its session lasts wakes up as somebody whose work others have taken over. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBucket } from '../harness/bucket-log.ts'
import { QUICK_SESSIONS, tell } from '../harness/chaos.ts'
import { checkBucket, checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, PARTITIONS, type Service } from '../harness/installation.ts'
import { bodyOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

const SERVICES = ['north', 'south']
const END_MS_MAX = 60_000

let installation: Installation
let staying: Service
let pausing: Service
let results: TopicLog
let bucket: string

beforeAll(async () => {
  installation = await Installation.open('zombie', givenStack(), { ...QUICK_SESSIONS, DATAJOB_SUBJOB_OPERATIONS_MAX: '5' })
  results = await installation.resultTopic('results')
  bucket = await installation.bucket('objects')
  const started = await Promise.all([installation.service('staying'), installation.service('pausing')])
  staying = started[0]
  pausing = started[1]
  await staying.client.ready()
  await pausing.client.ready()
  for (const name of SERVICES) await installation.network(staying.client, name, { 'delay-ms': '100..6000' })
})

afterAll(async () => {
  await installation.close()
})

/** The lanes of each stage that the group gave the process last. */
function lanesOf({ child }: Service): Readonly<Record<string, number>> {
  const lines = child.log().filter((line) => line.includes('"lanes assigned"'))
  const assigned = lines.map((line) => JSON.parse(line) as { readonly stage: string; readonly partitions: readonly number[] })
  return Object.fromEntries(assigned.map(({ stage, partitions }) => [stage, partitions.length]))
}

async function submit({ client }: Service, destination: string, operations: number): Promise<PlannedJob> {
  const job = planJob({ kind: destination.startsWith('s3:') ? 'WRITE' : 'READ', destination, services: SERVICES, operations })
  expect((await client.submit(bodyOf(job), {}, destination)).status).toBe(202)
  return job
}

describe('SIGSTOP of one of two processes beyond its session, then SIGCONT', () => {
  it('the zombie publishes nothing, and is a useful member again', async () => {
    const onTopic = [await submit(pausing, `kafka:${results.topic}`, 200), await submit(staying, `kafka:${results.topic}`, 200)]
    const inBucket = await submit(pausing, `s3:${bucket}`, 80)
    await until('work is under way', () => results.records.length > 10)
    pausing.child.signal('SIGSTOP')
    const pausedAt = performance.now()
    const all = { bulk: 1, coordinator: PARTITIONS, dispatcher: PARTITIONS, notifier: PARTITIONS }
    const everything = JSON.stringify(Object.entries(all))
    await until('the other has all lanes', () => JSON.stringify(Object.entries(lanesOf(staying)).sort()) === everything)
    await staying.client.ready()
    tell(`zombie: all lanes ran elsewhere ${(performance.now() - pausedAt).toFixed(0)} ms after the pause began`)
    // On a slow machine all of them may have ended by now: there is work when it wakes up.
    onTopic.push(await submit(staying, `kafka:${results.topic}`, 200))
    const before = pausing.child.log().length
    pausing.child.signal('SIGCONT')
    await until('the zombie has noticed', () => pausing.child.log().slice(before).some((line) => line.includes('lanes assigned')))
    for (const { jobId } of [...onTopic, inBucket]) expect((await staying.client.ended(jobId, END_MS_MAX)).status).toBe('FINISHED')
    const log = await results.settled()
    expect(onTopic.flatMap((job) => checkTopic(job, log))).toEqual([])
    expect(checkBucket(inBucket, await readBucket(installation.s3, bucket, `${inBucket.jobId}/`))).toEqual([])

    const halves = ({ bulk: _one, ...others }: Readonly<Record<string, number>>): boolean => {
      return Object.values(others).every((count) => count === PARTITIONS / 2)
    }
    await until('both have their share', () => halves(lanesOf(pausing)))
    await pausing.client.ready()
    await staying.child.stopCleanly()
    const job = await submit(pausing, `kafka:${results.topic}`, 40)
    expect((await pausing.client.ended(job.jobId)).status).toBe('FINISHED')
    expect(checkTopic(job, await results.settled())).toEqual([])
  }, 240_000)
})
