import { describe, expect, it } from 'vitest'
import { exampleDispatch, exampleRoutedOperation } from '../../test/fakes/domain-examples.ts'
import type { RoutedOperation } from '../domain/operation.ts'
import { ResponseCode } from '../domain/response-code.ts'
import { createMetrics } from '../observability/metrics.ts'
import { SinkFailure, type Sink } from '../sinks/sink.ts'
import { HeapOperations, OperationsReleased } from '../stages/operation-store.ts'
import type { DispatcherEffect } from '../stages/dispatcher/subjob-calls.ts'
import { dispatcherEffects } from './dispatcher-effects.ts'
import type { DmiCalls } from './dmi-calls.ts'
import { Publications } from './publications.ts'

const operations = [1, 2, 3, 4].map((operationId) => exampleRoutedOperation({ operationId, path: '/a/b'.repeat(100) }))
const { operations: _, ...dispatch } = exampleDispatch()
const call = { subjobId: 'job-1/0', run: 1, attempt: 1, dispatch, operations: new HeapOperations(operations) }
const publish = {
  ...{ type: 'PublishResult', ...call, calledSince: 0, unmentioned: null },
  source: { type: 'failure', code: ResponseCode.Rejected, message: 'no' },
} as const satisfies DispatcherEffect
const { signal } = new AbortController()

function publicationsTo(answer: Sink['publish']): Publications {
  const sink = { bodyBytesMax: 0, destinationExists: () => Promise.resolve(true), publish: answer, conclude: () => Promise.resolve([]) }
  return new Publications({
    ...{ calls: undefined as unknown as DmiCalls, client: undefined as never, named: undefined as never },
    ...{ sinks: { topic: sink, bucket: sink, resultsTopic: 'results' }, destinationOf: () => ({ type: 'none' }) },
    generators: {},
    ...{ resultLimits: { valueBytesMax: 1, depthMax: 1 }, resultsInFlightMax: 4, waitingBytesMax: 1_000_000, metrics: createMetrics() },
  })
}

function answering(records: readonly Buffer[], failedOperations: readonly RoutedOperation[]): Sink['publish'] {
  const written = records.map((value) => ({ topic: 't', key: null, value }))
  const failed = failedOperations.length
  return () => {
    return Promise.resolve({ records: written, object: null, succeeded: 4 - failed, failed, failedOperations, foreign: 0, message: null })
  }
}

describe('the effects of a dispatcher', () => {
  it('are of no interest once their subjob has ended, and do not end its lane', async () => {
    const late = { submit: () => Promise.reject(new OperationsReleased()) } as unknown as DmiCalls
    const run = dispatcherEffects(late, undefined as unknown as Publications)
    const completion = await run({ type: 'SubmitSubjob', ...call }, signal)
    expect(completion).toEqual({ type: 'CancelAnswered', subjobId: 'job-1/0', run: 1, attempt: 1, again: false })
  })

  it('fail their lane for any other error', async () => {
    const broken = { submit: () => Promise.reject(new Error('a defect')) } as unknown as DmiCalls
    const run = dispatcherEffects(broken, undefined as unknown as Publications)
    await expect(run({ type: 'SubmitSubjob', ...call }, signal)).rejects.toThrow('a defect')
  })
})

describe('the bytes of a publication', () => {
  it('are those of its records, and of the operations that are written for another run', async () => {
    const bytesOf = async (answer: Sink['publish']): Promise<number> => {
      const publications = publicationsTo(answer)
      return publications.bytesOf(await publications.publish(publish, signal))
    }
    const { bytes } = call.operations
    expect(bytes).toBeGreaterThan(1_600)
    expect(await bytesOf(answering([Buffer.alloc(100), Buffer.alloc(50)], []))).toBe(150)
    expect(await bytesOf(answering([], operations))).toBe(bytes)
    expect(await bytesOf(answering([Buffer.alloc(100)], operations.slice(0, 1)))).toBe(100 + bytes / 4)
    const failing = (disposition: 'retry' | 'reject') => (): Promise<never> => {
      return Promise.reject(new SinkFailure('away', { disposition, code: 'X' }))
    }
    expect(await bytesOf(failing('retry'))).toBe(0)
    expect(await bytesOf(failing('reject'))).toBe(bytes)
  })
})
