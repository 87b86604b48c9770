/** Jobs and subjobs in the words of MAAP's DPS: an entry is a job, a step is a subjob. */
import { isHeld, type Job } from '../../../domain/job.ts'
import { statusOf } from '../../../read-model/port.ts'
import { startedAtOf, type SubjobRow } from '../../../read-model/subjob-row.ts'
import { formatInstant } from '../../instant.ts'
import { type EntryStatus, GRANULES_MAX, type JobEntry, type StepResults } from './schemas.ts'
import type { StepReport, StepReportsByIndex } from './step-reports.ts'

/** What jobs of this dialect are marked with. */
export const DIALECT = 'maap'
/** The name of the address that is told of steps. */
export const CALLBACK = 'callback_uri'

/** What a job keeps of what it is an entry of: little, for each of its changes is written with it. */
export interface EntryData {
  readonly job_id: string
  readonly job_name: string
  /** How many. */
  readonly steps: number
}

/** What there is to say of an entry beside its job. */
export interface EntryFacts {
  readonly rows: readonly SubjobRow[]
  readonly reports: StepReportsByIndex
  /** What each step is about, in their order; shorter where that is not known. */
  readonly descriptions: readonly string[]
}

/** The same of one step: `row` is missing where nothing is known of it, `report` where it has not ended, or is kept no longer. */
export interface StepFacts {
  readonly row: SubjobRow | undefined
  readonly report: StepReport | undefined
  readonly description: string | undefined
}

/** As far as it reads like it: jobs may come by the command topic with any data. */
export function entryDataOf({ dialectData }: Pick<Job, 'dialectData'>): EntryData {
  const { job_id, job_name, steps } = parsed(dialectData)
  return {
    job_id: typeof job_id === 'string' ? job_id : '',
    job_name: typeof job_name === 'string' ? job_name : '',
    steps: typeof steps === 'number' && steps > 0 ? Math.min(Math.floor(steps), GRANULES_MAX) : 0,
  }
}

function parsed(text: string | null): Readonly<Record<string, unknown>> {
  try {
    return { ...(JSON.parse(text ?? 'null') as object | null) }
  } catch {
    return {}
  }
}

export function entryOf(job: Job, { rows, reports, descriptions }: EntryFacts): JobEntry {
  const data = entryDataOf(job)
  const rowAt = new Map(rows.map((row) => [row.index, row]))
  const steps = Array.from({ length: data.steps }, (_, index) => {
    return stepOf(job, index, { row: rowAt.get(index), report: reports.get(index), description: descriptions[index] })
  })
  return {
    entry_id: job.jobId,
    job_id: data.job_id,
    job_name: data.job_name,
    user_id: job.submittedBy ?? '',
    steps,
    status: statusOfEntry(job, steps),
    callback_uri: job.callbacks[CALLBACK] ?? '',
  }
}

export function stepOf(job: Job, index: number, { row, report, description = '' }: StepFacts): StepResults {
  const step = { index, description }
  if (row === undefined || row.state === 'planned') {
    const isCancelled = statusOfEntry(job) === 'CANCELED'
    return { ...step, status: isCancelled ? 'CANCELED' : 'PENDING', messages: [], files: [] }
  }
  const startedAt = startedAtOf(row)
  const failure = row.state === 'ended' && row.outcome !== 'succeeded' ? failureOf(row.message, report?.failure ?? null) : null
  return {
    ...step,
    status: stepStatusOf(row, failure),
    messages: messagesOf(row, failure),
    ...(startedAt === null ? {} : { time_started: formatInstant(startedAt) }),
    ...(row.state === 'ended' ? { time_ended: formatInstant(row.finishedAt) } : {}),
    files: report?.files ?? [],
  }
}

/** Whether the step waits for a client to run it. */
export function isPending(job: Job, index: number): boolean {
  return job.state !== 'ended' && isHeld(job, index)
}

/** Without its steps it is not known to have timed out. */
export function statusOfEntry(job: Job, steps: readonly StepResults[] = []): EntryStatus {
  switch (statusOf(job)) {
    case 'accepted':
      return job.held && job.released.length === 0 ? 'PENDING' : 'RUNNING'
    case 'running':
    case 'concluding':
      return 'RUNNING'
    case 'cancelling':
    case 'cancelled':
      return 'CANCELED'
    case 'succeeded':
      return 'SUCCESS'
    case 'partiallyFailed':
    case 'failed':
      return steps.some(({ status }) => status === 'TIMEOUT') ? 'TIMEOUT' : 'ERROR'
  }
}

function stepStatusOf(row: Exclude<SubjobRow, { readonly state: 'planned' }>, failure: string | null): EntryStatus {
  switch (row.state) {
    case 'started':
    case 'waiting':
      return 'RUNNING'
    case 'ended':
      if (row.outcome === 'succeeded') return 'SUCCESS'
      if (row.outcome === 'cancelled') return 'CANCELED'
      return TIMED_OUT.test(failure ?? '') ? 'TIMEOUT' : 'ERROR'
  }
}

// The dispatcher's own words, and the exec producer's.
const TIMED_OUT = /\bnot done (?:within|by the job's deadline)\b|\btimed out\b/

/** The producer's own words say more, where they begin with the same. */
function failureOf(message: string | null, reported: string | null): string | null {
  return message === null || reported?.startsWith(message) === true ? reported : message
}

/** What went wrong in attempts that were made again is a warning. */
function messagesOf(row: SubjobRow, failure: string | null): StepResults['messages'] {
  const said = row.attempts.flatMap(({ outcome, message }) => (outcome === 'succeeded' || message === null ? [] : [message]))
  const isSaid = failure?.startsWith(said.at(-1) ?? failure) === true
  const warnings = isSaid ? said.slice(0, -1) : said
  return [
    ...warnings.map((text) => ({ level: 'WARN' as const, text })),
    ...(failure === null ? [] : [{ level: 'ERROR' as const, text: failure }]),
  ]
}
