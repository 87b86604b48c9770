/** All that a service says to its servers goes through proxies that make it bad: what comes of its jobs is right all the same. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { seededRandom } from '../../src/runtime/random.ts'
import { readBucket } from '../harness/bucket-log.ts'
import { type Chaos, QUICK_SESSIONS, seededChaos, tell } from '../harness/chaos.ts'
import { checkBucket, checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { Network } from '../harness/network.ts'
import { drawFaults, networkFault } from '../harness/network-faults.ts'
import { bodyOf, handlesOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

const SERVICES = ['north', 'south']
const END_MS_MAX = 60_000

let chaos: Chaos
let network: Network
let installation: Installation
let service: Service
let results: TopicLog
let bucket: string

beforeAll(async () => {
  chaos = seededChaos('network')
  network = await Network.open(givenStack(), seededRandom(chaos.seed))
  installation = await Installation.open('network', givenStack(), {
    ...QUICK_SESSIONS,
    ...network.settings,
    DATAJOB_SUBJOB_OPERATIONS_MAX: '5',
    DATAJOB_CALL_TIMEOUT_MS: '2000',
    DATAJOB_RETRY_DELAY_MAX_MS: '1000',
    // With waits that short, ten attempts at a plugin that refuses connections can be over sooner than the faults are.
    DATAJOB_ATTEMPTS_MAX: '100',
  })
  results = await installation.resultTopic('results')
  bucket = await installation.bucket('objects')
  service = await installation.service('service')
  await service.client.ready()
  for (const name of SERVICES) {
    const { url } = await installation.producer(name, { 'delay-ms': '100..1500' })
    await service.client.registerService(name, await network.plugin(url))
    await service.client.registerHandles(name, handlesOf(name))
  }
})

afterAll(async () => {
  await installation.close()
  await network.close()
})

function plan(kind: PlannedJob['kind'], operations: number): PlannedJob {
  const destination = kind === 'READ' ? `kafka:${results.topic}` : `s3:${bucket}`
  return planJob({ kind, destination, services: SERVICES, operations })
}

/** Sends it on until it is taken; a client that got no clear answer does so, too. */
async function submit(job: PlannedJob): Promise<void> {
  await until(`${job.jobId} is taken`, async () => {
    const answer = await service.client.submit(bodyOf(job), {}, job.destination).catch(() => null)
    if (answer !== null && answer.status !== 202) expect([answer.status, answer.headers.has('retry-after')]).toEqual([503, true])
    return answer?.status === 202
  }, END_MS_MAX)
}

async function check(jobs: readonly PlannedJob[]): Promise<readonly string[]> {
  const log = await results.settled()
  const found = await Promise.all(jobs.map(async (job) => {
    if (job.kind === 'READ') return checkTopic(job, log)
    return checkBucket(job, await readBucket(installation.s3, bucket, `${job.jobId}/`))
  }))
  return found.flat()
}

interface Weather {
  readonly name: string
  readonly faults: readonly string[]
  readonly holdMs: number
}

// One of each server's at a time: they do not know of each other, and neither does the service.
const weathers: readonly Weather[] = [
  {
    name: 'answers to commits, stored objects and submissions lost',
    faults: ['answers to EndTxn lost', 'the answer to a stored object lost', 'the answer to a submission lost'],
    holdMs: 1_500,
  },
  {
    name: 'connections reset instead of answers, now and then',
    faults: ['answers to commits lost with their connection, now and then', 'the object store overloaded', 'the answers of plugins lost'],
    holdMs: 3_000,
  },
  {
    name: 'everything half-open for longer than sessions and patience last',
    faults: ['links to brokers half-open', 'links to the object store half-open', 'links to plugins half-open'],
    holdMs: 7_000,
  },
  {
    name: 'brokers and the object store away',
    faults: ['links to brokers refused', 'links to the object store refused'],
    holdMs: 4_000,
  },
]

/** Begins the faults amid work, hands in more of it, and ends them after a while; judges all of it. */
async function through({ name, faults, holdMs }: Weather, begun: (met: readonly (() => number)[]) => Promise<void>): Promise<void> {
  const before = [plan('READ', 60), plan('WRITE', 40)]
  for (const job of before) await submit(job)
  const met = await Promise.all(faults.map((fault) => networkFault(fault).begin(network)))
  const meanwhile = [plan('READ', 30), plan('WRITE', 20)]
  const taken = Promise.all(meanwhile.map(submit))
  await begun(met)
  await sleep(holdMs)
  const counts = met.map((count) => count())
  await network.heal()
  const healedAt = performance.now()
  await taken
  for (const { jobId } of [...before, ...meanwhile]) {
    const { status, message } = await service.client.ended(jobId, END_MS_MAX)
    expect({ status, message }, `seed ${chaos.seed}: ${name}`).toMatchObject({ status: 'FINISHED' })
  }
  tell(`${name}: met ${counts.join(', ')} times, all jobs ended ${(performance.now() - healedAt).toFixed(0)} ms after it`)
  expect(await check([...before, ...meanwhile]), `seed ${chaos.seed}`).toEqual([])
  await service.client.ready()
  expect(network.problems).toEqual([])
  expect(service.child.isRunning).toBe(true)
}

describe('what a service says to its servers', () => {
  it.each(weathers)('$name: every operation arrives once, and the service goes on', async (weather) => {
    const { faults } = weather
    await through(weather, async (met) => {
      await until(`something has met with each of ${faults.join(', ')}`, () => met.every((count) => count() > 0))
    })
  }, 300_000)

  it('whatever the seed draws: every operation arrives once, and the service goes on', async () => {
    const faults = drawFaults(chaos)
    // Some are met with only when a group changes, say.
    await through({ name: faults.join(', '), faults, holdMs: 3_000 }, () => Promise.resolve())
  }, 300_000)
})

describe('a service that starts', () => {
  it('where brokers lose answers: it becomes ready, and takes its share', async () => {
    const apis = ['JoinGroup', 'SyncGroup', 'InitProducerId']
    const faults = apis.map((api) => `answers to ${api} lost with their connection`)
    const met = await Promise.all(faults.map((fault) => networkFault(fault).begin(network)))
    const second = await installation.service('second')
    const jobs = [plan('READ', 60), plan('WRITE', 40)]
    for (const job of jobs) await submit(job)
    for (const { jobId } of jobs) expect((await second.client.ended(jobId, END_MS_MAX)).status).toBe('FINISHED')
    await second.client.ready()
    expect(met.map((count) => count() > 0)).toEqual(apis.map(() => true))
    await network.heal()
    expect(await check(jobs), `seed ${chaos.seed}`).toEqual([])
    expect(network.problems).toEqual([])
  }, 300_000)
})
