/** What is done once more when what failed of a job is tried again. */
import { type Assignment, evolveAssignment } from '../../domain/assignment.ts'
import { isHeld } from '../../domain/job.ts'
import type { Undone } from '../../domain/job-counts.ts'
import type { DispatchSubjob, RetryJob } from '../../domain/messages.ts'
import { plansFrom } from '../../domain/plan.ts'
import { type FindHandle, splitJob, type SplitLimits, type SubjobPlan } from '../../domain/split.ts'
import type { JobBook, JobEntry } from './job-book.ts'
import { hasAllSteps } from './job-steps.ts'
import type { Turn } from '../stage.ts'
import type { SubjobHands } from './subjob-hands.ts'
import { orderOf, plannedOf, publishPlanned } from './subjob-orders.ts'

export interface Retry {
  readonly undone: Undone
  readonly subjobs: readonly RetriedSubjob[]
}

export interface RetriedSubjob {
  readonly assignment: Extract<Assignment, { readonly state: 'ended' }>
  /** Subjobs tried again as well that it waits for. */
  readonly parents: readonly number[]
  /** Its operations as they are split now: the first plan takes its place, the others are new subjobs. */
  readonly plans: () => readonly [SubjobPlan, ...SubjobPlan[]]
}

/**
 * Bytes of operations that are tried again at a time: they are handed out in one transaction, which has to end before it times
 * out. What is beyond stays as it is, for the next time.
 */
const RETRY_BYTES_MAX = 32 * 1024 * 1024

interface Retrying {
  readonly book: JobBook
  readonly hands: SubjobHands
  readonly findHandle: FindHandle
  readonly splits: SplitLimits
}

/** What failed of an ended job is done once more; each subjob in another run, and what it is split into beside that anew. */
export function retryJob(entry: JobEntry, request: RetryJob, retrying: Retrying, turn: Turn<never>): void {
  const { book, hands, findHandle, splits } = retrying
  const { run, authorization, priority } = request
  const { undone, subjobs } = planRetry(book, entry, findHandle, splits)
  if (!book.decide(entry, { type: 'RetryJob', at: turn.now, run, priority, undone }, turn)) return
  book.authorize(entry, authorization, turn)
  const planned = []
  for (const { assignment, parents, plans } of subjobs) {
    const [first, ...others] = plans()
    const terms = { run: assignment.run + 1, authorization, steps: entry.steps }
    const { index } = assignment
    entry.steps?.retry(index)
    const order = orderOf(entry.job, { ...first, index, parents, children: [] }, terms)
    const { producerKey, operations } = first
    const awaited = parents.length + (entry.steps?.mayBegin(index) === false ? 1 : 0) + (isHeld(entry.job, index) ? 1 : 0)
    const again = { type: 'SubjobRetried', producerKey, operations: operations.length, parents: awaited, restsUntil: null } as const
    hands.hand(entry, evolveAssignment(assignment, again), order, turn)
    planned.push(plannedOf(order, parents))
    if (others.length === 0) continue
    const from = entry.job.subjobs.total
    book.decide(entry, { type: 'AddSubjobs', subjobs: others.length, parts: 0 }, turn)
    hands.assignAll(entry, plansFrom(from, others), { run: 1, authorization, refusal: null }, turn)
  }
  publishPlanned(entry.job.jobId, planned, turn)
}

/** Handles may have come, gone or moved since: what failed is split once more. */
export function planRetry(book: JobBook, entry: JobEntry, findHandle: FindHandle, limits: SplitLimits): Retry {
  const undone = [...entry.assignments.values()].filter(isUndone)
  const again = entry.steps === null ? asMayBe(undone, entry) : stepsAsMayBe(undone, entry)
  const indexes = new Set(again.map(({ index }) => index))
  const parentsOf = new Map<number, number[]>()
  for (const { index, children } of again) {
    for (const child of children) {
      if (indexes.has(child)) parentsOf.set(child, [...(parentsOf.get(child) ?? []), index])
    }
  }
  const subjobs = again.map((assignment) => ({
    assignment,
    parents: parentsOf.get(assignment.index) ?? [],
    plans: () => plansOf(heldOf(book, entry, assignment.index), findHandle, limits),
  }))
  return { undone: undoneOf(again, entry), subjobs }
}

// Those that were tried least go first, so that all have their turn.
function asMayBe(undone: readonly RetriedSubjob['assignment'][], { held }: JobEntry): readonly RetriedSubjob['assignment'][] {
  let bytes = 0
  return [...undone]
    .sort((a, b) => a.run - b.run)
    .filter(({ index }) => {
      const operations = held.get(index)?.operations
      if (operations === undefined || (bytes > 0 && bytes + operations.bytes > RETRY_BYTES_MAX)) return false
      bytes += operations.bytes
      return true
    })
}

// What waits for others comes behind them, and is left with them.
function stepsAsMayBe(undone: readonly RetriedSubjob['assignment'][], entry: JobEntry): readonly RetriedSubjob['assignment'][] {
  if (!hasAllSteps(entry)) return []
  let bytes = 0
  const byIndex = new Map(undone.map((assignment) => [assignment.index, assignment]))
  const inOrder = (entry.steps?.inOrder([...byIndex.keys()]) ?? []).flatMap((index) => byIndex.get(index) ?? [])
  const end = inOrder.findIndex(({ index }, at) => {
    const operations = entry.held.get(index)?.operations
    bytes += operations?.bytes ?? 0
    return operations === undefined || (at > 0 && bytes > RETRY_BYTES_MAX)
  })
  return end === -1 ? inOrder : inOrder.slice(0, end)
}

function isUndone(assignment: Assignment): assignment is RetriedSubjob['assignment'] {
  return assignment.state === 'ended' && assignment.outcome !== 'succeeded'
}

function undoneOf(again: readonly RetriedSubjob['assignment'][], entry: JobEntry): Undone {
  const subjobs = { partiallyFailed: 0, failed: 0, cancelled: 0 }
  let operations = 0
  for (const { index, outcome } of again) {
    operations += entry.held.get(index)?.operations.count ?? 0
    if (outcome !== 'succeeded') subjobs[outcome] += 1
  }
  return { operations, subjobs }
}

function heldOf(book: JobBook, entry: JobEntry, index: number): DispatchSubjob {
  const held = book.held(entry, index)
  if (held === undefined) throw new Error(`broken invariant: nothing is held of subjob ${index}, which is tried again`)
  return held
}

function plansOf(held: DispatchSubjob, findHandle: FindHandle, limits: SplitLimits): readonly [SubjobPlan, ...SubjobPlan[]] {
  const [first, ...others] = splitJob(held, findHandle, limits)
  if (first === undefined) throw new Error('broken invariant: a subjob without operations is tried again')
  return [first, ...others]
}
