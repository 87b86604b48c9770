/**
 * One of three brokers goes away while two are there: what it led and coordinated moves, and work goes on. Which one, and in which way, the
 * seed says; `npm run chaos` tries them all.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { killServer, type OneServer, pauseServer, resumeServer, stopServer } from '../../stack/one-server.ts'
import { asEnvironment, ensureStack, type StackOptions, stopStack } from '../../stack/stack.ts'
import { type BrokerName, brokerNames } from '../../stack/state.ts'
import { seededRandom } from '../../src/runtime/random.ts'
import { readBucket } from '../harness/bucket-log.ts'
import { type Chaos, QUICK_SESSIONS, seededChaos, tell } from '../harness/chaos.ts'
import { checkBucket, checkTopic } from '../harness/checker.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation, type Service } from '../harness/installation.ts'
import { Network } from '../harness/network.ts'
import { bodyOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'

const SERVICES = ['north', 'south']
const SESSION_MS = Number(QUICK_SESSIONS.DATAJOB_SESSION_TIMEOUT_MS)
const END_MS_MAX = 90_000

/** How a broker goes away, and how it comes back; work has to go on in between. */
interface Absence {
  readonly name: string
  readonly begin: (server: OneServer) => Promise<void>
  readonly end: (server: OneServer) => Promise<unknown>
}

const folder = mkdtempSync(join(tmpdir(), 'datajob-chaos-brokers-'))
let chaos: Chaos
let stack: StackOptions
let network: Network
let installation: Installation
let services: readonly Service[]
let results: TopicLog
let bucket: string
const jobs: PlannedJob[] = []

const absences: readonly Absence[] = [
  { name: 'kill -9', begin: killServer, end: () => ensureStack(stack) },
  { name: 'a clean stop', begin: stopServer, end: () => ensureStack(stack) },
  { name: 'SIGSTOP', begin: pauseServer, end: resumeServer },
]

beforeAll(async () => {
  chaos = seededChaos('three-brokers')
  const shared = givenStack()
  const given = { ...asEnvironment({ ...shared, s3Region: 'us-east-1' }), DATAJOB_KAFKA_BROKERS: '' }
  stack = { folder, lifetime: 'process', brokers: 3, env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...given } }
  const own = await ensureStack(stack)
  network = await Network.open(own, seededRandom(chaos.seed))
  installation = await Installation.open('brokers', own, { ...QUICK_SESSIONS, ...network.settings, DATAJOB_SUBJOB_OPERATIONS_MAX: '5' })
  results = await installation.resultTopic('results')
  bucket = await installation.bucket('objects')
  services = await Promise.all(['one', 'two'].map((name) => installation.service(name)))
  for (const { client } of services) await client.ready()
  for (const name of SERVICES) await installation.network(services[0]!.client, name, { 'delay-ms': '100..3000' })
}, 240_000)

afterAll(async () => {
  await installation.close()
  await network.close()
  await stopStack({ ...stack, discard: true })
  rmSync(folder, { recursive: true, force: true })
})

/** Sends it on until it is taken. */
async function submit(kind: PlannedJob['kind'], operations: number): Promise<PlannedJob> {
  const destination = kind === 'READ' ? `kafka:${results.topic}` : `s3:${bucket}`
  const job = planJob({ kind, destination, services: SERVICES, operations })
  const { client } = services[jobs.length % services.length]!
  await until(`${job.jobId} is taken`, async () => (await client.submit(bodyOf(job), {}, destination)).status === 202, END_MS_MAX)
  jobs.push(job)
  return job
}

async function ended({ jobId }: PlannedJob): Promise<void> {
  expect((await services[0]!.client.ended(jobId, END_MS_MAX)).status).toBe('FINISHED')
}

async function absent(name: BrokerName, { name: how, begin, end }: Absence): Promise<void> {
  await submit('READ', 100)
  await submit('WRITE', 40)
  await sleep(chaos.between(0, 1_000))
  const began = performance.now()
  await begin({ folder, name })
  const meanwhile = [await submit('READ', 20), await submit('WRITE', 20)]
  const taken = performance.now()
  for (const job of meanwhile) await ended(job)
  const finished = performance.now()
  await sleep(Math.max(0, began + SESSION_MS + 1_000 - finished))
  await end({ folder, name })
  const ms = (from: number, to: number): string => `${(to - from).toFixed(0)} ms`
  tell(`${name}, ${how}: without it jobs were taken within ${ms(began, taken)}, and ended ${ms(taken, finished)} after that`)
}

describe('while one of three brokers is away', () => {
  it('jobs are taken and end, and every operation arrives once', async () => {
    const name = brokerNames[chaos.between(0, brokerNames.length - 1)]!
    await absent(name, absences[chaos.between(0, absences.length - 1)]!)
    for (const job of jobs) await ended(job)
    for (const { client } of services) await client.ready()
    const log = await results.settled(END_MS_MAX)
    const found: string[] = []
    for (const job of jobs) {
      if (job.kind === 'READ') found.push(...checkTopic(job, log))
      else found.push(...checkBucket(job, await readBucket(installation.s3, bucket, `${job.jobId}/`)))
    }
    expect(found, `seed ${chaos.seed}`).toEqual([])
    expect(network.problems).toEqual([])
    expect(services.every(({ child }) => child.isRunning)).toBe(true)
  }, 300_000)
})
