/** What steps of simulated jobs yield, and the jobs as they are with it. */
import type { Job } from '../../src/domain/job.ts'
import type { StepGroup, SubmitJob } from '../../src/domain/messages.ts'
import type { Operation } from '../../src/domain/operation.ts'

export interface Yield<O extends Operation> {
  readonly operations: readonly O[]
  readonly groups: readonly StepGroup[]
}

/** The ids of what is yielded by a step that was submitted begin here; those of what these yield are larger still. */
const FIRST_ID = 100
const TRIES = { retries: 1, retryIntervalMs: 1_000 }

/** The same of the same operation, whoever asks; the ids of no two are the same. */
export function yieldOf<O extends Operation>(operation: O): Yield<O> {
  const id = Number(operation.operationId)
  const first = FIRST_ID * (id + 1)
  const count = 1 + (id % 3)
  const operations = Array.from({ length: count }, (_, at) => ({ ...operation, operationId: first + at }))
  // The last one yields some as well, unless it was yielded itself.
  const last: StepGroup = { operations: 1, after: count > 1 ? [0] : [], ...TRIES, generates: id < FIRST_ID }
  return { operations, groups: count > 1 ? [{ operations: count - 1, after: [], ...TRIES, generates: false }, last] : [last] }
}

/** The job as it was submitted, with all that its steps have yielded behind it, and in what comes after them. */
export function grown(submission: SubmitJob, generated: Job['generated']): SubmitJob {
  let { operations, groups } = submission
  for (const { step } of generated) {
    const operation = operations[step]
    if (operation === undefined) continue
    const added = yieldOf(operation)
    const of = groupOf(groups, step)
    const positions = added.groups.map((_, at) => groups.length + at)
    groups = [
      ...groups.map((group) => (group.after.includes(of) ? { ...group, after: [...group.after, ...positions] } : group)),
      ...added.groups.map((group) => ({ ...group, after: group.after.map((at) => positions[at] ?? 0) })),
    ]
    operations = [...operations, ...added.operations]
  }
  return { ...submission, operations, groups }
}

/** The position of the group that the step is in. */
export function groupOf(groups: readonly StepGroup[], step: number): number {
  let end = 0
  return groups.findIndex(({ operations }) => step < (end += operations))
}
