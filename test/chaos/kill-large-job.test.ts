/** The only service process is killed while it takes in a large job, and again while results come: nothing is lost or doubled. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCodec } from '../../src/codec/codec.ts'
import type { Message } from '../../src/domain/messages.ts'
import type { Operation } from '../../src/domain/operation.ts'
import { createKafkaClient } from '../../src/kafka/kafkajs/client.ts'
import { topicNames } from '../../src/kafka/topics.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { QUICK_SESSIONS, seededChaos, tell } from '../harness/chaos.ts'
import { checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation } from '../harness/installation.ts'
import { recordsOf } from '../harness/job-in-parts.ts'
import { FAILING_CELLS, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'

const OPERATIONS = 100_000
// Most of the job then waits in files.
const OPERATIONS_MEMORY_BYTES = 2 * 1024 * 1024

let installation: Installation
let results: TopicLog

beforeAll(async () => {
  const settings = { DATAJOB_OPERATIONS_MEMORY_BYTES_MAX: String(OPERATIONS_MEMORY_BYTES) }
  installation = await Installation.open('kill-large', givenStack(), { ...QUICK_SESSIONS, ...settings })
  results = await installation.resultTopic('results')
})

afterAll(async () => {
  await installation.close()
})

/** Writes the job as a client of the command topic does: all records of it in one transaction. */
async function submitInParts(job: PlannedJob): Promise<number> {
  const { kafkaBrokers, registryUrl } = givenStack()
  const ignore = (): void => undefined
  const logger = { debug: ignore, info: ignore, warn: ignore }
  const kafka = createKafkaClient({ brokers: kafkaBrokers.split(','), clientId: 'kill-large', logger, transactionTimeoutMs: 60_000 })
  const codec = await createCodec({ url: registryUrl, requestTimeoutMs: 5_000, retriesMax: 3 }, { schemas: 'register', clock: systemClock })
  const operations = job.operations.map(({ operationId, op, path, value }): Operation => {
    return { operationId, op, path, value: value === undefined ? null : JSON.stringify(value), options: null }
  })
  const encode = (message: Message): Buffer => codec.encode(message)
  const records = recordsOf({ ...job, operations }, { topic: topicNames(installation.prefix).commands, encode })
  const producer = await kafka.transactionalProducer(`${installation.prefix}client`)
  await producer.commit({ records, offsets: [], groupId: '' })
  await producer.close()
  return records.length - 1
}

describe('kill -9 of the only service process in the middle of a job in parts', () => {
  it(`${OPERATIONS} operations: each arrives once, the last word is the last, counts agree`, async () => {
    const chaos = seededChaos('kill-large-job')
    const job = planJob({
      ...{ kind: 'WRITE', destination: `kafka:${results.topic}`, services: ['north', 'south'], operations: OPERATIONS },
      ...{ failEvery: 1_000, unknownEvery: 777 },
    })
    let service = await installation.service('service-0')
    await service.client.ready()
    await installation.network(service.client, 'north', { 'delay-ms': '50..300', 'fail-operations': FAILING_CELLS })
    await installation.network(service.client, 'south', { 'delay-ms': '50..300', 'fail-operations': FAILING_CELLS })
    const parts = await submitInParts(job)
    await sleep(chaos.between(0, 2_000))
    await service.child.kill()
    tell(`killed after the submission in ${parts} parts, with ${results.records.length} results there`)
    service = await installation.service('service-1')
    const enough = results.records.length + chaos.between(1, 40)
    await results.until(`${enough} results are there`, ({ length }) => length >= enough, 120_000)
    await service.child.kill()
    tell(`killed with ${results.records.length} results there`)
    service = await installation.service('service-2')
    await service.client.ended(job.jobId, 240_000)
    expect(checkTopic(job, await results.settled()), `seed ${chaos.seed}`).toEqual([])
  }, 600_000)
})
