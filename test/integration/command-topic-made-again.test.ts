/** Somebody deletes the command topic and makes it again, under a service that runs. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { NcmpJob } from '../../src/rest/dialects/ncmp/schemas.ts'
import { QUICK_SESSIONS } from '../harness/chaos.ts'
import { checkTopic } from '../harness/checker.ts'
import { partitionOfKey } from '../../src/kafka/kafkajs/murmur2.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, PARTITIONS, type Service } from '../harness/installation.ts'
import { bodyOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

const BACK_MS_MAX = 30_000
/** EX_TEMPFAIL, as sysexits.h has it: whoever runs the service starts it again. */
const EXIT_STUCK = 75

let installation: Installation
let service: Service
let results: TopicLog

beforeAll(async () => {
  // The jobs that are handed in once the topic is there again are taken before the process ends.
  installation = await Installation.open('again', givenStack(), { ...QUICK_SESSIONS, DATAJOB_PROGRESS_TIMEOUT_MS: '15000' })
  service = await installation.service('service')
  await service.client.ready()
  await installation.network(service.client, 'north', { 'delay-ms': '2000..4000' })
  results = await installation.resultTopic('results')
})

afterAll(() => installation.close())

function planned(partition: number): PlannedJob {
  let jobId = randomUUID()
  while (partitionOfKey(jobId, PARTITIONS) !== partition) jobId = randomUUID()
  return planJob({ kind: 'READ', destination: `kafka:${results.topic}`, services: ['north'], operations: 10, jobId })
}

/** One for each partition of the command topic. */
function plannedEverywhere(): readonly PlannedJob[] {
  return Array.from({ length: PARTITIONS }, (_, partition) => planned(partition))
}

async function submit(job: PlannedJob): Promise<number> {
  return (await service.client.submit(bodyOf(job), {}, job.destination)).status
}

describe('the command topic', () => {
  it('deleted and made again: nothing is taken meanwhile; the service notices, ends to be started again, and all jobs end', async () => {
    const jobs = plannedEverywhere()
    for (const job of jobs) expect(await submit(job)).toBe(202)
    for (const { jobId } of jobs) {
      const isTaken = async (): Promise<boolean> => ((await service.client.status(jobId)).body as NcmpJob).status !== 'NOT_STARTED'
      await until(`job ${jobId} is taken`, isTaken, BACK_MS_MAX)
    }
    await installation.withAdmin((admin) => admin.deleteTopics({ topics: [`${installation.prefix}commands`] }))
    // A broker answers the deletion before its partitions know of it: until then it takes records, and they go with the topic.
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      await until(`partition ${partition} is refused`, async () => (await submit(planned(partition))) === 503, BACK_MS_MAX)
    }
    for (const job of plannedEverywhere()) expect(await submit(job)).toBe(503)
    await installation.applyTopics()
    // As many records in each partition as there were before: where they end says nothing.
    const meanwhile = plannedEverywhere()
    for (const job of meanwhile) await until('jobs are taken again', async () => (await submit(job)) === 202, BACK_MS_MAX)
    expect((await service.child.exited).code).toBe(EXIT_STUCK)
    expect(service.child.log().join('\n')).toMatch(/waiting for the topic that was there before: another one has its name/)
    service = await installation.service('service')
    await service.client.ready()
    const later = planned(0)
    expect(await submit(later)).toBe(202)
    for (const { jobId } of [...jobs, ...meanwhile, later]) {
      expect(await service.client.ended(jobId, BACK_MS_MAX)).toMatchObject({ status: 'FINISHED', message: null })
    }
    const log = await results.settled()
    expect([...jobs, ...meanwhile, later].flatMap((job) => checkTopic(job, log))).toEqual([])
  }, 240_000)
})
