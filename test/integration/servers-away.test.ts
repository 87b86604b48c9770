/** What the facade does while the servers that it needs are away, and that it needs nobody's help when they are back. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { killServer, pauseServer, resumeServer } from '../../stack/one-server.ts'
import { choosePorts } from '../../stack/ports.ts'
import { ensureStack, type StackOptions, stopStack } from '../../stack/stack.ts'
import { QUICK_SESSIONS } from '../harness/chaos.ts'
import { Installation } from '../harness/installation.ts'
import { type Answer, ServiceClient } from '../harness/service-client.ts'
import { until } from '../harness/until.ts'

/** What a client that waits for Kafka is answered within (rest/limits.ts, `backendTimeoutMs`), and what a busy machine adds. */
const ANSWER_MS_MAX = 10_000 + 5_000
/** What a reader is answered within. */
const READ_MS_MAX = 5_000
const BACK_MS_MAX = 60_000

const folder = mkdtempSync(join(tmpdir(), 'datajob-away-'))
let stack: StackOptions
let installation: Installation
let client: ServiceClient

beforeAll(async () => {
  // Servers of its own: all of them are taken away.
  stack = { folder, lifetime: 'process', env: { PATH: process.env['PATH'], HOME: process.env['HOME'] } }
  installation = await Installation.open('away', await ensureStack(stack), QUICK_SESSIONS)
}, 120_000)

afterAll(async () => {
  await installation.close()
  await stopStack({ ...stack, discard: true })
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

function submit(jobId: string, destination: string | null = null): Promise<Answer> {
  return client.submit({ jobId, data: [{ op: 'read', path: '/ManagedElement=1', operationId: '1' }] }, {}, destination)
}

/** How a call was answered, and that it was in time. */
async function within(msMax: number, call: Promise<Answer>): Promise<Answer> {
  const before = performance.now()
  const answer = await call
  expect(performance.now() - before, `an answer within ${msMax} ms`).toBeLessThan(msMax)
  return answer
}

async function isToldToComeBack(call: Promise<Answer>, msMax: number): Promise<void> {
  const { status, headers } = await within(msMax, call)
  expect([status, headers.get('retry-after')]).toEqual([503, '2'])
}

/** Everything that holds while Kafka is away. */
async function servesWithoutKafka(known: string): Promise<void> {
  await Promise.all([
    isToldToComeBack(submit(randomUUID()), ANSWER_MS_MAX),
    isToldToComeBack(client.status(randomUUID()), READ_MS_MAX),
    // A count is good for a second.
    until('nobody knows how far behind it is', async () => {
      const { status, headers } = await within(READ_MS_MAX, client.status(known))
      expect(status).toBe(200)
      return headers.get('datajob-records-behind') === 'unknown'
    }),
    within(READ_MS_MAX, client.request('GET', '/ranoam/cm/v1/dataJob')).then(({ status }) => {
      expect(status).toBe(200)
    }),
    within(READ_MS_MAX, client.request('GET', '/livez')).then(({ status }) => {
      expect(status).toBe(200)
    }),
    within(READ_MS_MAX, client.request('GET', '/readyz')).then(({ status }) => {
      expect(status).toBe(503)
    }),
  ])
}

async function takesJobsAgain(): Promise<void> {
  const jobId = randomUUID()
  await until('jobs are taken again', async () => (await submit(jobId)).status === 202, BACK_MS_MAX)
  await client.ended(jobId, BACK_MS_MAX)
}

describe('the facade', () => {
  it('started while Kafka is away: it lives, says that it is not ready, and serves once Kafka is there', async () => {
    await killServer({ folder, name: 'kafka' })
    const [port] = await choosePorts([undefined])
    client = new ServiceClient(`http://127.0.0.1:${port}`)
    const starting = installation.service('service', { port: port ?? 0, settings: { DATAJOB_PROGRESS_TIMEOUT_MS: '10000' } })
    const alive = async (): Promise<boolean> => (await client.request('GET', '/livez').catch(() => null))?.status === 200
    await until('it lives', alive)
    expect((await client.request('GET', '/readyz')).status).toBe(503)
    await isToldToComeBack(submit(randomUUID()), READ_MS_MAX)
    await ensureStack(stack)
    await starting
    await takesJobsAgain()
  }, 240_000)

  it('says so while Kafka is away or says nothing, answers what it knows, and serves again by itself', async () => {
    const known = randomUUID()
    expect((await submit(known)).status).toBe(202)
    await client.ended(known)
    await killServer({ folder, name: 'kafka' })
    await servesWithoutKafka(known)
    await ensureStack(stack)
    await takesJobsAgain()
    await pauseServer({ folder, name: 'kafka' })
    await servesWithoutKafka(known)
    await resumeServer({ folder, name: 'kafka' })
    await takesJobsAgain()
    await client.ready()
  }, 360_000)

  it('takes jobs without the registry and the object store, unless they are for a bucket', async () => {
    const bucket = await installation.bucket('objects')
    await killServer({ folder, name: 'registry' })
    await killServer({ folder, name: 's3' })
    await takesJobsAgain()
    await isToldToComeBack(submit(randomUUID(), `s3:${bucket}`), ANSWER_MS_MAX)
  }, 240_000)
})
