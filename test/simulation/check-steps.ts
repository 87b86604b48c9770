/** Jobs in steps: none is begun before all that it comes after is recorded as done, and none again after it was recorded as done. */
import type { StepGroup } from '../../src/domain/messages.ts'
import type { ExpectedCommands } from './accepted-jobs.ts'
import { messagesOn } from './check-calls.ts'
import { type HandedOver, workOf } from './dmi.ts'
import { TOPICS } from './settings.ts'
import type { World } from './world.ts'

export function violationsOfSteps(world: World, { accepted }: ExpectedCommands): readonly string[] {
  const parentsOf = new Map([...accepted].flatMap(([jobId, { groups }]) => (groups.length === 0 ? [] : [[jobId, parentSteps(groups)]])))
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
  return [...orders, ...sendings]
}

/** Of each step, all that it comes after, worked out by names alone. */
function parentSteps(groups: readonly StepGroup[]): readonly (readonly number[])[] {
  const members: number[][] = []
  let steps = 0
  for (const { operations } of groups) members.push(Array.from({ length: operations }, () => steps++))
  return groups.flatMap(({ operations, after }) => {
    const parents = after.flatMap((parent) => members[parent] ?? [])
    return Array.from({ length: operations }, () => parents)
  })
}
