/** What steps have yielded: it is there once for each that has succeeded and yields, as it was yielded, and nothing else is. */
import type { Job } from '../../src/domain/job.ts'
import type { ExpectedCommands } from './accepted-jobs.ts'
import { messagesOn } from './check-calls.ts'
import { groupOf, yieldOf } from './generated.ts'
import { TOPICS } from './settings.ts'
import type { World } from './world.ts'

/** `accepted` has the jobs as they are with all that was yielded. */
export function violationsOfYields(world: World, { accepted }: ExpectedCommands, jobs: readonly Job[]): readonly string[] {
  const done = new Set<string>()
  const planned = new Map<string, number>()
  for (const { message } of messagesOn(world, TOPICS.subjobEvents)) {
    if (message.type === 'SubjobEnded' && message.outcome === 'succeeded') done.add(`${message.jobId}/${message.index}`)
    if (message.type !== 'SubjobsPlanned') continue
    for (const { index, run } of message.subjobs) {
      const name = `${message.jobId}/${index} in run ${run}`
      planned.set(name, (planned.get(name) ?? 0) + 1)
    }
  }
  const twice = [...planned].flatMap(([name, times]) => (times > 1 ? [`${name} was planned ${times} times`] : []))
  return [...twice, ...jobs.flatMap((job) => yieldsOf(job, accepted, done))]
}

function yieldsOf(job: Job, accepted: ExpectedCommands['accepted'], done: ReadonlySet<string>): readonly string[] {
  const { jobId, generated, subjobs } = job
  const { operations, groups } = accepted.get(jobId) ?? { operations: [], groups: [] }
  const yielding = operations.flatMap((_, step) => {
    return groups[groupOf(groups, step)]?.generates === true && done.has(`${jobId}/${step}`) ? [step] : []
  })
  const named = generated.map(({ step }) => step)
  const violations = [...named].sort((one, other) => one - other).join() === yielding.join() ? [] : [
    `job ${jobId} says that steps ${named.join(', ') || 'none'} have yielded some, and steps ${yielding.join(', ') || 'none'} have`,
  ]
  let next = operations.length - generated.reduce((sum, { steps }) => sum + steps, 0)
  for (const { step, first, steps } of generated) {
    const operation = operations[step]
    const yielded = operation === undefined ? 0 : yieldOf(operation).operations.length
    const isAsYielded = first === next && steps === yielded
    if (!isAsYielded) violations.push(`job ${jobId}: step ${step} yields ${yielded} from ${next} on, not ${steps} from ${first} on`)
    next = first + steps
  }
  const isTooMany = groups.length > 0 && subjobs.total > operations.length
  if (isTooMany) violations.push(`job ${jobId} has ${subjobs.total} steps, not ${operations.length}`)
  return violations
}
