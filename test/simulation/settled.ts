import type { Job } from '../../src/domain/job.ts'
import { expectedCommands } from './accepted-jobs.ts'
import { decode } from './service.ts'
import { APPLICATION, RESULT_TOPIC, TOPICS } from './settings.ts'
import type { World } from './world.ts'

/** Whether all that was accepted has ended, all lanes run, and nothing is left unread. */
export function isSettled(world: World): boolean {
  if (!world.ready() || !isReadUp(world)) return false
  const ended = new Set(jobChanges(world).flatMap(([job]) => (job?.state === 'ended' ? [job.jobId as string] : [])))
  return [...expectedCommands(world).accepted.keys()].every((jobId) => ended.has(jobId))
}

/** Each job's states as they were published, the latest first. */
export function jobChanges({ broker }: World): readonly (readonly Job[])[] {
  const changes = new Map<string, Job[]>()
  for (const log of broker.logsOf(TOPICS.jobs)) {
    for (const record of log.committed()) {
      const decoded = decode(record)
      if (!decoded.ok || decoded.message.type !== 'JobChanged') continue
      const { job } = decoded.message
      changes.set(job.jobId, [job, ...(changes.get(job.jobId) ?? [])])
    }
  }
  return [...changes.values()]
}

function isReadUp({ broker, shown }: World): boolean {
  const inputs = [
    { groupId: `${APPLICATION}.coordinator`, topics: [TOPICS.commands, TOPICS.subjobEvents] },
    { groupId: `${APPLICATION}.dispatcher`, topics: [TOPICS.subjobs] },
  ]
  const isTaken = inputs.every(({ groupId, topics }) =>
    broker.committedOffsets(groupId, topics).every(({ topic, partition, offset }) => {
      return broker.logOf(topic, partition).read(Math.max(0, offset), 1).records.length === 0
    }),
  )
  const results = broker.logsOf(RESULT_TOPIC).reduce((sum, log) => sum + log.committed().length, 0)
  return isTaken && shown.length === results
}
