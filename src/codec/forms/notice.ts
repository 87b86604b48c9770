import type { JobNotice, SubjobReport, SubjobStarted } from '../../domain/messages.ts'
import { known } from '../undecodable.ts'
import { fromJobRecord, JOB_STATES, type JobRecord, toJobRecord } from './job.ts'
import {
  fromSubjobAttemptFailedRecord, fromSubjobEndedRecord, type SubjobAttemptFailedRecord, type SubjobEndedRecord,
} from './subjob.ts'

/** schemas/JobNotice.avsc: at most one of the three reports is there. */
interface JobNoticeRecord {
  readonly job: JobRecord
  readonly previous: string | null
  readonly started: Omit<SubjobStarted, 'type'> | null
  readonly attemptFailed: SubjobAttemptFailedRecord | null
  readonly ended: SubjobEndedRecord | null
  readonly at: number
}

export function toJobNoticeRecord({ job, previous, report, at }: JobNotice): JobNoticeRecord {
  return {
    ...{ job: toJobRecord(job), previous, at },
    started: report?.type === 'SubjobStarted' ? report : null,
    attemptFailed: report?.type === 'SubjobAttemptFailed' ? report : null,
    ended: report?.type === 'SubjobEnded' ? report : null,
  }
}

export function fromJobNoticeRecord({ job, previous, at, ...reports }: JobNoticeRecord): JobNotice {
  const before = previous === null ? null : known(JOB_STATES, previous, 'previous')
  return { type: 'JobNotice', job: fromJobRecord(job), previous: before, report: reportOf(reports), at }
}

function reportOf({ started, attemptFailed, ended }: Pick<JobNoticeRecord, 'started' | 'attemptFailed' | 'ended'>): SubjobReport | null {
  if (started !== null) return { type: 'SubjobStarted', ...started }
  if (attemptFailed !== null) return fromSubjobAttemptFailedRecord(attemptFailed)
  return ended === null ? null : fromSubjobEndedRecord(ended)
}
