import type { Attempt, StartedAttempt } from '../../domain/attempt.ts'
import { OUTCOMES } from '../../domain/job-counts.ts'
import type { GeneratedSteps, SubjobAttemptFailed, SubjobEnded, SubjobProgressed } from '../../domain/messages.ts'
import type { RoutedOperation } from '../../domain/operation.ts'
import type { PublicationSource, Subjob, SubjobEnd, SubjobStop } from '../../domain/subjob.ts'
import { known, needed } from '../undecodable.ts'
import { type OperationRecord, operationsOf, responseCodeOf } from './operations.ts'

type AttemptRecord = Omit<Attempt, 'outcome' | 'code'> & { readonly outcome: string; readonly code: number | null }
type SubjobEndRecord = Omit<SubjobEnd, 'outcome'> & { readonly outcome: string }

/** schemas/SubjobAttemptFailed.avsc */
export type SubjobAttemptFailedRecord = Omit<SubjobAttemptFailed, 'type' | 'attempt'> & { readonly attempt: AttemptRecord }

/** schemas/SubjobEnded.avsc */
export type SubjobEndedRecord = Omit<SubjobEnded, 'type' | 'outcome' | 'attempts' | 'failedOperations' | 'generated'> & {
  readonly outcome: string
  readonly attempts: readonly AttemptRecord[]
  readonly failedOperations: readonly OperationRecord<RoutedOperation>[]
  readonly generated: GeneratedStepsRecord | null
}

interface GeneratedStepsRecord extends Omit<GeneratedSteps, 'operations' | 'generator'> {
  readonly operations: readonly OperationRecord<RoutedOperation>[]
  readonly generator: OperationRecord<RoutedOperation>
}

/** schemas/SubjobProgressed.avsc: the subjob's states are flat, and what a state does not have is null. */
export type SubjobProgressedRecord = Omit<SubjobProgressed, 'type' | 'subjob'> & { readonly subjob: SubjobRecord }

interface SubjobRecord {
  readonly state: string
  readonly notBefore: number | null
  readonly attempt: StartedAttempt | null
  readonly dataProducerJobId: string | null
  readonly failures: number | null
  readonly sinkFailures: number | null
  readonly source: PublicationSourceRecord | null
  readonly end: SubjobEndRecord | null
  readonly attempts: readonly AttemptRecord[]
  readonly stop: SubjobStopRecord | null
}

type SubjobStopRecord = Omit<SubjobStop, 'reason' | 'code'> & { readonly reason: string; readonly code: number }

interface PublicationSourceRecord {
  readonly type: string
  readonly dataProducerJobId: string | null
  readonly code: number | null
  readonly message: string | null
}

const SUBJOB_STATES = ['queued', 'submitting', 'polling', 'publishing', 'ended'] as const satisfies readonly Subjob['state'][]
const STOP_REASONS = ['cancelled', 'deadline'] as const satisfies readonly SubjobStop['reason'][]
const SOURCE_TYPES = ['result', 'failure'] as const satisfies readonly PublicationSource['type'][]

export function fromSubjobAttemptFailedRecord(record: SubjobAttemptFailedRecord): SubjobAttemptFailed {
  return { type: 'SubjobAttemptFailed', ...record, attempt: attemptOf(record.attempt, 'attempt') }
}

export function fromSubjobEndedRecord(record: SubjobEndedRecord): SubjobEnded {
  const outcome = known(OUTCOMES, record.outcome, 'outcome')
  const failedOperations = operationsOf<RoutedOperation>(record.failedOperations)
  const generated = record.generated === null ? null : generatedOf(record.generated)
  return { type: 'SubjobEnded', ...record, outcome, attempts: attemptsOf(record.attempts, 'attempts'), failedOperations, generated }
}

function generatedOf(record: GeneratedStepsRecord): GeneratedSteps {
  operationsOf([record.generator])
  return { ...record, operations: operationsOf<RoutedOperation>(record.operations), generator: record.generator as RoutedOperation }
}

export function toSubjobProgressedRecord(message: SubjobProgressed): SubjobProgressedRecord {
  const { jobId, index, subjob } = message
  const absent = { notBefore: null, attempt: null, dataProducerJobId: null, failures: null, sinkFailures: null, end: null }
  const source = subjob.state === 'publishing' ? toSourceRecord(subjob.source) : null
  return { jobId, index, subjob: { ...absent, ...subjob, source } }
}

function toSourceRecord(source: PublicationSource): PublicationSourceRecord {
  return { dataProducerJobId: null, code: null, message: null, ...source }
}

export function fromSubjobProgressedRecord(record: SubjobProgressedRecord): SubjobProgressed {
  return { type: 'SubjobProgressed', jobId: record.jobId, index: record.index, subjob: subjobOf(record.subjob) }
}

function subjobOf(record: SubjobRecord): Subjob {
  const state = known(SUBJOB_STATES, record.state, 'subjob.state')
  const history = { attempts: attemptsOf(record.attempts, 'subjob.attempts'), stop: stopOf(record.stop) }
  const must = <F extends keyof SubjobRecord>(field: F): NonNullable<SubjobRecord[F]> =>
    needed<SubjobRecord[F]>(record[field], `subjob.${field}`, `a subjob that is ${state}`) as NonNullable<SubjobRecord[F]>
  switch (state) {
    case 'queued':
      return { state, notBefore: must('notBefore'), ...history }
    case 'submitting':
      return { state, attempt: must('attempt'), ...history }
    case 'polling':
      return { state, attempt: must('attempt'), dataProducerJobId: must('dataProducerJobId'), failures: must('failures'), ...history }
    case 'publishing': {
      const source = sourceOf(must('source'))
      return { state, attempt: record.attempt, source, failures: must('failures'), sinkFailures: must('sinkFailures'), ...history }
    }
    case 'ended': {
      const end = must('end')
      return { state, end: { ...end, outcome: known(OUTCOMES, end.outcome, 'subjob.end.outcome') }, ...history }
    }
  }
}

function stopOf(record: SubjobStopRecord | null): SubjobStop | null {
  if (record === null) return null
  const code = needed(responseCodeOf(record.code, 'subjob.stop.code'), 'subjob.stop.code', 'a subjob that is stopped')
  return { ...record, reason: known(STOP_REASONS, record.reason, 'subjob.stop.reason'), code }
}

function sourceOf(record: PublicationSourceRecord): PublicationSource {
  const type = known(SOURCE_TYPES, record.type, 'subjob.source.type')
  if (type === 'result') {
    return { type, dataProducerJobId: needed(record.dataProducerJobId, 'subjob.source.dataProducerJobId', 'a result') }
  }
  const code = needed(responseCodeOf(record.code, 'subjob.source.code'), 'subjob.source.code', 'a failure')
  return { type, code, message: needed(record.message, 'subjob.source.message', 'a failure') }
}

function attemptsOf(records: readonly AttemptRecord[], field: string): readonly Attempt[] {
  return records.map((record, position) => attemptOf(record, `${field}[${position}]`))
}

function attemptOf(record: AttemptRecord, field: string): Attempt {
  const outcome = known(OUTCOMES, record.outcome, `${field}.outcome`)
  return { ...record, outcome, code: responseCodeOf(record.code, `${field}.code`) }
}
