import { jobId, isJobId } from '../../domain/ids.ts'
import { type OperationCounts, OUTCOMES, type Outcome, type SubjobCounts } from '../../domain/job-counts.ts'
import type { Generation, Job, JobFacts, Phase } from '../../domain/job.ts'
import type { JobChanged } from '../../domain/messages.ts'
import { type Milestone, MILESTONE_KINDS } from '../../domain/milestones.ts'
import { JOB_KINDS } from '../../domain/operation.ts'
import { known, needed, Undecodable } from '../undecodable.ts'

/** schemas/JobChanged.avsc: the phase is flat, and what a state does not have is null. */
export interface JobChangedRecord {
  readonly job: JobRecord
}

export interface JobRecord extends Omit<JobFacts, 'jobId' | 'kind'> {
  readonly jobId: string
  readonly kind: string
  readonly operations: OperationCounts
  readonly subjobs: SubjobCounts
  readonly message: string | null
  readonly run: number
  readonly partsLeft: number
  readonly released: readonly number[]
  readonly generated: readonly Generation[]
  readonly abandonedAt: number | null
  readonly milestones: readonly MilestoneRecord[]
  readonly state: string
  readonly startedAt: number | null
  readonly outcome: string | null
  readonly finishedAt: number | null
}

interface MilestoneRecord extends Omit<Milestone, 'what' | 'outcome'> {
  readonly what: string
  readonly outcome: string | null
}

export const JOB_STATES = ['accepted', 'running', 'cancelling', 'concluding', 'ended'] as const satisfies readonly Job['state'][]

export function toJobChangedRecord({ job }: JobChanged): JobChangedRecord {
  return { job: toJobRecord(job) }
}

export function toJobRecord(job: Job): JobRecord {
  return { startedAt: null, outcome: null, finishedAt: null, ...job }
}

export function fromJobChangedRecord({ job }: JobChangedRecord): JobChanged {
  return { type: 'JobChanged', job: fromJobRecord(job) }
}

export function fromJobRecord(job: JobRecord): Job {
  const { startedAt, outcome, finishedAt, state, ...rest } = job
  if (!isJobId(rest.jobId)) throw new Undecodable('job.jobId is no job id')
  const kind = known(JOB_KINDS, rest.kind, 'job.kind')
  const milestones = rest.milestones.map(fromMilestoneRecord)
  return { ...rest, jobId: jobId(rest.jobId), kind, milestones, ...phaseOf({ startedAt, outcome, finishedAt, state }) }
}

function fromMilestoneRecord({ what, at, outcome }: MilestoneRecord): Milestone {
  return {
    what: known(MILESTONE_KINDS, what, 'job.milestones.what'),
    at,
    outcome: outcome === null ? null : known(OUTCOMES, outcome, 'job.milestones.outcome'),
  }
}

function phaseOf(record: Pick<JobRecord, 'state' | 'startedAt' | 'outcome' | 'finishedAt'>): Phase {
  const state = known(JOB_STATES, record.state, 'job.state')
  const startedAt = (): number => needed(record.startedAt, 'job.startedAt', `a job that is ${state}`)
  const outcome = (): Outcome => known(OUTCOMES, needed(record.outcome, 'job.outcome', `a job that is ${state}`), 'job.outcome')
  switch (state) {
    case 'accepted':
      return { state }
    case 'running':
      return { state, startedAt: startedAt() }
    case 'cancelling':
      return { state, startedAt: record.startedAt }
    case 'concluding':
      return { state, startedAt: startedAt(), outcome: outcome() }
    case 'ended': {
      const finishedAt = needed(record.finishedAt, 'job.finishedAt', 'a job that is ended')
      return { state, startedAt: startedAt(), outcome: outcome(), finishedAt }
    }
  }
}
