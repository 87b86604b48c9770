/** Jobs and subjobs in each of their states, and pairs that differ in one field: what docs/dialects.md is found out with. */
import { jobId } from '../src/domain/ids.ts'
import type { Outcome } from '../src/domain/job-counts.ts'
import type { Job, JobFacts, Phase } from '../src/domain/job.ts'
import type { SubjobPlanRow, SubjobRow } from '../src/read-model/subjob-row.ts'

type ProgressName = Exclude<keyof Job, keyof JobFacts | 'state'>
export type Pair<Value> = readonly [one: Value, other: Value]
/** Of every field of a job, two values that a dialect that shows it answers differently for. A field without is no TypeScript. */
type Variants = { readonly [Name in keyof JobFacts | ProgressName]: Pair<Job[Name]> }

const counts = { total: 9, succeeded: 3, failed: 2 }
const subjobCounts = { total: 9, succeeded: 3, partiallyFailed: 1, failed: 1, cancelled: 1 }

export const variants: Omit<Variants, 'dialect' | 'dialectData'> = {
  jobId: [jobId('one'), jobId('other')],
  number: [1, 2],
  tenant: ['default', 'east'],
  kind: ['READ', 'WRITE'],
  destination: ['kafka:one', 's3:other'],
  dataAcceptType: ['a/one', 'a/other'],
  dataContentType: ['c/one', 'c/other'],
  priority: [1, 2],
  labels: [{}, { label: 'other' }],
  deadlineAt: [null, 9_000],
  attemptsMax: [3, 4],
  submittedBy: [null, 'somebody'],
  traceparent: [null, '00-1-2-01'],
  digest: ['one', 'other'],
  createdAt: [1_000, 1_001],
  strict: [false, true],
  submission: [null, 'other'],
  parts: [0, 1],
  callbacks: [{}, { callback_uri: 'http://receiver/one', subscriber: 'http://receiver/other' }],
  held: [false, true],
  operations: [counts, { total: 10, succeeded: 4, failed: 3 }],
  subjobs: [subjobCounts, { total: 10, succeeded: 4, partiallyFailed: 2, failed: 2, cancelled: 2 }],
  message: [null, 'other'],
  run: [1, 2],
  partsLeft: [0, 1],
  released: [[], [0]],
  abandonedAt: [null, 4_000],
  milestones: [[], [{ what: 'held', at: 1_500, outcome: null }]],
  generated: [[], [{ step: 0, first: 9, steps: 1, source: 'other' }]],
}

const ended = (outcome: Outcome, startedAt = 2_000, finishedAt = 3_000): Phase => ({ state: 'ended', startedAt, outcome, finishedAt })
export const phases: readonly Phase[] = [{ state: 'accepted' }, { state: 'running', startedAt: 2_000 }, ended('succeeded'), ended('failed')]
export const times: Readonly<Record<string, Pair<Phase>>> = {
  startedAt: [ended('succeeded'), ended('succeeded', 2_001)],
  finishedAt: [ended('succeeded'), ended('succeeded', 2_000, 3_001)],
}

export const states: Readonly<Record<string, Phase & { readonly held?: boolean; readonly abandonedAt?: number }>> = {
  'accepted, held': { state: 'accepted', held: true },
  accepted: { state: 'accepted' },
  running: { state: 'running', startedAt: 2_000 },
  cancelling: { state: 'cancelling', startedAt: 2_000 },
  concluding: { state: 'concluding', startedAt: 2_000, outcome: 'succeeded' },
  'ended, succeeded': ended('succeeded'),
  'ended, partiallyFailed': ended('partiallyFailed'),
  'ended, failed': ended('failed'),
  'ended, failed, given up': { ...ended('failed'), abandonedAt: 4_000 },
  'ended, cancelled': ended('cancelled'),
}

const plan: SubjobPlanRow = { service: 'dmi', dataProducerId: '', operations: 1, parents: [], at: 1_000 }
const subjob = { jobId: 'one', index: 0, run: 1, plan, attempts: [] }
const attempt = { number: 1, worker: 'w', startedAt: 2_000 }
const endOf = (outcome: Outcome, message: string | null = null): SubjobRow => {
  return { ...subjob, state: 'ended', outcome, succeeded: 1, failed: 0, object: null, message, finishedAt: 3_000 }
}
export const rows: Readonly<Record<string, SubjobRow>> = {
  planned: { ...subjob, state: 'planned' },
  started: { ...subjob, state: 'started', attempt, dataProducerJobId: '1', report: null },
  waiting: { ...subjob, state: 'waiting', retryAt: 9_000 },
  'ended, succeeded': endOf('succeeded'),
  'ended, partiallyFailed': endOf('partiallyFailed'),
  'ended, failed': endOf('failed'),
  'ended, cancelled': endOf('cancelled'),
}

const started: SubjobRow = { ...subjob, state: 'started', attempt, dataProducerJobId: '1', report: null }
const failedAttempt = { ...attempt, run: 1, endedAt: 2_500, outcome: 'failed', code: 1, message: 'no' } as const
const planned = (changes: Partial<SubjobPlanRow>): SubjobRow => {
  return { ...subjob, plan: { ...plan, ...changes }, state: 'planned' }
}
export const rowVariants: readonly (readonly [field: string, one: SubjobRow, other: SubjobRow])[] = [
  ['index', endOf('succeeded'), { ...endOf('succeeded'), index: 1 }],
  ['plan.service', planned({}), planned({ service: 'other' })],
  ['plan.dataProducerId', planned({}), planned({ dataProducerId: 'other' })],
  ['plan.operations', planned({}), planned({ operations: 2 })],
  ['plan.parents', planned({}), planned({ parents: [1] })],
  ['plan.at', planned({}), planned({ at: 1_001 })],
  ['attempt.worker', started, { ...started, attempt: { ...attempt, worker: 'other' } }],
  ['attempt.startedAt', started, { ...started, attempt: { ...attempt, startedAt: 2_001 } }],
  ['report', started, { ...started, report: { progress: 50, message: 'half', at: 2_100 } }],
  ['attempts', rowWaiting(9_000), { ...rowWaiting(9_000), attempts: [failedAttempt] }],
  ['retryAt', rowWaiting(9_000), rowWaiting(9_001)],
  ['operations done', endOf('succeeded'), { ...endOf('succeeded'), succeeded: 2, failed: 1 } as SubjobRow],
  ['object', endOf('succeeded'), { ...endOf('succeeded'), object: { key: 'k', bytes: 1, etag: 'e' } } as SubjobRow],
  ['message', endOf('failed'), endOf('failed', 'other')],
  ['finishedAt', endOf('succeeded'), { ...endOf('succeeded'), finishedAt: 3_001 } as SubjobRow],
]

function rowWaiting(retryAt: number): SubjobRow {
  return { ...subjob, state: 'waiting', retryAt }
}
