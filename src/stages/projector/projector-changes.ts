/** What a record means for the read model: pure, one record at a time, whatever came before. */
import { acceptedFacts } from '../../domain/accepted-facts.ts'
import type { DestinationRules } from '../../domain/destination.ts'
import { evolveJob, type Job } from '../../domain/job.ts'
import type { CancelJob, Message, SubmitJob } from '../../domain/messages.ts'
import { checkSubmission, type SubmissionLimits } from '../../domain/submission.ts'
import type { InputRecord } from '../../kafka/port.ts'
import type { RowChange } from '../../read-model/port.ts'

/** The topics that are projected. */
export type ProjectedTopic = 'commands' | 'jobs' | 'subjobEvents'

/** Commands that may change something. The operations of a large job follow in others, which need not be read. */
export const PROJECTED_COMMANDS = ['SubmitJob', 'CancelJob', 'RetryJob'] as const

/** The same rules that the coordinator accepts jobs by. */
export interface ProjectionRules {
  readonly homePartition: (jobId: string) => number
  readonly destinations: DestinationRules
  readonly submissions: SubmissionLimits
  readonly attemptsMax: number
}

/** The change that a decoded record stands for; null when it changes nothing, or does not belong on its topic. */
export function changeOf(topic: ProjectedTopic, record: InputRecord, message: Message, rules: ProjectionRules): RowChange | null {
  switch (message.type) {
    case 'SubmitJob':
      return topic === 'commands' ? changeOfSubmission(record, message, rules) : null
    case 'JobChanged':
      return topic === 'jobs' ? changeOfJob(record, message.job) : null
    case 'CancelJob':
      return topic === 'commands' ? changeOfCancellation(record, message, rules) : null
    case 'SubjobsPlanned':
      return topic === 'subjobEvents' ? { type: 'PlanSubjobs', event: message, at: record.timestampMs } : null
    case 'SubjobStarted':
    case 'SubjobReported':
    case 'SubjobAttemptFailed':
    case 'SubjobEnded':
      // Whether what it yields can be done is for its coordinator to say, which tells of its end once more.
      if (message.type === 'SubjobEnded' && message.generated !== null) return null
      return topic === 'subjobEvents' ? { type: 'FoldSubjobEvent', event: message, at: record.timestampMs } : null
    default:
      return null
  }
}

// A job's changes are all on one partition of one topic, so a record's place there says which of two is the later one.
function changeOfJob({ offset }: InputRecord, job: Job): RowChange {
  return { type: 'PutJob', job, version: offset + 1 }
}

// Of some of its subjobs: their own ends are what changes.
function changeOfCancellation(record: InputRecord, { jobId, subjobs }: CancelJob, rules: ProjectionRules): RowChange | null {
  return subjobs === null && isAtHome(jobId, record, rules) ? { type: 'CancelJob', jobId, at: record.timestampMs } : null
}

/** The change that a record without a value stands for. */
export function changeOfTombstone(topic: ProjectedTopic, record: InputRecord): RowChange | null {
  if (topic !== 'jobs' || record.key === null) return null
  return { type: 'ForgetJob', jobId: record.key.toString(), at: record.timestampMs }
}

// What is invalid is dead-lettered by the coordinator, what is away from its home or has no id it forwards.
function changeOfSubmission(record: InputRecord, submission: SubmitJob, rules: ProjectionRules): RowChange | null {
  const { jobId } = submission
  if (jobId === null || !isAtHome(jobId, record, rules)) return null
  const checked = checkSubmission(submission, rules.destinations, rules.submissions)
  if (!checked.ok) return null
  const settled = { destination: checked.destination, attemptsMaxDefault: rules.attemptsMax }
  const facts = acceptedFacts({ ...submission, jobId }, record, settled)
  // How many subjobs there are is not known before the coordinator has split it.
  const operations = submission.parts > 0 ? submission.operationCount : submission.operations.length
  const job = evolveJob(undefined, { type: 'JobAccepted', facts, operations, subjobs: 0 })
  return { type: 'AcceptJob', job, at: record.timestampMs }
}

function isAtHome(jobId: string, { partition }: InputRecord, { homePartition }: ProjectionRules): boolean {
  return homePartition(jobId) === partition
}
