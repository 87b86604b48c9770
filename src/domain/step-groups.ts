/**
 * A job in steps: its operations, each a subjob of its own, in groups of which some come after others. A group is begun once all of
 * those that it comes after have succeeded. Groups instead of operations that name each other: where each of a thousand waits for each
 * of a thousand, that is one edge.
 */
import type { StepGroup } from './messages.ts'

export interface GroupFault {
  readonly field: string
  readonly message: string
}

/** All of them are in one record, and each process that has the job holds them in memory. */
export const GROUPS_MAX = 20_000
/** Over all groups: how many others they come after. */
export const GROUP_EDGES_MAX = 100_000
/** How often a step may be tried again by itself, and how long it may rest before: 30 days. */
export const STEP_RETRIES_MAX = 1_000
export const RETRY_INTERVAL_MS_MAX = 2_592_000_000
/** Steps of a job: those of one group may be handed out in one transaction. */
export const STEPS_MAX = 20_000

/** What is wrong with the groups of a job of so many operations. That each comes after those before it only leaves no room for cycles. */
export function checkGroups(groups: readonly StepGroup[], operations: number): GroupFault | null {
  if (groups.length === 0) return null
  if (groups.length > GROUPS_MAX) return fault('groups', `${groups.length} groups are more than the ${GROUPS_MAX} allowed`)
  if (operations > STEPS_MAX) return fault('groups', `${operations} operations are more than the ${STEPS_MAX} allowed with groups`)
  let [sum, edges] = [0, 0]
  for (const [position, group] of groups.entries()) {
    if (group.operations < 1) return fault(`groups[${position}].operations`, `a group has at least one, and this one ${group.operations}`)
    const wrong = group.after.find((parent) => !Number.isInteger(parent) || parent < 0 || parent >= position)
    if (wrong !== undefined) return fault(`groups[${position}].after`, `${wrong} is not the position of a group before this one`)
    if (new Set(group.after).size < group.after.length) return fault(`groups[${position}].after`, 'a group is named there twice')
    const retries = faultOfRetries(group, `groups[${position}]`)
    if (retries !== null) return retries
    sum += group.operations
    edges += group.after.length
  }
  if (edges > GROUP_EDGES_MAX) return fault('groups', `they name ${edges} others, and may name ${GROUP_EDGES_MAX}`)
  return sum === operations ? null : fault('groups', `they have ${sum} operations, and the job has ${operations}`)
}

function faultOfRetries({ retries, retryIntervalMs }: StepGroup, field: string): GroupFault | null {
  if (retries < 0 || retries > STEP_RETRIES_MAX) return fault(`${field}.retries`, `${retries} is not from 0 to ${STEP_RETRIES_MAX}`)
  const isInterval = retryIntervalMs >= 0 && retryIntervalMs <= RETRY_INTERVAL_MS_MAX
  return isInterval ? null : fault(`${field}.retryIntervalMs`, `${retryIntervalMs} is not from 0 to ${RETRY_INTERVAL_MS_MAX}`)
}

/** What the groups of a job have come to. Steps have the numbers of their operations: the first group's come first. */
export class StepGroups {
  #groups: readonly StepGroup[]
  /** The first step of each group, and at the end how many steps there are. */
  readonly #starts: number[]
  readonly #children: number[][]
  /** Steps that have not succeeded. */
  readonly #undone: number[]
  /** Steps that have ended otherwise, and are not tried again. */
  readonly #failed: number[]
  /** Groups before it that are not done. */
  readonly #awaited: number[]

  constructor(groups: readonly StepGroup[]) {
    this.#groups = groups
    const starts = [0]
    const children: number[][] = groups.map(() => [])
    for (const [position, { operations, after }] of groups.entries()) {
      starts.push((starts[position] ?? 0) + operations)
      for (const parent of after) children[parent]?.push(position)
    }
    this.#starts = starts
    this.#children = children
    this.#undone = groups.map(({ operations }) => operations)
    this.#failed = groups.map(() => 0)
    this.#awaited = groups.map(({ after }) => after.length)
  }

  /** As they are now: those that were added come last, and others may come after them. */
  get groups(): readonly StepGroup[] {
    return this.#groups
  }

  get total(): number {
    return this.#starts.at(-1) ?? 0
  }

  groupOf(step: number): StepGroup {
    const group = this.#groups[this.#groupOf(step)]
    if (group === undefined) throw new Error(`broken invariant: the step ${step} is in no group`)
    return group
  }

  /** What is wrong with adding these of so many operations behind the step's group, whose steps have not all succeeded. */
  checkAdded(step: number, groups: readonly StepGroup[], operations: number): string | null {
    const total = this.total + operations
    if (total > STEPS_MAX) return `they make ${total} steps of the job, and it may have ${STEPS_MAX}`
    const waiting = this.#children[this.#groupOf(step)]?.length ?? 0
    const edges = edgesOf(this.#groups) + edgesOf(groups) + waiting * groups.length
    if (edges > GROUP_EDGES_MAX) return `the groups of the job name ${edges} others then, and may name ${GROUP_EDGES_MAX}`
    return checkGroups(groups, operations)?.message ?? null
  }

  /** The step, which has not succeeded yet, yields these: what comes after its group comes after all of them, too. */
  add(step: number, groups: readonly StepGroup[]): void {
    const first = this.#groups.length
    const waiting = this.#children[this.#groupOf(step)] ?? []
    const positions = groups.map((_, at) => first + at)
    const isWaiting = new Set(waiting)
    const added = groups.map((group) => ({ ...group, after: group.after.map((parent) => first + parent) }))
    const known = this.#groups.map((group, at) => (isWaiting.has(at) ? { ...group, after: [...group.after, ...positions] } : group))
    this.#groups = [...known, ...added]
    for (const child of waiting) this.#awaited[child] = (this.#awaited[child] ?? 0) + groups.length
    for (const { operations, after } of added) {
      for (const parent of after) this.#children[parent]?.push(this.#children.length)
      this.#children.push([...waiting])
      this.#starts.push(this.total + operations)
      this.#undone.push(operations)
      this.#failed.push(0)
      this.#awaited.push(after.length)
    }
  }

  /** The steps, so that none comes before one that it waits for. */
  inOrder(steps: readonly number[]): readonly number[] {
    const left = this.#groups.map(({ after }) => after.length)
    const order = left.flatMap((count, group) => (count === 0 ? [group] : []))
    for (let at = 0; at < order.length; at += 1) {
      for (const child of this.#children[order[at] ?? 0] ?? []) {
        left[child] = (left[child] ?? 0) - 1
        if (left[child] === 0) order.push(child)
      }
    }
    const places = new Map(order.map((group, place) => [group, place]))
    const placeOf = (step: number): number => places.get(this.#groupOf(step)) ?? 0
    return [...steps].sort((one, other) => placeOf(one) - placeOf(other) || one - other)
  }

  /** Whether all that the step waits for has succeeded. */
  mayBegin(step: number): boolean {
    return this.#awaited[this.#groupOf(step)] === 0
  }

  /** Whether something that the step waits for has ended otherwise. */
  isLost(step: number): boolean {
    return this.#isLost(this.#groupOf(step))
  }

  /** The step has succeeded. Returns the steps that may begin now. */
  succeed(step: number): readonly number[] {
    const group = this.#groupOf(step)
    this.#undone[group] = (this.#undone[group] ?? 0) - 1
    if (this.#undone[group] > 0) return []
    const free = (this.#children[group] ?? []).filter((child) => {
      this.#awaited[child] = (this.#awaited[child] ?? 0) - 1
      return this.#awaited[child] === 0
    })
    return free.flatMap((child) => this.#stepsOf(child))
  }

  /** The step has ended otherwise. Returns those that wait for it and were not lost before. */
  fail(step: number): readonly number[] {
    const group = this.#groupOf(step)
    const lost = this.#failed[group] === 0 ? (this.#children[group] ?? []).filter((child) => !this.#isLost(child)) : []
    this.#failed[group] = (this.#failed[group] ?? 0) + 1
    return lost.flatMap((child) => this.#stepsOf(child))
  }

  /** The step, which has failed, is tried again. */
  retry(step: number): void {
    const group = this.#groupOf(step)
    this.#failed[group] = (this.#failed[group] ?? 0) - 1
  }

  #isLost(group: number): boolean {
    return this.#groups[group]?.after.some((parent) => (this.#failed[parent] ?? 0) > 0) ?? false
  }

  #stepsOf(group: number): readonly number[] {
    const first = this.#starts[group] ?? 0
    return Array.from({ length: this.#groups[group]?.operations ?? 0 }, (_, at) => first + at)
  }

  /** The last group that starts at the step or before. */
  #groupOf(step: number): number {
    let [low, high] = [0, this.#groups.length - 1]
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((this.#starts[middle] ?? 0) <= step) low = middle
      else high = middle - 1
    }
    return low
  }
}

function edgesOf(groups: readonly StepGroup[]): number {
  return groups.reduce((sum, { after }) => sum + after.length, 0)
}

function fault(field: string, message: string): GroupFault {
  return { field, message }
}
