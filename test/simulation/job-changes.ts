import type { Job } from '../../src/domain/job.ts'
import { decode } from './service.ts'
import { TOPICS } from './settings.ts'
import type { World } from './world.ts'

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
