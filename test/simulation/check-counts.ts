/** What is told of a job in several places is the same in all: its record, the reports of its subjobs, its last word, its manifest. */
import type { Job } from '../../src/domain/job.ts'
import type { DispatchSubjob, SubjobEnded, SubmitJob } from '../../src/domain/messages.ts'
import type { ExpectedCommands } from './accepted-jobs.ts'
import { isInOrder, messagesOn, ordersOf } from './check-calls.ts'
import type { ResultValue } from './effects.ts'
import { TOPICS } from './settings.ts'
import type { World } from './world.ts'

/** How long the records of one transaction take to be written. */
export const TRANSACTION_MS_MAX = 10_000

export function violationsInCounts(world: World, jobs: readonly Job[], { accepted, held }: ExpectedCommands): readonly string[] {
  const ends = new Map<string, SubjobEnded[]>()
  const orders = new Map<string, DispatchSubjob[]>()
  for (const { message } of messagesOn(world, TOPICS.subjobEvents)) if (message.type === 'SubjobEnded') put(ends, message)
  for (const order of ordersOf(world)) put(orders, order)
  const recalled = new Set(messagesOn(world, TOPICS.subjobEvents).flatMap(({ message }) => {
    return message.type === 'SubjobRecalled' ? [message.order.jobId] : []
  }))
  // What is released in pieces comes as its client wants it, and what was given back behind what was handed out meanwhile.
  const isOrdered = ({ jobId }: Job): boolean => (held.get(jobId)?.pieces.size ?? 0) === 0 && !recalled.has(jobId)
  return jobs.flatMap((job) => [
    ...reportsOf(job, ends.get(job.jobId) ?? [], orders.get(job.jobId) ?? []),
    ...(isOrdered(job) ? orderOf(job, orders.get(job.jobId) ?? [], accepted.get(job.jobId)) : []),
  ])
}

/** Once a job is cancelled nothing more of it is handed out to be done, unless what failed is tried again. */
export function violationsOfCancellations(world: World): readonly string[] {
  const changes = messagesOn(world, TOPICS.jobs)
  const orders = messagesOn(world, TOPICS.subjobs)
  const cancelled = new Map<string, { readonly at: number; readonly job: Job }>()
  const resumedAt = new Map<string, number>()
  for (const { message, writtenAt } of changes) {
    if (message.type !== 'JobChanged') continue
    const { job } = message
    const name = `${job.jobId} in run ${job.run}`
    if (!resumedAt.has(name)) resumedAt.set(name, writtenAt)
    if (job.state === 'cancelling' && !cancelled.has(name)) cancelled.set(name, { at: writtenAt, job })
  }
  return [...cancelled].flatMap(([name, { at, job }]) => {
    const until = (resumedAt.get(`${job.jobId} in run ${job.run + 1}`) ?? Infinity) - TRANSACTION_MS_MAX
    const late = orders.filter(({ message, writtenAt }) => {
      if (message.type !== 'DispatchSubjob' || message.jobId !== job.jobId || message.refusal !== null) return false
      return writtenAt > at && writtenAt < until
    })
    return late.length === 0 ? [] : [`job ${name}: ${late.length} subjobs were handed out after it was cancelled`]
  })
}

/** A subjob is handed out to be done once those that it waits for have succeeded. */
export function violationsOfDependencies(world: World): readonly string[] {
  const parents = new Map<string, readonly number[]>()
  const succeededAt = new Map<string, number>()
  for (const { message, writtenAt } of messagesOn(world, TOPICS.subjobEvents)) {
    if (message.type === 'SubjobsPlanned') {
      for (const { index, run, parents: waitsFor } of message.subjobs) parents.set(`${message.jobId}/${index} in run ${run}`, waitsFor)
    } else if (message.type === 'SubjobEnded' && message.outcome === 'succeeded') {
      succeededAt.set(`${message.jobId}/${message.index}`, writtenAt)
    }
  }
  return messagesOn(world, TOPICS.subjobs).flatMap(({ message, writtenAt }) => {
    if (message.type !== 'DispatchSubjob' || message.refusal !== null) return []
    const name = `${message.jobId}/${message.index} in run ${message.run}`
    const early = (parents.get(name) ?? []).filter((index) => (succeededAt.get(`${message.jobId}/${index}`) ?? Infinity) > writtenAt)
    return early.map((index) => `${name} was handed out before ${index} had succeeded`)
  })
}

/** What the last word of a run says, beside the job's record at the end of that run. */
export function wordDiffers(word: Extract<ResultValue, { type: 'completion' }>, job: Job): boolean {
  const { total, succeeded, failed } = job.operations
  const isSame = word.total === total && word.succeeded === succeeded && word.failed === failed
  return !isSame || ('outcome' in job && word.outcome !== job.outcome)
}

function reportsOf(job: Job, ends: readonly SubjobEnded[], orders: readonly DispatchSubjob[]): readonly string[] {
  const violations: string[] = []
  const names = ends.map(({ index, run }) => `${index} in run ${run}`)
  const given = orders.map(({ index, run }) => `${index} in run ${run}`)
  if (new Set(names).size < names.length) violations.push(`job ${job.jobId}: subjobs ended more than once: ${names.join(', ')}`)
  if (new Set(given).size < given.length) violations.push(`job ${job.jobId}: subjobs were handed out more than once: ${given.join(', ')}`)
  const latest = new Map<number, SubjobEnded>()
  for (const end of ends) if ((latest.get(end.index)?.run ?? 0) < end.run) latest.set(end.index, end)
  const succeeded = ends.reduce((sum, end) => sum + end.succeeded, 0)
  const failed = [...latest.values()].reduce((sum, end) => sum + end.failed, 0)
  const { operations, subjobs } = job
  if (succeeded !== operations.succeeded || failed !== operations.failed) {
    violations.push(`job ${job.jobId} counts ${operations.succeeded} + ${operations.failed}, its subjobs ${succeeded} + ${failed}`)
  }
  if (latest.size !== subjobs.total) violations.push(`job ${job.jobId} counts ${subjobs.total} subjobs, ${latest.size} ended`)
  return violations
}

// What waits for others comes when it may, and what is tried again is what failed of several.
function orderOf(job: Job, orders: readonly DispatchSubjob[], submission: SubmitJob | undefined): readonly string[] {
  if (submission === undefined || job.kind !== 'WRITE' || job.run > 1) return []
  if (submission.dependencies.length + submission.groups.length > 0) return []
  const operationIds = submission.operations.map(({ operationId }) => String(operationId))
  // What is refused is given to nobody: it is on another partition, and stands anywhere among these.
  const lines = Map.groupBy(orders.filter(({ refusal }) => refusal === null), ({ producerKey }) => producerKey)
  return [...lines].flatMap(([producerKey, line]) =>
    isInOrder(line, operationIds) ? [] : [`job ${job.jobId}: its writes were not given to ${producerKey} in their order`],
  )
}

function put<T extends { readonly jobId: string }>(lists: Map<string, T[]>, item: T): void {
  lists.set(item.jobId, [...(lists.get(item.jobId) ?? []), item])
}
