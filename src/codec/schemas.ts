import { readFileSync } from 'node:fs'
import avro from 'avsc'
import type { MessageType } from '../domain/messages.ts'

/** A message's own schema, as it is registered and as this build reads it. */
export interface MessageSchema {
  /** The record's full name, which is the subject as well. */
  readonly subject: string
  /** The schema as it stands in its file. */
  readonly text: string
  readonly type: avro.types.RecordType
}

const NAMESPACE = 'io.datajob'
const FOLDER = new URL('../../schemas/', import.meta.url)

// A table, so that a message type without a schema does not compile.
const messageTypes: Record<MessageType, true> = {
  SubmitJob: true,
  AddOperations: true,
  CancelJob: true,
  ForgetJob: true,
  RetryJob: true,
  AbandonJob: true,
  HoldJob: true,
  ReleaseJob: true,
  DispatchSubjob: true,
  CancelSubjob: true,
  RecallSubjob: true,
  SubjobRecalled: true,
  SubjobsPlanned: true,
  SubjobStarted: true,
  SubjobReported: true,
  SubjobAttemptFailed: true,
  SubjobEnded: true,
  JobChanged: true,
  AssignmentChanged: true,
  JobGrouped: true,
  SubjobProgressed: true,
  JobNotice: true,
  CallbackQueued: true,
  CommandJobs: true,
  JobsCommanded: true,
  HandleRegistered: true,
  ServiceRegistered: true,
  ProcessRegistered: true,
  DefinitionRegistered: true,
}

export const MESSAGE_TYPES = Object.keys(messageTypes) as readonly MessageType[]

/** The schemas in schemas/. Their files are part of the program: one that is missing or wrong stops it. */
export const messageSchemas: Readonly<Record<MessageType, MessageSchema>> = Object.fromEntries(
  MESSAGE_TYPES.map((type) => [type, loadSchema(type)]),
) as Record<MessageType, MessageSchema>

/** A record's fields before the last one, which stand before it in its bytes as well: to read those without it. */
export function headOf(record: avro.types.RecordType, lastField: string): avro.Type {
  const { fields, ...rest } = record.schema({ exportAttrs: true }) as unknown as avro.schema.RecordType
  if (fields.at(-1)?.name !== lastField) throw new Error(`broken invariant: "${lastField}" is not the last field of ${String(record.name)}`)
  return avro.Type.forSchema({ ...rest, fields: fields.slice(0, -1) }, { omitRecordMethods: true })
}

function loadSchema(type: MessageType): MessageSchema {
  const text = readFileSync(new URL(`${type}.avsc`, FOLDER), 'utf8')
  const schema = JSON.parse(text) as avro.Schema
  const record = avro.Type.forSchema(schema, { omitRecordMethods: true })
  if (!(record instanceof avro.types.RecordType)) throw new Error(`schemas/${type}.avsc is not a record`)
  return { subject: `${NAMESPACE}.${type}`, text, type: record }
}

/** The message type that a record's full name stands for. */
export function messageTypeOf(fullName: string | undefined): MessageType | undefined {
  return MESSAGE_TYPES.find((type) => messageSchemas[type].subject === fullName)
}
