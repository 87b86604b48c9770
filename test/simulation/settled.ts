import { expectedCommands, staysHeld } from './accepted-jobs.ts'
import type { PartitionLog } from './partition-log.ts'
import { jobChanges } from './job-changes.ts'
import { messagesOn } from './check-calls.ts'
import { APPLICATION, RESULT_TOPIC, TOPICS } from './settings.ts'
import type { World } from './world.ts'

/** Whether all that was accepted, and is not held, has ended and was told, all lanes run, and nothing is left unread. */
export function isSettled(world: World): boolean {
  if (!world.ready() || !isReadUp(world)) return false
  if (entriesLeft(world, TOPICS.notifierChangelog).length > 0) return false
  const ended = new Set(jobChanges(world).flatMap(([job]) => (job?.state === 'ended' ? [job.jobId as string] : [])))
  if (!areSubjobsEnded(world)) return false
  const expected = expectedCommands(world)
  const held = new Set(jobChanges(world).flatMap(([job]) => (job !== undefined && staysHeld(job, expected) ? [job.jobId as string] : [])))
  return [...expected.accepted.keys()].every((jobId) => ended.has(jobId) || held.has(jobId))
}

/** What a changelog still has, by key; not what lanes say of themselves. */
export function entriesLeft({ broker }: World, changelog: string): readonly string[] {
  const kept = new Set<string>()
  for (const { key, value } of broker.logsOf(changelog).flatMap((log) => log.committed())) {
    const name = key?.toString() ?? ''
    if (value === null) kept.delete(name)
    else if (!name.startsWith('!')) kept.add(name)
  }
  return [...kept]
}

// Of a job that is held in part, too: what was released of it.
function areSubjobsEnded(world: World): boolean {
  const ends = messagesOn(world, TOPICS.subjobEvents).filter(({ message: { type } }) => type === 'SubjobEnded' || type === 'SubjobRecalled')
  return ends.length === messagesOn(world, TOPICS.subjobs).filter(({ message }) => message.type === 'DispatchSubjob').length
}

function isReadUp({ broker, shown }: World): boolean {
  const inputs = [
    { stage: 'coordinator', topics: [TOPICS.commands, TOPICS.subjobEvents], changelog: TOPICS.coordinatorChangelog },
    { stage: 'dispatcher', topics: [TOPICS.subjobs], changelog: TOPICS.dispatcherChangelog },
    { stage: 'notifier', topics: [TOPICS.callbacks], changelog: TOPICS.notifierChangelog },
  ]
  const isTaken = inputs.every(({ stage, topics, changelog }) =>
    broker.committedOffsets(`${APPLICATION}.${stage}`, topics).every(({ topic, partition, offset }) => {
      // What the group has forgotten, the lane knows; while it has nothing to do it does not say so again.
      const position = offset >= 0 ? offset : storedPosition(broker.logOf(changelog, partition), topic)
      return broker.logOf(topic, partition).read(position, 1).records.length === 0
    }),
  )
  const results = broker.logsOf(RESULT_TOPIC).reduce((sum, log) => sum + log.committed().length, 0)
  return isTaken && shown.length === results
}

/** Where a lane is with a topic by its changelog (src/kafka/input-positions.ts). */
function storedPosition(changelog: PartitionLog, topic: string): number {
  const entry = changelog.committed().findLast(({ key }) => key?.toString() === '!positions')?.value
  return (JSON.parse(entry?.toString() ?? '{}') as Readonly<Record<string, number>>)[topic] ?? 0
}
