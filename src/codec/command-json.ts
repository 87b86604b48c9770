/**
 * A command as plain JSON, so that `kcat` can submit a job. The members are those of SubmitJob; only `operations` is
 * required, and null stands for a member that is left out. An operation's `value` may be any JSON and is kept as the text
 * that came; a read's extras are given as an object `options` or as members beside `path`.
 */
import { isUtf8 } from 'node:buffer'
import type { CancelJob, JobCommandMessage, ReleaseJob, RetryJob, SubmitJob } from '../domain/messages.ts'
import { JOB_KINDS, type JobKind, type Operation } from '../domain/operation.ts'
import { membersByName, parseOperation } from './command-operation.ts'
import {
  dependencies, fault, flag, groups, indexes, labels, oneOf, parse, type ReadValue, text, textLike, wholeNumber,
} from './command-values.ts'
import { digestOf } from './digest.ts'
import { JsonArrayScanner } from './json-array-scanner.ts'
import { IS_SPACE, OPEN_OBJECT } from './json-bytes.ts'
import { membersOf } from './json-members.ts'
import { JsonScanError } from './json-scan-error.ts'
import { NESTING_MAX } from './operation-texts.ts'
import { messageSchemas } from './schemas.ts'
import { Undecodable } from './undecodable.ts'

const { fields } = messageSchemas.SubmitJob.type

/** A job in parts is written by a program, in Avro. */
const PARTS_MEMBERS: ReadonlySet<string> = new Set(['submission', 'parts', 'operationCount'])
const SUBMIT_MEMBERS = ['type', ...fields.map(({ name }) => name).filter((name) => !PARTS_MEMBERS.has(name))]
const REQUEST_MEMBERS = ['type', 'jobId', 'requestedBy']
const CANCEL_MEMBERS = [...REQUEST_MEMBERS, 'subjobs']
const RETRY_MEMBERS = [...REQUEST_MEMBERS, 'run', 'authorization', 'priority']
const RELEASE_MEMBERS = [...REQUEST_MEMBERS, 'callbacks', 'subjobs']
const COMMANDS = ['SubmitJob', 'CancelJob', 'AbandonJob', 'RetryJob', 'HoldJob', 'ReleaseJob', 'ForgetJob'] as const

/** What the schema says about members that are left out. */
const defaults = Object.fromEntries(fields.map((field) => [field.name, field.defaultValue() as unknown])) as unknown as SubmitJob

// Avro's int.
const INT_MAX = 2 ** 31 - 1
const int = wholeNumber({ min: -INT_MAX - 1, max: INT_MAX })
const count = wholeNumber({ min: 1, max: INT_MAX })
// The times that ECMAScript can tell apart, from 1970 on.
const time = wholeNumber({ min: 0, max: 8.64e15 })
const sha256 = textLike(/^[0-9a-f]{64}$/, 'a SHA-256 digest: 64 of 0-9 and a-f')

/** Whether the value is meant to be JSON: its first byte that is not blank opens an object. */
export function isJson(value: Buffer): boolean {
  let i = 0
  while (i < value.length && IS_SPACE[value[i] as number] === 1) i += 1
  return value[i] === OPEN_OBJECT
}

/** @throws Undecodable with the field, what it is and what is allowed */
export function parseCommand(value: Buffer): JobCommandMessage {
  if (!isUtf8(value)) throw new Undecodable('the record is not JSON: it is not valid UTF-8')
  const { elements, envelope } = scan(value)
  switch (typeOf(envelope)) {
    case 'SubmitJob':
      return submissionOf(envelope, elements)
    case 'ForgetJob':
      return { type: 'ForgetJob', ...requestOf(membersByName(envelope, '', REQUEST_MEMBERS)) }
    case 'HoldJob':
      return { type: 'HoldJob', ...requestOf(membersByName(envelope, '', REQUEST_MEMBERS)) }
    case 'AbandonJob':
      return { type: 'AbandonJob', ...requestOf(membersByName(envelope, '', REQUEST_MEMBERS)) }
    case 'CancelJob':
      return cancellationOf(membersByName(envelope, '', CANCEL_MEMBERS))
    case 'RetryJob':
      return retryOf(membersByName(envelope, '', RETRY_MEMBERS))
    case 'ReleaseJob':
      return releaseOf(membersByName(envelope, '', RELEASE_MEMBERS))
  }
}

/** A record without a type is a submission. */
function typeOf(envelope: Buffer): (typeof COMMANDS)[number] {
  const raw = membersOf(envelope, NESTING_MAX).find(({ name }) => name === 'type')?.raw
  return raw === undefined ? 'SubmitJob' : oneOf(COMMANDS)(parse(raw, 'type'), 'type')
}

type Members = ReadonlyMap<string, Buffer>

function requestOf(given: Members): Pick<CancelJob, 'jobId' | 'requestedBy'> {
  return { jobId: required(given, 'jobId', text), requestedBy: optional(given, 'requestedBy', text) }
}

function cancellationOf(given: Members): CancelJob {
  return { type: 'CancelJob', ...requestOf(given), subjobs: optional(given, 'subjobs', indexes) }
}

function retryOf(given: Members): RetryJob {
  const [run, priority] = [optional(given, 'run', count), optional(given, 'priority', count)]
  return { type: 'RetryJob', ...requestOf(given), run, authorization: optional(given, 'authorization', text), priority }
}

function releaseOf(given: Members): ReleaseJob {
  const callbacks = optional(given, 'callbacks', labels) ?? {}
  return { type: 'ReleaseJob', ...requestOf(given), callbacks, subjobs: optional(given, 'subjobs', indexes) }
}

function required<T>(given: Members, name: string, read: ReadValue<T>): T {
  const value = optional(given, name, read)
  if (value === null) throw fault(name, 'it is missing')
  return value
}

function optional<T>(given: Members, name: string, read: ReadValue<T>): T | null {
  const raw = given.get(name)
  return raw === undefined ? null : read(parse(raw, name), name)
}

function submissionOf(envelope: Buffer, elements: readonly Buffer[]): SubmitJob {
  const given = membersByName(envelope, '', SUBMIT_MEMBERS)
  const take = <F extends keyof SubmitJob>(field: F, read: ReadValue<NonNullable<SubmitJob[F]>>): SubmitJob[F] => {
    const raw = given.get(field)
    return raw === undefined ? defaults[field] : read(parse(raw, field), field)
  }
  if (elements.length === 0) throw fault('operations', 'a job has an array of at least one operation')
  const operations = elements.map(parseOperation)
  const asked = {
    tenant: take('tenant', text),
    kind: given.has('kind') ? take('kind', oneOf(JOB_KINDS)) : kindOf(operations),
    destination: take('destination', text),
    dataAcceptType: take('dataAcceptType', text),
    dataContentType: take('dataContentType', text),
    operations,
    dependencies: take('dependencies', dependencies),
    groups: take('groups', groups),
    strict: take('strict', flag),
  }
  return {
    type: 'SubmitJob',
    ...asked,
    jobId: take('jobId', text),
    dialect: take('dialect', text),
    dialectData: take('dialectData', text),
    priority: take('priority', int),
    labels: take('labels', labels),
    deadlineAt: take('deadlineAt', time),
    attemptsMax: take('attemptsMax', count),
    submittedBy: take('submittedBy', text),
    traceparent: take('traceparent', text),
    digest: given.has('digest') ? take('digest', sha256) : digestOf(asked),
    createdAt: take('createdAt', time),
    authorization: take('authorization', text),
    ...{ submission: null, parts: 0, operationCount: 0 },
    callbacks: take('callbacks', labels),
    held: take('held', flag),
  }
}

function scan(value: Buffer): { elements: readonly Buffer[]; envelope: Buffer } {
  const scanner = new JsonArrayScanner({
    paths: [['operations']],
    elementBytesMax: value.length,
    envelopeBytesMax: value.length,
    depthMax: NESTING_MAX,
  })
  try {
    const elements = scanner.push(value)
    return { elements, envelope: scanner.end().bytes }
  } catch (error) {
    if (error instanceof JsonScanError) throw new Undecodable(`the record is not JSON as it should be: ${error.message}`)
    throw error
  }
}

function kindOf(operations: readonly Operation[]): JobKind {
  const reads = operations.filter(({ op }) => op === 'read').length
  if (reads > 0 && reads < operations.length) {
    throw fault('kind', `${reads} of the ${operations.length} operations read and the others write; a job does one of the two`)
  }
  return reads === 0 ? 'WRITE' : 'READ'
}
