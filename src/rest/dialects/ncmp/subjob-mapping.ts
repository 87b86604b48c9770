/** Subjobs in the words of the NCMP dialect, and why one has not ended yet. */
import { subjobId } from '../../../domain/ids.ts'
import type { Outcome } from '../../../domain/job-counts.ts'
import type { Job } from '../../../domain/job.ts'
import type { SubjobStatus } from '../../../read-model/port.ts'
import { lastErrorOf, type RunAttempt, startedAtOf, type SubjobRow } from '../../../read-model/subjob-row.ts'
import { clip } from '../../errors.ts'
import { formatInstant } from '../../instant.ts'
import type { NcmpSubjob, NcmpSubjobStatus } from './subjob-schemas.ts'

const outcomeWords: Record<Outcome, NcmpSubjobStatus> = {
  succeeded: 'FINISHED',
  partiallyFailed: 'PARTIALLY_FAILED',
  failed: 'FAILED',
  cancelled: 'CANCELLED',
}

const statusWords: Record<SubjobStatus, NcmpSubjobStatus> = {
  ...outcomeWords,
  planned: 'NOT_STARTED',
  started: 'RUNNING',
  waiting: 'RUNNING',
}

export function subjobStatusesBehind(words: readonly NcmpSubjobStatus[] | undefined): readonly SubjobStatus[] | undefined {
  return words?.flatMap((word) => (Object.keys(statusWords) as SubjobStatus[]).filter((status) => statusWords[status] === word))
}

/** What is known beside the row itself. */
export interface SubjobContext {
  readonly job: Job
  /** Those subjobs of the job that others wait for and that have not ended. */
  readonly unended: ReadonlySet<number>
  /** Milliseconds since the epoch. */
  readonly now: number
}

export function subjobAnswer(row: SubjobRow, context: SubjobContext): NcmpSubjob {
  const { plan, attempts, state, index } = row
  const { jobId } = context.job
  const startedAt = startedAtOf(row)
  const isWaiting = state === 'waiting' && row.retryAt !== null && row.retryAt > context.now
  const ended = state === 'ended' ? row : { succeeded: 0, failed: 0 }
  return {
    subjobId: subjobId(jobId, index),
    dmiServiceName: plan?.service ?? '',
    dataProducerId: plan?.dataProducerId ?? '',
    status: statusWords[state === 'ended' ? row.outcome : state],
    operations: { total: plan?.operations ?? ended.succeeded + ended.failed, succeeded: ended.succeeded, failed: ended.failed },
    parents: (plan?.parents ?? []).map((parent) => subjobId(jobId, parent)),
    waitingFor: waitingFor(row, context),
    progress: state === 'started' ? (row.report?.progress ?? null) : null,
    nextAttemptAt: isWaiting ? formatInstant(row.retryAt) : null,
    attempts: [...attempts.map(attemptAnswer), ...(state === 'started' ? [attemptUnderWay(row)] : [])],
    message: lastErrorOf(row),
    createdAt: plan === null ? null : formatInstant(plan.at),
    startedAt: startedAt === null ? null : formatInstant(startedAt),
    finishedAt: state === 'ended' ? formatInstant(row.finishedAt) : null,
  }
}

function attemptAnswer({ number, run, worker, startedAt, endedAt, outcome, code, message }: RunAttempt): NcmpSubjob['attempts'][number] {
  const times = { startedAt: formatInstant(startedAt), finishedAt: formatInstant(endedAt) }
  return { number, run, worker, ...times, status: outcomeWords[outcome], code, message }
}

function attemptUnderWay({ run, attempt }: Extract<SubjobRow, { state: 'started' }>): NcmpSubjob['attempts'][number] {
  const { number, worker, startedAt } = attempt
  return { number, run, worker, startedAt: formatInstant(startedAt), finishedAt: null, status: 'RUNNING', code: null, message: null }
}

/** As in "it waits for …"; null once it has ended. */
function waitingFor(row: SubjobRow, { job, unended, now }: SubjobContext): string | null {
  switch (row.state) {
    case 'ended':
      return null
    case 'started':
      return `${producerOf(row)} to finish, and its results to be published${saying(row)}`
    case 'waiting': {
      const { retryAt } = row
      const failed = `attempt ${row.attempts.at(-1)?.number ?? 0} failed: ${lastErrorOf(row) ?? 'it did not say why'}`
      if (retryAt === null) return `its failure to be reported; ${failed}`
      if (retryAt > now) return `its next attempt at ${formatInstant(retryAt)}; ${failed}`
      return `its turn at ${producerOf(row)} for the next attempt; ${failed}`
    }
    case 'planned': {
      const parents = (row.plan?.parents ?? []).filter((parent) => unended.has(parent))
      if (job.state === 'cancelling') return 'the job to be cancelled: it is not begun any more'
      if (parents.length > 0) return parentsText(job, parents, row.plan?.parents.length ?? 0)
      if (row.plan?.service === '') return 'its operations to be reported: no producer is asked'
      return `its turn at ${producerOf(row)}`
    }
  }
}

function saying({ report }: Extract<SubjobRow, { state: 'started' }>): string {
  if (report === null) return ''
  return `; it says that it has done ${report.progress} %${report.message === null ? '' : `: ${report.message}`}`
}

const PARENTS_SHOWN = 5

function parentsText({ jobId }: Job, parents: readonly number[], all: number): string {
  const shown = parents.slice(0, PARENTS_SHOWN).map((parent) => subjobId(jobId, parent))
  const others = parents.length > PARENTS_SHOWN ? `, and ${parents.length - PARENTS_SHOWN} more` : ''
  return `${parents.length} of the ${all} subjobs that it depends on: ${shown.join(', ')}${others}`
}

function producerOf({ plan }: SubjobRow): string {
  if (plan === null) return 'its producer'
  const service = `DMI service "${clip(plan.service)}"`
  return plan.dataProducerId === '' ? service : `data producer "${clip(plan.dataProducerId)}" behind ${service}`
}
