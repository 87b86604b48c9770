/** Jobs in the words of the NCMP dialect, and its filters in ours. */
import { type Destination, type DestinationRules, formatDestination, parseDestination } from '../../../domain/destination.ts'
import type { Job } from '../../../domain/job.ts'
import { parseJobCursor, type JobCursor } from '../../../read-model/job-cursor.ts'
import { type JobFilter, type JobStatus, statusOf } from '../../../read-model/port.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { clip, Refusal } from '../../errors.ts'
import { formatInstant, parseInstant } from '../../instant.ts'
import type { PreviewedJob } from '../../jobs/job-intake.ts'
import type { ListQuery, NcmpJob, NcmpStatus } from './schemas.ts'
import type { NcmpPreview } from './submit-schemas.ts'

export const NCMP_PATH = '/ranoam/cm/v1'
/** Where the results in buckets are shown: outside of the dialect's own path, by contract. */
export const BUCKET_PATH = '/s3-bucket'

const statusWords: Record<JobStatus, NcmpStatus> = {
  accepted: 'NOT_STARTED',
  running: 'RUNNING',
  cancelling: 'CANCELLING',
  concluding: 'RUNNING',
  succeeded: 'FINISHED',
  partiallyFailed: 'PARTIALLY_FAILED',
  failed: 'FAILED',
  cancelled: 'CANCELLED',
}

/** Where clients find things. */
export interface Places {
  /** Without a slash at its end. */
  readonly apiRoot: string
  /** The topic that keeps the results of jobs without a destination. */
  readonly resultsTopic: string
}

export interface Links {
  readonly jobId: string
  readonly status: NcmpStatus
  readonly statusuri: string
  readonly resultsuri: string
}

/** What a submission is answered with, the first time and every time after. */
export function acceptedLinks(jobId: string, destination: string | null, places: Places): Links {
  return linksOf(jobId, statusWords.accepted, destination ?? '', places)
}

/** The same four for a job that is there. */
export function jobLinks(job: Job, places: Places): Links {
  return linksOf(job.jobId, statusWordOf(job), job.destination, places)
}

export function statusWordOf(job: Job): NcmpStatus {
  return statusWords[statusOf(job)]
}

export function previewAnswer({ kind, operations, subjobs, subjobCount, refused, refusedCount }: PreviewedJob): NcmpPreview {
  return {
    ...{ jobId: null, kind, operations, subjobs: [...subjobs], subjobsTotal: subjobCount },
    ...{ refused: [...refused], refusedOperations: refusedCount },
  }
}

/** Throws a 400 on what is no instant, or has passed. */
export function deadlineOf(text: string | undefined, clock: Clock): number | null {
  const epochMs = instantOf('deadline', text)
  if (epochMs === undefined) return null
  if (epochMs > clock.now()) return epochMs
  throw new Refusal(400, `query deadline: "${clip(text ?? '')}" has passed`, { details: `It is ${formatInstant(clock.now())} here.` })
}

function linksOf(jobId: string, status: NcmpStatus, destination: string, places: Places): Links {
  const statusuri = `${places.apiRoot}${NCMP_PATH}/dataJob/${encodeURIComponent(jobId)}`
  return { jobId, status, statusuri, resultsuri: resultsUriOf(destination, places) }
}

function resultsUriOf(destination: string, { apiRoot, resultsTopic }: Places): string {
  if (destination === '') return `kafka:${resultsTopic}`
  if (destination.startsWith('s3:')) return `${apiRoot}${BUCKET_PATH}/${encodeURIComponent(destination.slice('s3:'.length))}`
  return destination
}

export function jobAnswer(job: Job, places: Places): NcmpJob {
  return {
    ...jobLinks(job, places),
    run: job.run,
    kind: job.kind,
    destination: job.destination === '' ? null : job.destination,
    dialect: job.dialect,
    tenant: job.tenant,
    dataaccepttype: job.dataAcceptType,
    datacontenttype: job.dataContentType,
    priority: job.priority,
    labels: { ...job.labels },
    counts: { operations: job.operations, subjobs: job.subjobs },
    createdAt: formatInstant(job.createdAt),
    startedAt: job.state === 'accepted' || job.startedAt === null ? null : formatInstant(job.startedAt),
    finishedAt: job.state === 'ended' ? formatInstant(job.finishedAt) : null,
    deadline: job.deadlineAt === null ? null : formatInstant(job.deadlineAt),
    milestones: job.milestones.map(({ what, at, outcome }) => {
      return { what, at: formatInstant(at), status: outcome === null ? null : statusWords[outcome] }
    }),
    submittedBy: job.submittedBy,
    message: job.message,
  }
}

/** Throws a 400 on a value that is none. */
export function filterOf(query: ListQuery, rules: DestinationRules): JobFilter {
  const statuses = query.status?.flatMap((word) => statusesBehind(word))
  return {
    tenant: query.tenant,
    dialect: query.dialect,
    statuses,
    destination: query.destination === undefined ? undefined : destinationOf(query.destination, rules),
    createdAfter: instantOf('createdAfter', query.createdAfter),
    createdBefore: instantOf('createdBefore', query.createdBefore),
  }
}

function statusesBehind(word: NcmpStatus): readonly JobStatus[] {
  return (Object.keys(statusWords) as JobStatus[]).filter((status) => statusWords[status] === word)
}

function destinationOf(text: string, rules: DestinationRules): string {
  const parsed = parseDestination(text, rules)
  if (!parsed.ok) throw new Refusal(400, parsed.message)
  return formatDestination(parsed.destination)
}

function instantOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const epochMs = parseInstant(text)
  if (epochMs !== null) return epochMs
  const details = 'It is a date and time with a zone as in 2025-11-22T04:19:00Z (ISO 8601); a "+" in a query is written %2B.'
  throw new Refusal(400, `query ${name}: "${clip(text)}" is not an instant`, { details })
}

/** Throws a 400 on a text that no page of ours ended with. */
export function cursorOf(text: string | undefined): JobCursor | null {
  if (text === undefined) return null
  const cursor = parseJobCursor(text)
  if (cursor !== null) return cursor
  const details = 'Use the "next" of the page before as it is.'
  throw new Refusal(400, `query cursor: "${clip(text)}" is not a cursor`, { details })
}

/** What both the query and the body may say; throws a 400 when they differ. */
export function agreedDestination(
  inQuery: string | undefined,
  inBody: string | null,
  rules: DestinationRules,
): string | null {
  if (inQuery === undefined || inBody === null) return inQuery ?? inBody
  const [one, other] = [parseDestination(inQuery, rules), parseDestination(inBody, rules)]
  if (one.ok && other.ok && !isSame(one.destination, other.destination)) {
    const message = `The query says destination "${clip(inQuery)}", the body "${clip(inBody)}"`
    throw new Refusal(400, message, { details: 'Say it in one place, or the same in both.' })
  }
  return one.ok ? inBody : inQuery
}

function isSame(one: Destination, other: Destination): boolean {
  return formatDestination(one) === formatDestination(other)
}
