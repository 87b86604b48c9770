import type { JobsCommanded } from '../../domain/bulk.ts'
import type { HandleRegistered } from '../../domain/inventory-messages.ts'
import type {
  CallbackQueued,
  CancelJob,
  CancelSubjob,
  ForgetJob,
  AbandonJob,
  HoldJob,
  JobGrouped,
  Message,
  MessageType,
  RecallSubjob,
  ReleaseJob,
  RetryJob,
  SubjobReported,
  SubjobsPlanned,
  SubjobStarted,
} from '../../domain/messages.ts'
import { fromAssignmentChangedRecord, toAssignmentChangedRecord } from './assignment.ts'
import { fromCommandJobsRecord } from './bulk.ts'
import { fromDefinitionRegisteredRecord } from './definition.ts'
import { fromJobChangedRecord, toJobChangedRecord } from './job.ts'
import { fromJobNoticeRecord, toJobNoticeRecord } from './notice.ts'
import { fromAddOperationsRecord, fromDispatchSubjobRecord, fromSubjobRecalledRecord } from './operations.ts'
import { fromProcessRegisteredRecord } from './process.ts'
import { fromServiceRegisteredRecord } from './service.ts'
import {
  fromSubjobAttemptFailedRecord, fromSubjobEndedRecord, fromSubjobProgressedRecord, toSubjobProgressedRecord,
} from './subjob.ts'
import { fromSubmitJobRecord } from './submission.ts'

export type MessageOf<T extends MessageType> = Extract<Message, { readonly type: T }>

/** How a message and the Avro record of the same name become each other. */
interface Form<M extends Message> {
  toRecord(message: M): object
  /** The record is as its schema says; throws Undecodable where that is not enough. */
  fromRecord(record: unknown): M
}

// avsc leaves alone what the schema does not name, so most messages are their own record.
const forms: { readonly [T in MessageType]: Form<MessageOf<T>> } = {
  SubmitJob: formOf(itself, fromSubmitJobRecord),
  AddOperations: formOf(itself, fromAddOperationsRecord),
  CancelJob: formOf(itself, (record: Omit<CancelJob, 'type'>) => ({ type: 'CancelJob', ...record })),
  ForgetJob: formOf(itself, (record: Omit<ForgetJob, 'type'>) => ({ type: 'ForgetJob', ...record })),
  RetryJob: formOf(itself, (record: Omit<RetryJob, 'type'>) => ({ type: 'RetryJob', ...record })),
  AbandonJob: formOf(itself, (record: Omit<AbandonJob, 'type'>) => ({ type: 'AbandonJob', ...record })),
  HoldJob: formOf(itself, (record: Omit<HoldJob, 'type'>) => ({ type: 'HoldJob', ...record })),
  ReleaseJob: formOf(itself, (record: Omit<ReleaseJob, 'type'>) => ({ type: 'ReleaseJob', ...record })),
  DispatchSubjob: formOf(itself, fromDispatchSubjobRecord),
  CancelSubjob: formOf(itself, (record: Omit<CancelSubjob, 'type'>) => ({ type: 'CancelSubjob', ...record })),
  RecallSubjob: formOf(itself, (record: Omit<RecallSubjob, 'type'>) => ({ type: 'RecallSubjob', ...record })),
  SubjobRecalled: formOf(itself, fromSubjobRecalledRecord),
  SubjobsPlanned: formOf(itself, (record: Omit<SubjobsPlanned, 'type'>) => ({ type: 'SubjobsPlanned', ...record })),
  SubjobStarted: formOf(itself, (record: Omit<SubjobStarted, 'type'>) => ({ type: 'SubjobStarted', ...record })),
  SubjobReported: formOf(itself, (record: Omit<SubjobReported, 'type'>) => ({ type: 'SubjobReported', ...record })),
  SubjobAttemptFailed: formOf(itself, fromSubjobAttemptFailedRecord),
  SubjobEnded: formOf(itself, fromSubjobEndedRecord),
  JobChanged: formOf(toJobChangedRecord, fromJobChangedRecord),
  AssignmentChanged: formOf(toAssignmentChangedRecord, fromAssignmentChangedRecord),
  JobGrouped: formOf(itself, (record: Omit<JobGrouped, 'type'>) => ({ type: 'JobGrouped', ...record })),
  SubjobProgressed: formOf(toSubjobProgressedRecord, fromSubjobProgressedRecord),
  JobNotice: formOf(toJobNoticeRecord, fromJobNoticeRecord),
  CallbackQueued: formOf(itself, (record: Omit<CallbackQueued, 'type'>) => ({ type: 'CallbackQueued', ...record })),
  CommandJobs: formOf(itself, fromCommandJobsRecord),
  JobsCommanded: formOf(itself, (record: Omit<JobsCommanded, 'type'>) => ({ type: 'JobsCommanded', ...record })),
  HandleRegistered: formOf(itself, (record: Omit<HandleRegistered, 'type'>) => ({ type: 'HandleRegistered', ...record })),
  ServiceRegistered: formOf(itself, fromServiceRegisteredRecord),
  ProcessRegistered: formOf(itself, fromProcessRegisteredRecord),
  DefinitionRegistered: formOf(itself, fromDefinitionRegisteredRecord),
}

export function formFor(type: MessageType): Form<Message> {
  return forms[type]
}

function formOf<M extends Message>(toRecord: (message: M) => object, fromRecord: (record: never) => M): Form<M> {
  return { toRecord, fromRecord: (record) => fromRecord(record as never) }
}

function itself(message: Message): object {
  return message
}
