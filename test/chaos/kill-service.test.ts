/** The only service process is killed again and again: clients see every result once all the same. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readBucket } from '../harness/bucket-log.ts'
import { QUICK_SESSIONS, seededChaos, tell } from '../harness/chaos.ts'
import { checkBucket, checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { bodyOf, FAILING_CELLS, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'

const KILLS = 5
const DATA_FOLDER = 'data'

let installation: Installation
let results: TopicLog
let bucket: string

beforeAll(async () => {
  installation = await Installation.open('kills', givenStack(), { ...QUICK_SESSIONS, DATAJOB_SUBJOB_OPERATIONS_MAX: '8' })
  results = await installation.resultTopic('results')
  bucket = await installation.bucket('objects')
})

afterAll(async () => {
  await installation.close()
})

function start(round: number): Promise<Service> {
  return installation.service(`service-${round}`, { dataFolder: join(installation.folder, DATA_FOLDER) })
}

/** Three jobs: to the topic, to the bucket, and one of which a part fails. */
function threeJobs(): readonly PlannedJob[] {
  const topic = `kafka:${results.topic}`
  return [
    planJob({ kind: 'READ', destination: topic, services: ['north', 'south'], operations: 200 }),
    planJob({ kind: 'WRITE', destination: `s3:${bucket}`, services: ['north', 'south'], operations: 120 }),
    planJob({ kind: 'READ', destination: topic, services: ['south'], operations: 100, failEvery: 4, unknownEvery: 7 }),
  ]
}

describe('kill -9 of the only service process, at any moment', () => {
  it(`${KILLS} times: every operation arrives once, the last word is the last, counts agree`, async () => {
    const chaos = seededChaos('kill-service')
    const jobs: PlannedJob[] = []
    let service = await start(0)
    await service.client.ready()
    await installation.network(service.client, 'north', { 'delay-ms': '100..1500' })
    await installation.network(service.client, 'south', { 'delay-ms': '100..1500', 'fail-operations': FAILING_CELLS })
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const fresh = threeJobs()
      jobs.push(...fresh)
      // Whether one that is under way is taken before the kill, nobody knows; it is sent again in the end.
      const submissions = fresh.map((job) => service.client.submit(bodyOf(job), {}, job.destination).catch(() => null))
      if (chaos.chance(0.7)) await Promise.all(submissions)
      await sleep(chaos.between(0, 2_000))
      await service.child.kill()
      await Promise.all(submissions)
      if (chaos.chance(0.3)) rmSync(join(installation.folder, DATA_FOLDER), { recursive: true, force: true })
      const killedAt = performance.now()
      service = await start(kill)
      const listening = performance.now() - killedAt
      // Not always: the next kill then hits a process that is still restoring.
      if (kill === KILLS || chaos.chance(0.6)) {
        await service.client.ready()
        tell(`kill ${kill}: listened after ${listening.toFixed(0)} ms, all lanes ran after ${(performance.now() - killedAt).toFixed(0)} ms`)
      }
    }
    const answers = await Promise.all(jobs.map((job) => service.client.submit(bodyOf(job), {}, job.destination)))
    expect(answers.map(({ status }) => status), `seed ${chaos.seed}`).toEqual(jobs.map(() => 202))
    for (const { jobId } of jobs) await service.client.ended(jobId)
    const log = await results.settled()
    const found = jobs.filter(({ destination }) => destination !== `s3:${bucket}`).flatMap((job) => checkTopic(job, log))
    for (const job of jobs.filter(({ destination }) => destination === `s3:${bucket}`)) {
      found.push(...checkBucket(job, await readBucket(installation.s3, bucket, `${job.jobId}/`)))
    }
    expect(found, `seed ${chaos.seed}`).toEqual([])
  }, 120_000)
})
