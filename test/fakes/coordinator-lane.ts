/** A coordinator without a lane, and the reports of its subjobs. */
import type { Outcome } from '../../src/domain/job-counts.ts'
import type { AddOperations, SubjobEnded, SubjobStarted, SubmitJob } from '../../src/domain/messages.ts'
import type { Handle } from '../../src/domain/split.ts'
import type { ConcludeJob, JobConclusion } from '../../src/stages/coordinator/conclusion.ts'
import { Coordinator } from '../../src/stages/coordinator/coordinator.ts'
import type { CoordinatorOptions } from '../../src/stages/coordinator/coordinator-options.ts'
import { openHeapStore } from './heap-store.ts'
import { jsonCodec } from './json-codec.ts'
import { exampleHandle, exampleOperation, exampleSubmission } from './domain-examples.ts'
import type { RecordedTurn } from './recorded-turn.ts'
import { StageRun } from './stage-run.ts'

export const HOME = 2
export const AWAY = 0
export const RETENTION_MS = 60_000
export const RETRY_RETENTION_MS = 40_000
export const PARTS_TIMEOUT_MS = 20_000

const handles: Readonly<Record<string, Handle>> = {
  '/a': exampleHandle({ alternateId: '/a', dataProducerId: 'p1' }),
  '/b': exampleHandle({ alternateId: '/b', dataProducerId: 'p2' }),
}

const options: CoordinatorOptions = {
  partition: HOME,
  homePartition: (jobId) => (jobId.startsWith('away') ? AWAY : HOME),
  forwardedBytesMax: 1_000_000,
  findHandle: (name) => handles[name],
  destinations: { bareNameIs: 'topic', topicPrefix: 'datajob.' },
  submissions: { operationsMax: 100, pathLengthMax: 100 },
  splits: { operationsMax: 2, bytesMax: 1_000_000 },
  store: openHeapStore(),
  decodePart: (value) => jsonCodec.decode<AddOperations>(value),
  attemptsMax: 3,
  partsTimeoutMs: PARTS_TIMEOUT_MS,
  portions: { partsWaitingMax: 3, openSubjobsMax: 4 },
  jobRetentionMs: RETENTION_MS,
  retryRetentionMs: RETRY_RETENTION_MS,
}

export type CoordinatorLane = StageRun<ConcludeJob, JobConclusion, Coordinator>

export function coordinator(changes: Partial<CoordinatorOptions> = {}): CoordinatorLane {
  return new StageRun(() => new Coordinator({ ...options, ...changes }))
}

export function submission(paths: readonly string[], changes: Partial<SubmitJob> = {}): SubmitJob {
  return exampleSubmission({ operations: paths.map((path, at) => exampleOperation({ operationId: String(at), path })), ...changes })
}

export function startOf(index: number, at = 1): SubjobStarted {
  return { type: 'SubjobStarted', jobId: 'job-1', index, run: 1, attempt: 1, worker: 'w', dataProducerJobId: 'd', at }
}

export function endOf(index: number, changes: Partial<SubjobEnded> = {}): SubjobEnded {
  const counts = { outcome: 'succeeded' as Outcome, succeeded: 1, failed: 0 }
  const rest = { object: null, message: null, attempts: [], at: 2, failedOperations: [], generated: null }
  return { type: 'SubjobEnded', jobId: 'job-1', index, run: 1, ...counts, ...rest, ...changes }
}

export function endJob(lane: CoordinatorLane): void {
  lane.take(submission(['/a']))
  lane.take(endOf(0))
  lane.complete({ jobId: 'job-1', records: [], message: null })
}

export function states(turn: RecordedTurn<ConcludeJob>): readonly string[] {
  const byJob = new Map(turn.messages('JobChanged').map(({ job }) => [job.jobId as string, job.state]))
  return [...byJob.values()]
}

export function dispatchesOf(
  turn: RecordedTurn<ConcludeJob>,
): readonly { key: string; index: number; refusal: number | null; operationIds: unknown[] }[] {
  return turn.published.flatMap(({ key, message }) =>
    message?.type === 'DispatchSubjob'
      ? [{ key, index: message.index, refusal: message.refusal, operationIds: message.operations.map((each) => each.operationId) }]
      : [],
  )
}
