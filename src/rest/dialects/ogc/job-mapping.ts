/** Jobs in the words of OGC API – Processes. */
import type { Job } from '../../../domain/job.ts'
import { type JobStatus, statusOf } from '../../../read-model/port.ts'
import { formatInstant } from '../../instant.ts'
import type { StatusCode, StatusInfo } from './job-schemas.ts'

/** What jobs of this dialect are marked with. */
export const DIALECT = 'ogc'

const statusCodes: Record<JobStatus, StatusCode> = {
  accepted: 'accepted',
  running: 'running',
  concluding: 'running',
  cancelling: 'dismissed',
  succeeded: 'successful',
  partiallyFailed: 'failed',
  failed: 'failed',
  cancelled: 'dismissed',
}

/** `root` is what every href of the workspace begins with. */
export function statusInfoOf(job: Job, root: string): StatusInfo {
  const startedAt = job.state === 'accepted' ? null : job.startedAt
  const finishedAt = job.state === 'ended' ? job.finishedAt : null
  const status = statusCodes[statusOf(job)]
  const processID = processIdOf(job)
  return {
    ...(processID === null ? {} : { processID }),
    type: 'process',
    jobID: job.jobId,
    status,
    message: job.message ?? status,
    created: formatInstant(job.createdAt),
    ...(startedAt === null ? {} : { started: formatInstant(startedAt) }),
    ...(finishedAt === null ? {} : { finished: formatInstant(finishedAt) }),
    updated: formatInstant(finishedAt ?? startedAt ?? job.createdAt),
    progress: progressOf(job),
    links: [
      {
        ...{ title: 'Status location', rel: 'status', type: 'application/json' },
        href: `${root}/jobs/${encodeURIComponent(job.jobId)}`,
      },
    ],
  }
}

/** The process that the job executes; null where whoever submitted it did not say. */
function processIdOf({ dialectData }: Job): string | null {
  try {
    const data: unknown = JSON.parse(dialectData ?? 'null')
    const isNamed = typeof data === 'object' && data !== null && 'processID' in data && typeof data.processID === 'string'
    return isNamed ? String(data.processID) : null
  } catch {
    return null
  }
}

function progressOf({ state, operations: { total, succeeded, failed } }: Job): number {
  if (state === 'ended') return 100
  return total === 0 ? 0 : Math.floor((100 * (succeeded + failed)) / total)
}
