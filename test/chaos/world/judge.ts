/** Judges a round once its faults are over: everything settles in a bounded time, and every promise was kept. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { NcmpJob } from '../../../src/rest/dialects/ncmp/schemas.ts'
import { readBucket } from '../../harness/bucket-log.ts'
import { checkBucket, checkTopic, isCompletion } from '../../harness/checker.ts'
import type { LoggedRecord, TopicLog } from '../../harness/topic-log.ts'
import { until } from '../../harness/until.ts'
import type { Submissions } from './chaos-client.ts'
import { type ChaosJob, leewayOf } from './chaos-job.ts'
import { callbackIdOf, checkExecutions } from './judge-executions.ts'
import type { World } from './world.ts'

export interface Verdict {
  /** Sentences; none means that all is well. */
  readonly findings: readonly string[]
  readonly accepted: number
  readonly operations: number
  readonly held: number
  readonly executions: number
  /** That came to their subscribers, however often. */
  readonly callbacks: number
  /** From the end of the last fault until the last job had ended, in milliseconds. */
  readonly settledMs: number
}

const SETTLE_MS_MAX = 480_000
const READ_MS_MAX = 60_000
const AGREE_MS_MAX = 60_000
const REQUEST_MS_MAX = 10_000
const SHOWN_MAX = 3
const UNFINISHED = ['NOT_STARTED', 'RUNNING', 'CANCELLING'] as const
const ENDED: readonly string[] = ['FINISHED', 'PARTIALLY_FAILED', 'FAILED', 'CANCELLED']

export async function judge(world: World, submissions: Submissions, results: TopicLog): Promise<Verdict> {
  const startedAt = performance.now()
  const giveUp = AbortSignal.timeout(SETTLE_MS_MAX)
  const { jobs, complaints } = submissions
  const findings = [...complaints]
  const tell = async (work: () => Promise<readonly string[]>): Promise<void> => {
    await work().then((found) => findings.push(...found), (error: unknown) => findings.push(`could not be judged: ${told(error)}`))
  }
  await world.client.settle(jobs, giveUp)
  const accepted = jobs.filter(({ state }) => state === 'accepted')
  findings.push(...jobs.filter(({ state }) => state === 'unclear').map((job) => `${nameOf(job)} got no clear answer in time`))
  const statuses = new Map<ChaosJob, NcmpJob>()
  for (const job of accepted) {
    const status = await ended(world, job, giveUp)
    if (status.ended) statuses.set(job, status.job)
    else findings.push(`${nameOf(job)} has not ended: ${status.last}`)
  }
  const settledMs = performance.now() - startedAt
  await tell(async () => {
    await world.ready(Math.max(1_000, SETTLE_MS_MAX - settledMs))
    return []
  })
  let toldOf = { executions: 0, callbacks: 0 }
  await tell(async () => {
    const { findings: found, ...counts } = await checkExecutions(world, giveUp)
    toldOf = counts
    return found
  })
  await tell(() => checkDestinations(world, { jobs, statuses, results }))
  await tell(() => checkProcesses(world, statuses))
  await tell(() => checkLetters(world, jobs))
  const operations = accepted.reduce((sum, { planned }) => sum + planned.operations.length, 0)
  const held = accepted.filter(({ errand }) => errand === 'hold').length
  return { findings: [...new Set(findings)], accepted: accepted.length, operations, held, ...toldOf, settledMs }
}

function nameOf({ planned, door, errand, odd }: ChaosJob): string {
  const { jobId, kind, destination, operations } = planned
  return `job ${[jobId, door, kind, destination ?? 'no destination', operations.length, errand, odd ? 'odd' : 'true'].join(', ')}`
}

type Ending = { readonly ended: true; readonly job: NcmpJob } | { readonly ended: false; readonly last: string }

/** The job once it has ended in the last run that was asked for. */
async function ended({ slots }: World, job: ChaosJob, giveUp: AbortSignal): Promise<Ending> {
  let last = 'nobody answered'
  for (let n = 0; ; n += 1) {
    const answer = await slots[n % slots.length]?.client?.request('GET', pathOf(job), { timeoutMs: REQUEST_MS_MAX }).catch(() => null)
    if (answer !== null && answer !== undefined) {
      last = `${answer.status} ${JSON.stringify(answer.body)}`
      const status = answer.body as NcmpJob
      if (answer.status === 200 && ENDED.includes(status.status) && status.run > job.retriesTaken) return { ended: true, job: status }
    }
    if (giveUp.aborted) return { ended: false, last }
    await sleep(n < slots.length ? 50 : 500)
  }
}

function pathOf({ planned }: ChaosJob): string {
  return `/ranoam/cm/v1/dataJob/${encodeURIComponent(planned.jobId)}`
}

interface Outcome {
  readonly jobs: readonly ChaosJob[]
  readonly statuses: ReadonlyMap<ChaosJob, NcmpJob>
  readonly results: TopicLog
}

async function checkDestinations(world: World, { jobs, statuses, results }: Outcome): Promise<readonly string[]> {
  const log = await results.settled(READ_MS_MAX)
  const byJob = new Map<string, LoggedRecord[]>()
  for (const record of log) {
    const jobId = record.headers['ce_correlationid'] ?? 'none'
    byJob.set(jobId, [...(byJob.get(jobId) ?? []), record])
  }
  const known = new Set(jobs.filter(({ state }) => state === 'accepted').map(({ planned }) => planned.jobId))
  const strange = [...byJob.keys()].filter((jobId) => !known.has(jobId))
  const findings = strange.map((jobId) => `results of job ${jobId}, which nobody was told of`)
  for (const [job, status] of statuses) {
    const found = await checkJob(world, job, { status, records: byJob.get(job.planned.jobId) ?? [] })
    // One of many: the others say the same of other operations.
    const more = found.length > SHOWN_MAX ? ` (and ${found.length - SHOWN_MAX} more)` : ''
    if (found.length > 0) findings.push(`${nameOf(job)}: ${found.slice(0, SHOWN_MAX).join('; ')}${more}`)
  }
  return findings
}

interface Found {
  readonly status: NcmpJob
  readonly records: readonly LoggedRecord[]
}

async function checkJob(world: World, job: ChaosJob, { status, records }: Found): Promise<readonly string[]> {
  const { planned, retriesTaken, retriesUnclear } = job
  const leeway = leewayOf(job, status.run)
  const runs = status.run > 1 + retriesTaken + retriesUnclear ? [`it ran ${status.run} times, and was retried ${retriesTaken} times`] : []
  if (planned.destination?.startsWith('s3:') !== true) {
    const completion = records.findLast(isCompletion)
    return [...runs, ...checkTopic(planned, records, leeway), ...checkStatus(status, completion && dataOf(completion))]
  }
  const objects = await readBucket(world.installation.s3, world.bucket, `${encodeURIComponent(planned.jobId)}/`)
  const manifest = objects.find(({ key }) => key.endsWith('/manifest.json'))
  return [...runs, ...checkBucket(planned, objects, leeway), ...checkStatus(status, manifest && (JSON.parse(manifest.value) as Said))]
}

/** The last word on a job, at its destination. */
interface Said {
  readonly status: string
  readonly counts: { readonly operations: object }
}

function dataOf({ value }: LoggedRecord): Said {
  return (JSON.parse(String(value)) as { readonly data: Said }).data
}

function checkStatus({ status, counts }: NcmpJob, said: Said | undefined): readonly string[] {
  if (said === undefined) return []
  const overRest = JSON.stringify([status, counts.operations])
  const there = JSON.stringify([said.status, said.counts.operations])
  return overRest === there ? [] : [`its status over REST is ${overRest}, and ${there} at its destination`]
}

/** All say the same of each job, and none has anything under way. */
async function checkProcesses({ slots }: World, statuses: ReadonlyMap<ChaosJob, NcmpJob>): Promise<readonly string[]> {
  const findings: string[] = []
  for (const [job] of statuses) {
    let last: readonly string[] = []
    const agree = async (): Promise<boolean> => {
      const answers = slots.map(async ({ client }) => client?.request('GET', pathOf(job), { timeoutMs: REQUEST_MS_MAX }))
      const told = await Promise.allSettled(answers)
      last = told.map((answer) => essenceOf(answer.status === 'fulfilled' ? answer.value?.body : null))
      return new Set(last).size === 1
    }
    await until('they agree', agree, AGREE_MS_MAX).catch(() => findings.push(`${nameOf(job)}: processes say ${last.join(' and ')}`))
  }
  for (const { name, client } of slots) {
    const query = UNFINISHED.map((status) => `status=${status}`).join('&')
    let last: readonly NcmpJob[] = []
    // Executions may have ended a moment ago on another process.
    const isIdle = async (): Promise<boolean> => {
      const answer = await client?.request('GET', `/ranoam/cm/v1/dataJob?${query}`, { timeoutMs: REQUEST_MS_MAX })
      last = ((answer?.body ?? { items: [] }) as { readonly items: readonly NcmpJob[] }).items
      return last.length === 0
    }
    await until(`${name} has nothing under way`, isIdle, AGREE_MS_MAX).catch(() => {
      findings.push(...last.map(({ jobId, status }) => `${name} says that job ${jobId} is ${status}`))
    })
  }
  return findings
}

function essenceOf(body: unknown): string {
  if (body === null || body === undefined) return 'nothing'
  // Links begin with the host that was asked.
  const { status, run, counts, createdAt, finishedAt, message } = body as NcmpJob
  return JSON.stringify({ status, run, counts, createdAt, finishedAt, message })
}

/** Each poison record is there once, with its cause; nothing else but what was sent twice. */
async function checkLetters({ deadLetters, poison, installation }: World, jobs: readonly ChaosJob[]): Promise<readonly string[]> {
  const letters = await deadLetters.settled(READ_MS_MAX)
  const topic = `${installation.prefix}commands`
  const findings = poison.flatMap(({ name, partition, offset, cause }) => {
    const place = [topic, String(partition), String(offset)].join()
    const own = letters.filter((letter) => originOf(letter) === place)
    const said = own.map(({ headers }) => headers['datajob_cause'] ?? 'nothing')
    if (own.length !== 1) return [`${name} at ${place} is set aside ${own.length} times`]
    return said.every((each) => cause.test(each)) ? [] : [`${name} at ${place} is set aside for another cause: ${said.join()}`]
  })
  const expected = new Set(poison.map(({ partition, offset }) => [topic, String(partition), String(offset)].join()))
  const ids = new Set(jobs.map(({ planned }) => planned.jobId))
  const isNew = (letter: LoggedRecord): boolean => !judged.has(letter) && callbackIdOf(letter) === undefined
  const strange = letters.filter((letter) => isNew(letter) && !expected.has(originOf(letter)) && !ids.has(letter.key ?? ''))
  for (const letter of letters) judged.add(letter)
  return [...findings, ...strange.map((letter) => `${originOf(letter)} is set aside: ${letter.headers['datajob_cause'] ?? 'nothing'}`)]
}

const judged = new WeakSet<LoggedRecord>()

function originOf({ headers }: LoggedRecord): string {
  return ['topic', 'partition', 'offset'].map((name) => headers[`datajob_origin_${name}`] ?? '').join()
}

function told(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
