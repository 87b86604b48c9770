/** Processes of each role are killed at every moment that has a name: nothing is lost, nothing is there twice. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FAILPOINTS } from '../../src/runtime/failpoints.ts'
import { readBucket } from '../harness/bucket-log.ts'
import { tell } from '../harness/chaos.ts'
import { checkBucket, checkTopic } from '../harness/checker.ts'
import type { Child, Exit } from '../harness/children.ts'
import { givenStack } from '../harness/given-stack.ts'
import { Installation } from '../harness/installation.ts'
import { bodyOf, type PlannedJob, planJob } from '../harness/planned-job.ts'
import type { TopicLog } from '../harness/topic-log.ts'
import { until } from '../harness/until.ts'
import { preload } from './world/faults/victims.ts'
import { ServiceSlot } from './world/service-slot.ts'

const PASS_MS_MAX = 180_000
const MORE_WORK_AFTER_MS = 4_000
// Larger than a record.
const LARGE_OPERATIONS = 12_000
const CODE_REJECTED = 104

const lane = (stage: string): readonly string[] => [
  `lane.claim.after@${stage}`, `lane.restore.after@${stage}`, `lane.commit.before@${stage}`, `transaction.end.before@.${stage}.`,
  `lane.commit.after@${stage}`,
]

/** What each process is killed at, one after the other. */
const plan: Readonly<Record<string, readonly string[]>> = {
  facade: [
    'command.write.before', 'command.write.after', 'upload.write.before', 'transaction.end.before@.facade.', 'upload.write.after',
    'projector.apply.before', 'projector.apply.after',
  ],
  coordinator: [...lane('coordinator'), 'effect.conclude.before', 'effect.conclude.after'],
  dispatcher: [...lane('dispatcher'), 'effect.submit.before', 'effect.submit.after', 'sink.put.before'],
  'dispatcher-2': [
    'effect.poll.before', 'effect.poll.after', 'effect.cancel.before', 'effect.cancel.after', 'effect.publish.before',
    'effect.publish.after', 'sink.put.after',
  ],
}
const waves = Math.max(...Object.values(plan).map(({ length }) => length))

let installation: Installation
let slots: ReadonlyMap<string, ServiceSlot>
let results: TopicLog
let bucket: string

beforeAll(async () => {
  installation = await Installation.open('failpoints', givenStack(), {
    DATAJOB_SESSION_TIMEOUT_MS: '2000',
    DATAJOB_HEARTBEAT_INTERVAL_MS: '300',
    DATAJOB_TRANSACTION_TIMEOUT_MS: '1500',
    DATAJOB_SUBJOB_OPERATIONS_MAX: '500',
    DATAJOB_RETRY_DELAY_MAX_MS: '1000',
  })
  results = await installation.resultTopic('results')
  bucket = await installation.bucket('objects')
  slots = new Map(Object.keys(plan).map((name) => [name, slotOf(name)]))
  for (const slot of slots.values()) slot.start()
  const client = await facade()
  for (const name of ['quick', 'slow']) await installation.network(client, name, { 'delay-ms': name === 'slow' ? '4000' : '10..100' })
}, 240_000)

afterAll(async () => {
  await Promise.all([...slots.values()].map((slot) => slot.end()))
  await installation.close()
})

const unexpected: string[] = []

function slotOf(name: string): ServiceSlot {
  const roles = name === 'facade' ? 'facade,projector' : name.replace(/-\d$/, '')
  const ended = (_slot: ServiceSlot, { code, signal }: Exit, wasAsked: boolean): void => {
    if (!wasAsked && signal !== 'SIGKILL') unexpected.push(`${name} ended with ${signal ?? code ?? 'nothing'}`)
  }
  return new ServiceSlot(name, installation, { settings: { DATAJOB_ROLES: roles }, ended })
}

async function facade(): Promise<NonNullable<ServiceSlot['client']>> {
  return until('the facade listens', () => slots.get('facade')?.client, PASS_MS_MAX)
}

/** Until it is taken, whoever dies meanwhile. */
async function submit(job: PlannedJob): Promise<void> {
  await until(`${job.jobId} is taken`, async () => {
    const answer = await (await facade()).submit(bodyOf(job), {}, job.destination).catch(() => null)
    return answer?.status === 202
  })
}

interface Jobs {
  readonly plain: readonly PlannedJob[]
  readonly cancelled: PlannedJob
}

function jobsOf(wave: number, isFirst: boolean): Jobs {
  const topic = `kafka:${results.topic}`
  const isLarge = isFirst && /^upload|\.facade\./.test(plan['facade']?.[wave] ?? '')
  const plain = [
    planJob({ kind: 'READ', destination: topic, services: ['quick', 'slow'], operations: 60 }),
    planJob({ kind: 'WRITE', destination: `s3:${bucket}`, services: ['quick'], operations: 30 }),
    ...(isLarge ? [planJob({ kind: 'WRITE', destination: topic, services: ['quick'], operations: LARGE_OPERATIONS })] : []),
  ]
  return { plain, cancelled: planJob({ kind: 'WRITE', destination: topic, services: ['slow'], operations: 40 }) }
}

/** Cancels it when its producer has begun. */
async function cancel({ jobId }: PlannedJob): Promise<void> {
  await until(`${jobId} is cancelled`, async () => {
    const client = await facade()
    const { body } = await client.status(jobId).catch(() => ({ body: null }))
    const { status, startedAt } = (body ?? {}) as { readonly status?: string; readonly startedAt?: string | null }
    if (status !== undefined && /FINISHED|FAILED|CANCEL/.test(status)) return true
    if (startedAt === null || startedAt === undefined) return false
    const answer = await client.request('DELETE', `/ranoam/cm/v1/dataJob/${jobId}`).catch(() => null)
    return answer?.status === 202 || answer?.status === 409
  })
}

/** Kills a process of each role at its point of the wave; what there is to do makes them pass it. */
async function playWave(wave: number): Promise<readonly Jobs[]> {
  const armed: { readonly point: string; readonly child: Child }[] = []
  for (const [name, slot] of slots) {
    const point = plan[name]?.[wave]
    if (point === undefined) continue
    armed.push({ point, child: await slot.replace({ settings: preload('failpoint', { CHAOS_FAILPOINT: `${point}:1` }) }) })
  }
  const sets: Jobs[] = []
  // Whose lanes the work of one set comes to, nobody knows: there is more of it until all of them have had their part.
  await until(`processes die at ${armed.map(({ point }) => point).join(', ')}`, async () => {
    const jobs = jobsOf(wave, sets.length === 0)
    sets.push(jobs)
    await Promise.all([...jobs.plain, jobs.cancelled].map(submit))
    await cancel(jobs.cancelled)
    return until('they die', () => armed.every(({ child }) => !child.isRunning), MORE_WORK_AFTER_MS).catch(() => false)
  }, PASS_MS_MAX)
  for (const { child } of armed) expect(await child.exited).toEqual({ code: null, signal: 'SIGKILL' })
  return sets
}

describe('kill -9 at every failpoint', () => {
  it('is tried at all of them', () => {
    const tried = Object.values(plan).flat().map((point) => point.replace(/@.*/, ''))
    expect([...new Set(tried)].sort()).toEqual(Object.keys(FAILPOINTS).sort())
  })

  it('loses nothing, and does nothing twice', async () => {
    const startedAt = performance.now()
    const played: Jobs[] = []
    for (let wave = 0; wave < waves; wave += 1) {
      played.push(...(await playWave(wave)))
      tell(`failpoints: wave ${wave + 1} of ${waves} after ${(performance.now() - startedAt).toFixed(0)} ms`)
    }
    const plain = played.flatMap((jobs) => jobs.plain)
    const cancelled = played.map((jobs) => jobs.cancelled)
    const client = await facade()
    for (const { jobId } of [...plain, ...cancelled]) await client.ended(jobId, 60_000)
    tell(`failpoints: ${plain.length + cancelled.length} jobs ended after ${(performance.now() - startedAt).toFixed(0)} ms`)
    const log = await results.settled()
    const found = plain.filter(({ destination }) => destination !== `s3:${bucket}`).flatMap((job) => checkTopic(job, log))
    for (const job of plain.filter(({ destination }) => destination === `s3:${bucket}`)) {
      found.push(...checkBucket(job, await readBucket(installation.s3, bucket, `${job.jobId}/`)))
    }
    found.push(...cancelled.flatMap((job) => checkTopic(job, log, { codes: [CODE_REJECTED], cancelled: true })))
    expect([...found, ...unexpected]).toEqual([])
  }, 1_200_000)
})
