/** Jobs in the words of OGC API – Processes. */
import type { Job } from '../../../domain/job.ts'
import { type JobReport, type JobStatus, statusOf } from '../../../read-model/port.ts'
import { formatInstant } from '../../instant.ts'
import type { TakenJob } from '../../jobs/job-intake.ts'
import { processIdOf } from './execution-data.ts'
import type { StatusCode, StatusInfo } from './job-schemas.ts'
import type { Link } from './schemas.ts'

/** What jobs of this dialect are marked with. */
export const DIALECT = 'ogc'

const RESULTS_RELATION = 'http://www.opengis.net/def/rel/ogc/1.0/results'

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

export function statusesBehind(code: StatusCode): readonly JobStatus[] {
  return (Object.keys(statusCodes) as JobStatus[]).filter((status) => statusCodes[status] === code)
}

/** `root` is what every href of the workspace begins with, `report` what producers say of it while it runs. */
export function statusInfoOf(job: Job, root: string, report?: JobReport): StatusInfo {
  const startedAt = job.state === 'accepted' ? null : job.startedAt
  const finishedAt = job.state === 'ended' ? job.finishedAt : null
  const status = statusCodes[statusOf(job)]
  return {
    processID: processIdOf(job),
    type: 'process',
    jobID: job.jobId,
    status,
    message: job.message ?? report?.message ?? status,
    created: formatInstant(job.createdAt),
    ...(startedAt === null ? {} : { started: formatInstant(startedAt) }),
    ...(finishedAt === null ? {} : { finished: formatInstant(finishedAt) }),
    updated: formatInstant(finishedAt ?? startedAt ?? job.createdAt),
    progress: progressOf(job, report?.points ?? 0),
    links: linksOf(job.jobId, status, root),
  }
}

/** The status of a job whose client wants nothing more of it, whatever has come of it. */
export function dismissedInfoOf(job: Job, root: string): StatusInfo {
  return { ...statusInfoOf(job, root), status: 'dismissed', message: 'dismissed', links: linksOf(job.jobId, 'dismissed', root) }
}

/** The status of a job that was taken just now. */
export function acceptedInfoOf({ jobId, dialectData, createdAt }: TakenJob, root: string): StatusInfo {
  const created = formatInstant(createdAt)
  return {
    ...{ processID: processIdOf({ dialectData }), type: 'process', jobID: jobId, status: 'accepted', message: 'accepted' },
    ...{ created, updated: created, progress: 0 },
    links: linksOf(jobId, 'accepted', root),
  }
}

function linksOf(jobId: string, status: StatusCode, root: string): Link[] {
  const href = `${root}/jobs/${encodeURIComponent(jobId)}`
  const links = [{ title: 'Status location', rel: 'status', type: 'application/json', href }]
  if (status === 'successful') links.push({ title: 'Results', rel: RESULTS_RELATION, type: 'application/json', href: `${href}/results` })
  return links
}

function progressOf({ state, operations: { total, succeeded, failed } }: Job, points: number): number {
  if (state === 'ended') return 100
  return total === 0 ? 0 : Math.min(100, Math.floor((100 * (succeeded + failed) + points) / total))
}
