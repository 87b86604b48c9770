import { describe, expect, it } from 'vitest'
import { coordinator, type CoordinatorLane, dispatchesOf, endOf, states, submission } from '../../../test/fakes/coordinator-lane.ts'
import { exampleRoutedOperation } from '../../../test/fakes/domain-examples.ts'
import { openHeapStore } from '../../../test/fakes/heap-store.ts'
import type { RetryJob, SubjobEnded } from '../../domain/messages.ts'
import type { OperationStore } from '../operation-store.ts'

const MIB = 1024 * 1024
const retry: RetryJob = { type: 'RetryJob', jobId: 'job-1', requestedBy: null, run: null, authorization: null, priority: null }

/** Says of whatever it keeps that it takes so many bytes. */
function storeOf(bytes: number): OperationStore {
  const keep: OperationStore['keep'] = (operations) => {
    return { count: operations.length, bytes, load: () => operations, release: () => undefined }
  }
  return { ...openHeapStore(), keep }
}

function failureOf(index: number, run = 1): SubjobEnded {
  const failedOperations = [exampleRoutedOperation({ operationId: String(index), path: '/a' })]
  return endOf(index, { run, outcome: 'failed', succeeded: 0, failed: 1, failedOperations })
}

/** A job of three subjobs, all of which have failed. */
function failedJob(bytes: number): CoordinatorLane {
  const lane = coordinator({ store: storeOf(bytes), splits: { operationsMax: 1, bytesMax: MIB } })
  lane.take(submission(['/a', '/a', '/a']))
  for (const index of [0, 1, 2]) lane.take(failureOf(index))
  lane.complete({ jobId: 'job-1', records: [], message: null })
  return lane
}

describe('what failed of a large job', () => {
  it('is tried again as far as one transaction takes it; the rest next time, before what has failed again', () => {
    const lane = failedJob(16 * MIB)
    expect(dispatchesOf(lane.take(retry)).map(({ index }) => index)).toEqual([0, 1])
    lane.take(failureOf(0, 2))
    expect(states(lane.take(failureOf(1, 2)))).toEqual(['concluding'])
    expect(lane.effects.at(-1)).toMatchObject({ job: { operations: { total: 3, succeeded: 0, failed: 3 } } })
    lane.complete({ jobId: 'job-1', records: [], message: null })
    expect(dispatchesOf(lane.take(retry)).map(({ index }) => index)).toEqual([2, 0])
  })

  it('is tried again even where one subjob is more than that', () => {
    expect(dispatchesOf(failedJob(33 * MIB).take(retry)).map(({ index }) => index)).toEqual([0])
  })
})
