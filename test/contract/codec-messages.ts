/** Messages of every type and state, as fast-check makes them up. */
import fc from 'fast-check'
import type { Assignment } from '../../src/domain/assignment.ts'
import { jobId } from '../../src/domain/ids.ts'
import type { Job } from '../../src/domain/job.ts'
import { OUTCOMES } from '../../src/domain/job-counts.ts'
import type {
  DispatchSubjob, Message, MessageType, SubjobAttemptFailed, SubjobEnded, SubjobStarted, SubmitJob,
} from '../../src/domain/messages.ts'
import { MILESTONE_KINDS } from '../../src/domain/milestones.ts'
import { JOB_KINDS, type Operation, READ_OPERATIONS, type RoutedOperation, WRITE_OPERATIONS } from '../../src/domain/operation.ts'
import { bulkMessages } from './codec-bulk-messages.ts'
import { inventoryMessages } from './codec-inventory-messages.ts'
import { attempt, attempts, code, object, outcome, subjob } from './codec-subjobs.ts'
import { int, labels, maybe, text, time } from './codec-values.ts'

const kind = fc.constantFrom(...JOB_KINDS)
const id = fc.oneof(text, fc.integer({ min: -(2 ** 52), max: 2 ** 53 - 2 }))

const operation: fc.Arbitrary<Operation> = fc.record({
  operationId: id,
  op: fc.constantFrom(...READ_OPERATIONS, ...WRITE_OPERATIONS),
  path: text,
  value: maybe(fc.json()),
  options: maybe(fc.record({ attributes: fc.jsonValue(), scopeLevel: fc.jsonValue() }).map((options) => JSON.stringify(options))),
})

const routedOperation: fc.Arbitrary<RoutedOperation> = fc
  .tuple(operation, text)
  .map(([plain, moduleSetTag]) => ({ ...plain, moduleSetTag }))

const dispatchSubjob: fc.Arbitrary<DispatchSubjob> = fc.record({
  type: fc.constant('DispatchSubjob' as const),
  jobId: text,
  tenant: text,
  index: int,
  producerKey: text,
  service: text,
  dataProducerId: text,
  kind,
  destination: text,
  dataAcceptType: text,
  dataContentType: text,
  refusal: maybe(code),
  refusalMessage: maybe(text),
  cancelled: fc.boolean(),
  run: int,
  authorization: maybe(text),
  priority: fc.integer(),
  attemptsMax: int,
  deadlineAt: maybe(time),
  traceparent: maybe(text),
  called: fc.boolean(),
  ordered: fc.boolean(),
  generator: maybe(fc.record({ dialect: text, dialectData: maybe(text) })),
  operations: fc.array(routedOperation, { maxLength: 5 }),
})

const groups = fc.array(
  fc.record({ operations: int, after: fc.array(int, { maxLength: 3 }), retries: int, retryIntervalMs: time, generates: fc.boolean() }),
  { maxLength: 3 },
)

export const submitJob: fc.Arbitrary<SubmitJob> = fc.record({
  type: fc.constant('SubmitJob' as const),
  jobId: maybe(text),
  tenant: text,
  dialect: text,
  dialectData: maybe(text),
  kind,
  destination: maybe(text),
  dataAcceptType: text,
  dataContentType: text,
  priority: fc.integer(),
  labels,
  deadlineAt: maybe(time),
  attemptsMax: maybe(fc.integer({ min: 1 })),
  submittedBy: maybe(text),
  traceparent: maybe(text),
  digest: fc.stringMatching(/^[0-9a-f]{64}$/),
  createdAt: maybe(time),
  operations: fc.array(operation, { maxLength: 5 }),
  dependencies: fc.array(fc.record({ operationId: id, parents: fc.array(id, { maxLength: 3 }) }), { maxLength: 3 }),
  groups,
  strict: fc.boolean(),
  authorization: maybe(text),
  submission: maybe(text),
  parts: int,
  operationCount: int,
  callbacks: labels,
  held: fc.boolean(),
})

const jobFacts = fc.record({
  jobId: fc.stringMatching(/^[\w/-]{1,256}$/).map(jobId),
  number: fc.integer({ min: 0, max: 2 ** 53 - 2 }),
  tenant: text,
  dialect: text,
  dialectData: maybe(text),
  kind,
  destination: text,
  dataAcceptType: text,
  dataContentType: text,
  priority: fc.integer(),
  labels,
  deadlineAt: maybe(time),
  attemptsMax: int,
  submittedBy: maybe(text),
  traceparent: maybe(text),
  digest: text,
  createdAt: time,
  strict: fc.boolean(),
  submission: maybe(text),
  parts: int,
  callbacks: labels,
  held: fc.boolean(),
  partsLeft: int,
  released: fc.array(int, { maxLength: 3 }),
  abandonedAt: maybe(time),
  milestones: fc.array(
    fc.record({ what: fc.constantFrom(...MILESTONE_KINDS), at: time, outcome: maybe(fc.constantFrom(...OUTCOMES)) }),
    { maxLength: 3 },
  ),
  generated: fc.array(fc.record({ step: int, first: int, steps: int, source: text }), { maxLength: 3 }),
  run: int,
  operations: fc.record({ total: int, succeeded: int, failed: int }),
  subjobs: fc.record({ total: int, succeeded: int, partiallyFailed: int, failed: int, cancelled: int }),
  message: maybe(text),
})

const job: fc.Arbitrary<Job> = fc
  .tuple(
    jobFacts,
    fc.oneof(
      fc.record({ state: fc.constant('accepted' as const) }),
      fc.record({ state: fc.constant('running' as const), startedAt: time }),
      fc.record({ state: fc.constant('cancelling' as const), startedAt: maybe(time) }),
      fc.record({ state: fc.constant('concluding' as const), startedAt: time, outcome }),
      fc.record({ state: fc.constant('ended' as const), startedAt: time, outcome, finishedAt: time }),
    ),
  )
  .map(([facts, phase]) => ({ ...facts, ...phase }))

const assignment: fc.Arbitrary<Assignment> = fc
  .tuple(
    fc.record({
      index: int,
      producerKey: text,
      operations: int,
      children: fc.array(int, { maxLength: 3 }),
      run: int,
      partlyDone: fc.boolean(),
      cancelled: fc.boolean(),
      retries: int,
      earlierObjects: fc.array(fc.record({ key: text, bytes: int, etag: text, operations: int }), { maxLength: 2 }),
    }),
    fc.oneof(
      fc.record({ state: fc.constant('blocked' as const), parentsLeft: int, restsUntil: maybe(time) }),
      fc.record({ state: fc.constant('dispatched' as const) }),
      fc.record({ state: fc.constant('ended' as const), outcome, object: maybe(object) }),
    ),
  )
  .map(([facts, state]) => ({ ...facts, ...state }))

const subjobStarted: fc.Arbitrary<SubjobStarted> = fc.record({
  type: fc.constant('SubjobStarted' as const),
  jobId: text,
  index: int,
  run: int,
  attempt: int,
  worker: text,
  dataProducerJobId: text,
  at: time,
})

const subjobAttemptFailed: fc.Arbitrary<SubjobAttemptFailed> = fc.record({
  type: fc.constant('SubjobAttemptFailed' as const),
  jobId: text,
  index: int,
  run: int,
  attempt,
  retryAt: maybe(time),
})

const someRouted = fc.array(routedOperation, { maxLength: 3 })

const subjobEnded: fc.Arbitrary<SubjobEnded> = fc.record({
  type: fc.constant('SubjobEnded' as const),
  jobId: text,
  index: int,
  run: int,
  outcome,
  succeeded: int,
  failed: int,
  object: maybe(object),
  message: maybe(text),
  attempts,
  at: time,
  failedOperations: someRouted,
  generated: maybe(fc.record({ source: text, operations: someRouted, groups, authorization: maybe(text), generator: routedOperation })),
})

export const messages: { readonly [T in MessageType]: fc.Arbitrary<Extract<Message, { type: T }>> } = {
  SubmitJob: submitJob,
  AddOperations: fc.record({
    type: fc.constant('AddOperations'),
    submission: text,
    part: int,
    authorization: maybe(text),
    operations: fc.array(operation, { maxLength: 5 }),
  }),
  ForgetJob: fc.record({ type: fc.constant('ForgetJob'), jobId: text, requestedBy: maybe(text) }),
  CancelJob: fc.record({
    type: fc.constant('CancelJob'),
    jobId: text,
    requestedBy: maybe(text),
    subjobs: maybe(fc.array(int, { maxLength: 3 })),
  }),
  RetryJob: fc.record({
    type: fc.constant('RetryJob'),
    jobId: text,
    requestedBy: maybe(text),
    run: maybe(int),
    authorization: maybe(text),
    priority: maybe(fc.integer({ min: 1, max: 1_000 })),
  }),
  AbandonJob: fc.record({ type: fc.constant('AbandonJob'), jobId: text, requestedBy: maybe(text) }),
  HoldJob: fc.record({ type: fc.constant('HoldJob'), jobId: text, requestedBy: maybe(text) }),
  ReleaseJob: fc.record({
    type: fc.constant('ReleaseJob'),
    jobId: text,
    requestedBy: maybe(text),
    callbacks: labels,
    subjobs: maybe(fc.array(int, { maxLength: 3 })),
  }),
  DispatchSubjob: dispatchSubjob,
  CancelSubjob: fc.record({ type: fc.constant('CancelSubjob'), jobId: text, index: int, run: int, message: text }),
  RecallSubjob: fc.record({ type: fc.constant('RecallSubjob'), jobId: text, index: int, run: int }),
  SubjobRecalled: fc.record({ type: fc.constant('SubjobRecalled'), order: dispatchSubjob }),
  SubjobsPlanned: fc.record({
    type: fc.constant('SubjobsPlanned'),
    jobId: text,
    subjobs: fc.array(
      fc.record({
        index: int,
        run: int,
        service: text,
        dataProducerId: text,
        operations: int,
        parents: fc.array(int, { maxLength: 3 }),
        retryAt: maybe(time),
      }),
      { maxLength: 3 },
    ),
    at: time,
  }),
  SubjobStarted: subjobStarted,
  SubjobReported: fc.record({
    type: fc.constant('SubjobReported'),
    jobId: text,
    index: int,
    run: int,
    attempt: int,
    progress: int,
    message: maybe(text),
    at: time,
  }),
  SubjobAttemptFailed: subjobAttemptFailed,
  SubjobEnded: subjobEnded,
  JobChanged: fc.record({ type: fc.constant('JobChanged'), job }),
  AssignmentChanged: fc.record({ type: fc.constant('AssignmentChanged'), jobId: text, assignment, held: maybe(dispatchSubjob) }),
  JobGrouped: fc.record({ type: fc.constant('JobGrouped'), jobId: text, groups, authorization: maybe(text) }),
  SubjobProgressed: fc.record({ type: fc.constant('SubjobProgressed'), jobId: text, index: int, subjob }),
  JobNotice: fc.record({
    type: fc.constant('JobNotice'),
    job,
    previous: maybe(fc.constantFrom('accepted', 'running', 'cancelling', 'concluding', 'ended')),
    report: maybe(fc.oneof(subjobStarted, subjobAttemptFailed, subjobEnded)),
    at: time,
  }),
  CallbackQueued: fc.record({
    type: fc.constant('CallbackQueued'),
    id: text,
    line: text,
    url: text,
    kind: text,
    dialect: text,
    jobId: text,
    queuedAt: time,
    notice: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    partition: int,
    offset: int,
    timestampMs: time,
  }),
  ...bulkMessages,
  ...inventoryMessages,
}

export const anyMessage: fc.Arbitrary<Message> = fc.oneof(...Object.values(messages))
