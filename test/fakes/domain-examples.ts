/** Plain examples of the domain's values; a test names only what matters to it. */
import { jobId } from '../../src/domain/ids.ts'
import type { JobFacts } from '../../src/domain/job.ts'
import type { DispatchSubjob, StepGroup, SubmitJob } from '../../src/domain/messages.ts'
import type { Operation, RoutedOperation } from '../../src/domain/operation.ts'
import type { Handle } from '../../src/domain/split.ts'

export function exampleOperation(changes: Partial<Operation> = {}): Operation {
  return { operationId: '1', op: 'read', path: '/a/b', value: null, options: null, ...changes }
}

export function exampleRoutedOperation(changes: Partial<RoutedOperation> = {}): RoutedOperation {
  return { ...exampleOperation(changes), moduleSetTag: '', ...changes }
}

export function exampleSubmission(changes: Partial<SubmitJob> = {}): SubmitJob {
  return {
    type: 'SubmitJob',
    jobId: 'job-1',
    tenant: 'default',
    dialect: 'ncmp',
    dialectData: null,
    kind: 'READ',
    destination: 'kafka:results',
    dataAcceptType: 'application/vnd.3gpp.object-tree-hierarchical+json',
    dataContentType: 'application/3gpp-json-patch+json',
    priority: 0,
    labels: {},
    deadlineAt: null,
    attemptsMax: null,
    submittedBy: null,
    traceparent: null,
    digest: 'd1',
    createdAt: null,
    operations: [exampleOperation()],
    dependencies: [],
    groups: [],
    strict: false,
    authorization: null,
    submission: null,
    parts: 0,
    operationCount: 0,
    callbacks: {},
    held: false,
    ...changes,
  }
}

export function exampleFacts(changes: Partial<JobFacts> = {}): JobFacts {
  return {
    jobId: jobId('job-1'),
    number: 1_024,
    tenant: 'default',
    dialect: 'ncmp',
    dialectData: null,
    kind: 'READ',
    destination: 'kafka:results',
    dataAcceptType: 'application/vnd.3gpp.object-tree-hierarchical+json',
    dataContentType: 'application/3gpp-json-patch+json',
    priority: 0,
    labels: {},
    deadlineAt: null,
    attemptsMax: 3,
    submittedBy: null,
    traceparent: null,
    digest: 'd1',
    createdAt: 5,
    strict: false,
    submission: null,
    parts: 0,
    callbacks: {},
    held: false,
    ...changes,
  }
}

export function exampleGroup(changes: Partial<StepGroup> = {}): StepGroup {
  return { operations: 1, after: [], retries: 0, retryIntervalMs: 0, generates: false, ...changes }
}

export function exampleDispatch(changes: Partial<DispatchSubjob> = {}): DispatchSubjob {
  return {
    type: 'DispatchSubjob',
    jobId: 'job-1',
    tenant: 'default',
    index: 0,
    producerKey: 'dmi-1#p1',
    service: 'dmi-1',
    dataProducerId: 'p1',
    kind: 'READ',
    destination: 'kafka:results',
    dataAcceptType: 'application/vnd.3gpp.object-tree-hierarchical+json',
    dataContentType: 'application/3gpp-json-patch+json',
    refusal: null,
    refusalMessage: null,
    cancelled: false,
    run: 1,
    authorization: null,
    priority: 0,
    attemptsMax: 3,
    deadlineAt: null,
    traceparent: null,
    called: false,
    ordered: true,
    generator: null,
    operations: [exampleRoutedOperation()],
    ...changes,
  }
}

export function exampleHandle(changes: Partial<Handle> = {}): Handle {
  return {
    alternateId: '/a',
    cmHandle: 'ch-1',
    moduleSetTag: '',
    dataProducerId: 'p1',
    service: 'dmi-1',
    writeService: null,
    ready: true,
    ...changes,
  }
}
