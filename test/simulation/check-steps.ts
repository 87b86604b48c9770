/** Jobs in steps: none is begun before all that it comes after is recorded as done, and none again after it was recorded as done. */
import type { Job } from '../../src/domain/job.ts'
import type { StepGroup } from '../../src/domain/messages.ts'
import type { ExpectedCommands } from './accepted-jobs.ts'
import { messagesOn } from './check-calls.ts'
import { type HandedOver, workOf } from './dmi.ts'
import { TOPICS } from './settings.ts'
import type { World } from './world.ts'

export function violationsOfSteps(world: World, { accepted }: ExpectedCommands, jobs: readonly Job[]): readonly string[] {
  const parentsOf = new Map([...accepted].flatMap(([jobId, { groups }]) => (groups.length === 0 ? [] : [[jobId, parentSteps(groups)]])))
  for (const { jobId, generated } of jobs) {
    // What a step yields comes after it.
    for (const { step, first, steps } of generated) {
      for (let index = first; index < first + steps; index += 1) parentsOf.get(jobId)?.[index]?.push(step)
    }
  }
  const doneAt = new Map<string, number>()
  for (const { message, writtenAt } of messagesOn(world, TOPICS.subjobEvents)) {
    if (message.type === 'SubjobEnded' && message.outcome === 'succeeded') doneAt.set(`${message.jobId}/${message.index}`, writtenAt)
  }
  const early = (how: string, step: HandedOver, at: number): readonly string[] => {
    const { jobId, index } = step
    const open = (parentsOf.get(jobId)?.[index] ?? []).filter((parent) => (doneAt.get(`${jobId}/${parent}`) ?? Infinity) > at)
    return open.length === 0 ? [] : [`${workOf(step)} was ${how} before ${open.join(', ')} had succeeded`]
  }
  const again = (how: string, step: HandedOver, at: number): readonly string[] => {
    const isKnown = parentsOf.has(step.jobId) && (doneAt.get(`${step.jobId}/${step.index}`) ?? Infinity) < at
    return isKnown ? [`${workOf(step)} was ${how} after it had succeeded`] : []
  }
  const orders = messagesOn(world, TOPICS.subjobs).flatMap(({ message, writtenAt }) => {
    if (message.type !== 'DispatchSubjob' || message.refusal !== null) return []
    return [...early('handed out', message, writtenAt), ...again('handed out', message, writtenAt)]
  })
  const sendings = world.dmi.sendings.flatMap(({ dispatch, at, isExcused }) => {
    return [...early('sent', dispatch, at), ...(isExcused ? [] : again('sent', dispatch, at))]
  })
  return [...orders, ...sendings, ...violationsOfRetries(world, accepted)]
}

/**
 * A step that fails is tried again by itself, as often as its group says in each run of its job and not before its rest is over; one that
 * is cancelled is not.
 */
function violationsOfRetries(world: World, accepted: ExpectedCommands['accepted']): readonly string[] {
  const endedAt = new Map<string, number>()
  const cancelled = new Set<string>()
  for (const { message, writtenAt } of messagesOn(world, TOPICS.subjobEvents)) {
    if (message.type !== 'SubjobEnded') continue
    endedAt.set(workOf(message), writtenAt)
    if (message.outcome === 'cancelled') cancelled.add(workOf(message))
  }
  const runsAsked = new Map(messagesOn(world, TOPICS.jobs).flatMap(({ message }) => {
    return message.type === 'JobChanged' ? [[String(message.job.jobId), message.job.run]] : []
  }))
  const violations: string[] = []
  const tries = new Map<string, number>()
  for (const { message, writtenAt } of messagesOn(world, TOPICS.subjobEvents)) {
    if (message.type !== 'SubjobsPlanned') continue
    for (const { index, run, retryAt } of message.subjobs) {
      const group = groupOf(accepted.get(message.jobId)?.groups ?? [], index)
      if (retryAt === null) continue
      const step = `${message.jobId}/${index}`
      const work = { jobId: message.jobId, index, run }
      const before = workOf({ ...work, run: run - 1 })
      tries.set(step, (tries.get(step) ?? 0) + 1)
      if (cancelled.has(before)) violations.push(`${before} was cancelled, and is tried again`)
      if (writtenAt < (endedAt.get(before) ?? Infinity)) violations.push(`${before} is tried again before it has ended`)
      const allowed = (group?.retries ?? 0) * (runsAsked.get(message.jobId) ?? 1)
      if ((tries.get(step) ?? 0) > allowed) violations.push(`${step} is tried again more than ${allowed} times`)
      if (world.areClocksTrue && earliest(world, work) < retryAt) violations.push(`${workOf(work)} was sent before it had rested`)
    }
  }
  return violations
}

function earliest({ dmi }: World, { jobId, index, run }: Pick<HandedOver, 'jobId' | 'index' | 'run'>): number {
  const own = dmi.sendings.filter(({ dispatch }) => dispatch.jobId === jobId && dispatch.index === index && dispatch.run === run)
  return Math.min(...own.map(({ at }) => at))
}

function groupOf(groups: readonly StepGroup[], step: number): StepGroup | undefined {
  let end = 0
  return groups.find(({ operations }) => {
    end += operations
    return step < end
  })
}

/** Of each step, all that it comes after, worked out by names alone. */
function parentSteps(groups: readonly StepGroup[]): readonly number[][] {
  const members: number[][] = []
  let steps = 0
  for (const { operations } of groups) members.push(Array.from({ length: operations }, () => steps++))
  return groups.flatMap(({ operations, after }) => {
    const parents = after.flatMap((parent) => members[parent] ?? [])
    return Array.from({ length: operations }, () => [...parents])
  })
}
