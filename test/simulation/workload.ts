/**
 * What clients send: jobs of all kinds, to the right partition and to wrong ones, twice, without ids, in parts, requests to cancel
 * them, to release those that are held, or to try again what failed, and things that are no jobs.
 */
import type { AddOperations, Dependency, StepGroup, SubmitJob } from '../../src/domain/messages.ts'
import type { Operation, OperationKind } from '../../src/domain/operation.ts'
import type { OutputRecord } from '../../src/kafka/port.ts'
import type { Random } from '../../src/runtime/random.ts'
import { exampleOperation, exampleSubmission } from '../fakes/domain-examples.ts'
import { CALLBACK_NAMES } from './callback-rules.ts'
import { RECEIVERS } from './receiver.ts'
import { encode } from './service.ts'
import { PLACES, RESULT_TOPIC, TOPICS } from './settings.ts'

const DESTINATIONS = [`kafka:${RESULT_TOPIC}`, 's3:bucket', ''] as const

export interface Arrival {
  readonly at: number
  /** Written as one. */
  readonly records: readonly OutputRecord[]
}

export interface WorkloadOptions {
  readonly partitions: number
  readonly from: number
  readonly spanMs: number
  readonly jobsMax: number
}

/** Commands in the order of their arrival, within `spanMs` from `from` on. */
export function workload(random: Random, options: WorkloadOptions): readonly Arrival[] {
  const draw = (below: number): number => Math.floor(random() * below)
  const arrivals: Arrival[] = []
  const last: Arrival[] = []
  const arriveTogether = (values: readonly (Buffer | null)[], key: string | null, partition?: number): void => {
    const at = options.from + draw(options.spanMs)
    const place = partition === undefined ? {} : { partition }
    arrivals.push({ at, records: values.map((value) => ({ topic: TOPICS.commands, key, value, ...place })) })
  }
  const arrive = (value: Buffer | null, key: string | null, partition?: number): void => {
    arriveTogether([value], key, partition)
  }
  const anywhere = (): number | undefined => (random() < 0.2 ? draw(options.partitions) : undefined)
  for (let number = 1 + draw(options.jobsMax); number > 0; number -= 1) {
    const deadlineAt = draw(8) === 0 ? options.from + draw(2 * options.spanMs) : null
    const submission = { ...drawnSubmission(draw, number), deadlineAt }
    const { jobId, dependencies } = submission
    const isInParts = jobId !== null && dependencies.length === 0 && !submission.held && draw(4) === 0
    for (let cancels = draw(3); jobId !== null && cancels > 0; cancels -= 1) {
      // How many subjobs a job in parts has, depends on when that is asked.
      const subjobs = isInParts || draw(3) === 0 ? null : drawnSubjobs(submission, draw)
      const cancel = { type: 'CancelJob', jobId, requestedBy: null, subjobs } as const
      const isAbandoned = subjobs === null && draw(2) === 0
      arrive(encode(isAbandoned ? { type: 'AbandonJob', jobId, requestedBy: null } : cancel), jobId, anywhere())
    }
    for (let retries = draw(4); jobId !== null && retries > 0; retries -= 1) {
      const run = draw(2) === 0 ? null : 2
      arrive(encode({ type: 'RetryJob', jobId, requestedBy: null, run, authorization: null, priority: null }), jobId, anywhere())
    }
    const isPaused = jobId !== null && !submission.held && draw(4) === 0
    if (isPaused) {
      for (let holds = 1 + draw(2); holds > 0; holds -= 1) arrive(encode({ type: 'HoldJob', jobId, requestedBy: null }), jobId, anywhere())
      // Most are released, sooner or later; none of them twice as often as it is held.
      const release = encode({ type: 'ReleaseJob', jobId, requestedBy: null, callbacks: {}, subjobs: null })
      if (draw(3) === 0) arrive(release, jobId)
      if (draw(6) > 0) last.push({ at: options.from + options.spanMs, records: [{ topic: TOPICS.commands, key: jobId, value: release }] })
    }
    for (let releases = isPaused ? 0 : releasesOf(submission, draw); jobId !== null && releases > 0; releases -= 1) {
      const callbacks = draw(10) === 0 ? { wrong: 'ftp://a' } : draw(2) === 0 ? drawnCallbacks(submission.dialect, draw) : {}
      // How many subjobs a job in parts has, depends on when that is asked.
      const subjobs = !submission.held || draw(2) === 0 ? null : Array.from({ length: 1 + draw(3) }, () => draw(draw(2) === 0 ? 2 : 6))
      arrive(encode({ type: 'ReleaseJob', jobId, requestedBy: null, callbacks, subjobs }), jobId, anywhere())
    }
    if (isInParts) {
      for (let times = 1 + draw(2); times > 0; times -= 1) arriveTogether(inParts(submission, `mark ${times}`, draw), jobId, anywhere())
      continue
    }
    const value = encode(submission)
    // Some clients hash keys in another way, some give none.
    if (random() < 0.3) arrive(value, random() < 0.5 ? submission.jobId : null, draw(options.partitions))
    else arrive(value, submission.jobId ?? String(number))
    if (random() < 0.2 && submission.jobId !== null) arrive(value, submission.jobId, draw(options.partitions))
    if (random() < 0.1 && submission.jobId !== null) arrive(encode({ ...submission, digest: 'another' }), submission.jobId)
  }
  if (random() < 0.3) arrive(Buffer.from('{"type":'), 'poison')
  if (random() < 0.3) arrive(encode(exampleSubmission({ jobId: 'invalid', operations: [] })), 'invalid')
  if (random() < 0.1) arrive(null, 'tombstone')
  return [...arrivals.sort((one, other) => one.at - other.at), ...last]
}

/** Of no job. */
export const NO_SUBJOB = 1_000

function drawnSubmission(draw: (below: number) => number, number: number): SubmitJob {
  const kind = draw(2) === 0 ? 'READ' : 'WRITE'
  const op: OperationKind = kind === 'READ' ? 'read' : 'merge'
  const places = 1 + draw(PLACES)
  const operations = Array.from({ length: 1 + draw(draw(3) === 0 ? 24 : 6) }, (_, at): Operation => {
    return exampleOperation({ operationId: at, op, path: `/${draw(places)}` })
  })
  const jobId = draw(8) === 0 ? null : `job-${number}`
  const destination = DESTINATIONS[draw(DESTINATIONS.length)]!
  const held = draw(5) === 0
  const dependencies = operations.length > 1 && draw(held ? 2 : 4) === 0 ? drawnDependencies(draw, operations.length) : []
  const dialect = draw(2) === 0 ? 'ncmp' : CALLBACK_DIALECTS[draw(CALLBACK_DIALECTS.length)]!
  const callbacks = drawnCallbacks(dialect, draw)
  const groups = dependencies.length === 0 && draw(3) === 0 ? drawnGroups(draw, operations.length, held) : []
  const terms = { dialect, callbacks, held, groups, digest: `digest of ${number}` }
  return exampleSubmission({ jobId, kind, destination, operations, dependencies, ...terms })
}

const CALLBACK_DIALECTS = Object.keys(CALLBACK_NAMES)

/** Some of those that the dialect knows, at any host. */
function drawnCallbacks(dialect: string, draw: (below: number) => number): Readonly<Record<string, string>> {
  const names = (CALLBACK_NAMES[dialect] ?? []).filter(() => draw(4) > 0)
  return Object.fromEntries(names.map((name) => [name, `http://${RECEIVERS[draw(RECEIVERS.length)]!}/${name}/${draw(2)}`]))
}

/** Some that it has, and now and then one that it has not. */
function drawnSubjobs({ groups, operations }: SubmitJob, draw: (below: number) => number): readonly number[] {
  if (draw(10) === 0) return [0, NO_SUBJOB]
  // Without groups, it is not known into how many they are split.
  return Array.from({ length: 1 + draw(2) }, () => (groups.length === 0 ? 0 : draw(operations.length)))
}

/** A held job is released, mostly, and as often as not more than once; one that is not may be all the same. */
function releasesOf({ held }: SubmitJob, draw: (below: number) => number): number {
  if (!held) return draw(12) === 0 ? 1 : 0
  return draw(5) === 0 ? 0 : 1 + draw(5)
}

/** The same job as a command and some records behind it. */
function inParts(submission: SubmitJob, mark: string, draw: (below: number) => number): readonly Buffer[] {
  const { operations } = submission
  const size = 1 + draw(operations.length)
  const parts: AddOperations[] = []
  for (let from = 0; from < operations.length; from += size) {
    const some = operations.slice(from, from + size)
    parts.push({ type: 'AddOperations', submission: mark, part: parts.length, authorization: null, operations: some })
  }
  const announced = { submission: mark, parts: parts.length, operationCount: operations.length }
  return [encode({ ...submission, operations: [], ...announced }), ...parts.map((part) => encode(part))]
}

/** Most operations are in groups that come after some of those before them; some yield more; some jobs count wrongly. */
function drawnGroups(draw: (below: number) => number, operations: number, held: boolean): readonly StepGroup[] {
  const groups: StepGroup[] = []
  let left = draw(20) === 0 ? operations + 1 : operations
  while (left > 0) {
    const size = 1 + draw(Math.min(left, 4))
    const after = groups.flatMap((_, position) => (draw(3) === 0 ? [position] : []))
    // How many subjobs a job has when some of them are released would depend on what was yielded by then.
    const generates = !held && draw(4) === 0
    const tries = { retries: draw(2) === 0 ? 0 : draw(4), retryIntervalMs: draw(2) * draw(20_000) }
    groups.push({ operations: size, after, ...tries, generates })
    left -= size
  }
  return groups
}

function drawnDependencies(draw: (below: number) => number, operations: number): readonly Dependency[] {
  return Array.from({ length: 1 + draw(operations - 1) }, () => {
    const child = 1 + draw(operations - 1)
    return { operationId: child, parents: Array.from({ length: 1 + draw(2) }, () => draw(child)) }
  })
}
