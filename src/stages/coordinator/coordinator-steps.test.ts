import { describe, expect, it } from 'vitest'
import { coordinator, type CoordinatorLane, dispatchesOf, endOf, states, submission } from '../../../test/fakes/coordinator-lane.ts'
import { exampleGroup, exampleRoutedOperation } from '../../../test/fakes/domain-examples.ts'
import { compacted } from '../../../test/fakes/stage-run.ts'
import type { AddOperations, SubjobEnded, SubmitJob } from '../../domain/messages.ts'

const REFUSED = 104

/** Two steps, one that comes after both, and one that comes after that. */
const inSteps = submission(['/a', '/b', '/a', '/b'], {
  groups: [exampleGroup({ operations: 2 }), exampleGroup({ after: [0] }), exampleGroup({ after: [1] })],
})

function failureOf(index: number, changes: Partial<SubjobEnded> = {}): SubjobEnded {
  const failedOperations = [exampleRoutedOperation({ operationId: String(index), path: index % 2 === 0 ? '/a' : '/b' })]
  return endOf(index, { outcome: 'failed', succeeded: 0, failed: 1, failedOperations, ...changes })
}

/** The indexes that are handed out to be done, and those of which their producers are not asked. */
function handed(turn: ReturnType<CoordinatorLane['take']>): { readonly done: readonly number[]; readonly refused: readonly number[] } {
  const [refused, done] = [true, false].map((isRefused) => dispatchesOf(turn).filter(({ refusal }) => (refusal === REFUSED) === isRefused))
  return { done: (done ?? []).map(({ index }) => index), refused: (refused ?? []).map(({ index }) => index) }
}

describe('a job in steps', () => {
  it('hands a step out once all that it comes after has succeeded, through restarts', () => {
    const lane = coordinator()
    const taken = lane.take(inSteps)
    expect(handed(taken)).toEqual({ done: [0, 1], refused: [] })
    expect(taken.messages('DispatchSubjob').every(({ ordered }) => !ordered)).toBe(true)
    expect(handed(lane.take(endOf(1))).done).toEqual([])
    lane.restart(compacted(lane.changelog))
    expect(handed(lane.take(endOf(0))).done).toEqual([2])
    lane.restart(compacted(lane.changelog))
    expect(handed(lane.take(endOf(2))).done).toEqual([3])
    expect(lane.take(endOf(2)).silent).toBe(true)
    expect(states(lane.take(endOf(3)))).toEqual(['concluding'])
    lane.complete({ jobId: 'job-1', records: [], message: null })
    expect(compacted(lane.changelog).flatMap(({ key, entry }) => (entry === null ? [] : [key]))).toEqual(['job:job-1'])
  })

  it('reports what comes after one that failed as refused, once, and lets what is beside it go on', () => {
    const lane = coordinator()
    lane.take(inSteps)
    expect(handed(lane.take(failureOf(0)))).toEqual({ done: [], refused: [2] })
    lane.restart(compacted(lane.changelog))
    expect(handed(lane.take(failureOf(1)))).toEqual({ done: [], refused: [] })
    expect(handed(lane.take(failureOf(2)))).toEqual({ done: [], refused: [3] })
    expect(states(lane.take(failureOf(3)))).toEqual(['concluding'])
  })

  it('that is tried again does what failed and what waited for it, in the same order, and nothing else', () => {
    const lane = coordinator()
    lane.take(inSteps)
    lane.take(endOf(0))
    for (const index of [1, 2, 3]) lane.take(failureOf(index))
    lane.complete({ jobId: 'job-1', records: [], message: null })
    lane.restart(compacted(lane.changelog))
    const again = { type: 'RetryJob', jobId: 'job-1', requestedBy: null, run: 2, authorization: null, priority: null } as const
    expect(handed(lane.take(again)).done).toEqual([1])
    lane.restart(compacted(lane.changelog))
    expect(handed(lane.take(endOf(1, { run: 2 }))).done).toEqual([2])
    expect(handed(lane.take(failureOf(2, { run: 2 })))).toEqual({ done: [], refused: [3] })
    lane.take(failureOf(3, { run: 2 }))
    lane.complete({ jobId: 'job-1', records: [], message: null })
    expect(handed(lane.take({ ...again, run: 3 })).done).toEqual([2])
    expect(handed(lane.take(endOf(2, { run: 3 }))).done).toEqual([3])
    expect(states(lane.take(endOf(3, { run: 3 })))).toEqual(['concluding'])
  })

  it('that is cancelled hands out nothing more to be done', () => {
    const lane = coordinator()
    lane.take(inSteps)
    const cancel = { type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs: null } as const
    expect(handed(lane.take(cancel))).toEqual({ done: [], refused: [2, 3] })
    expect(handed(lane.take(endOf(0)))).toEqual({ done: [], refused: [] })
    expect(handed(lane.take(endOf(1)))).toEqual({ done: [], refused: [] })
  })

  it('is set aside when its groups are not as they should be', () => {
    const lane = coordinator()
    const turn = lane.take({ ...inSteps, groups: [exampleGroup({ operations: 3 })] })
    expect(turn.deadLetters.map(({ cause }) => cause)).toEqual(['groups: they have 3 operations, and the job has 4'])
  })
})

describe('a job in steps and in parts', () => {
  const announced: SubmitJob = { ...inSteps, operations: [], submission: 'mark', parts: 2, operationCount: 4 }
  const part = (number: number, from: number, to: number): AddOperations => {
    return { type: 'AddOperations', submission: 'mark', part: number, authorization: null, operations: inSteps.operations.slice(from, to) }
  }
  const place = { key: Buffer.from('job-1') }

  it('begins with what has come, and goes on over its parts', () => {
    const lane = coordinator()
    lane.take(announced)
    expect(handed(lane.take(part(0, 0, 1), place)).done).toEqual([0])
    expect(handed(lane.take(endOf(0))).done).toEqual([])
    lane.restart(compacted(lane.changelog))
    expect(handed(lane.take(part(1, 1, 4), place)).done).toEqual([1])
    expect(handed(lane.take(endOf(1))).done).toEqual([2])
  })

  it('refuses what comes after one that failed before it came', () => {
    const lane = coordinator()
    lane.take(announced)
    lane.take(part(0, 0, 2), place)
    lane.take(failureOf(0))
    expect(handed(lane.take(part(1, 2, 4), place))).toEqual({ done: [], refused: [2] })
  })

  it.each([
    ['holds fewer steps than its groups', part(1, 1, 3), [2]],
    ['is lost', part(2, 0, 0), []],
  ])('is cancelled when a part %s', (_, second, refused) => {
    const lane = coordinator()
    lane.take(announced)
    lane.take(part(0, 0, 1), place)
    const turn = lane.take(second, place)
    expect(states(turn)).toEqual(['cancelling'])
    expect(handed(turn).refused).toEqual(refused)
  })
})

describe('a step that is tried again by itself', () => {
  const INTERVAL_MS = 5_000
  const again = submission(['/a', '/b'], {
    groups: [exampleGroup({ retries: 2, retryIntervalMs: INTERVAL_MS }), exampleGroup({ after: [0] })],
    authorization: 'Bearer x',
  })
  const attempts = [{ number: 1, worker: 'w', startedAt: 1, endedAt: 2, outcome: 'failed', code: null, message: null } as const]
  const failed = (run: number): SubjobEnded => failureOf(0, { run, attempts })

  it('rests for its interval first, through restarts, and is done then; what comes after it waits', () => {
    const lane = coordinator()
    lane.take(again)
    const turn = lane.take(failed(1))
    expect(handed(turn)).toEqual({ done: [], refused: [] })
    expect(states(turn)).toEqual(['running'])
    const at = lane.now + INTERVAL_MS
    expect(turn.messages('SubjobsPlanned')).toMatchObject([{ subjobs: [{ index: 0, run: 2, retryAt: at }] }])
    lane.restart(compacted(lane.changelog))
    const rung = lane.ring()
    expect(lane.now).toBe(at)
    expect(rung.messages('DispatchSubjob')).toMatchObject([{ index: 0, run: 2, authorization: 'Bearer x', refusal: null, ordered: false }])
    expect(lane.take(failed(1)).silent).toBe(true)
    expect(handed(lane.take(endOf(0, { run: 2 }))).done).toEqual([1])
  })

  it('rests no longer than its interval after a restart, whatever the clock had shown', () => {
    const lane = coordinator()
    lane.take(again)
    lane.now += 3_600_000
    lane.take(failed(1))
    lane.now -= 3_600_000
    lane.restart(compacted(lane.changelog))
    const from = lane.now
    lane.ring()
    expect(lane.now).toBe(from + INTERVAL_MS)
  })

  it('has failed once it was tried as often as its group says, and is tried as often when its client asks for it', () => {
    const lane = coordinator()
    lane.take(again)
    for (const run of [1, 2]) {
      lane.take(failed(run))
      lane.ring()
    }
    expect(handed(lane.take(failed(3)))).toEqual({ done: [], refused: [1] })
    lane.take(failureOf(1))
    lane.complete({ jobId: 'job-1', records: [], message: null })
    lane.take({ type: 'RetryJob', jobId: 'job-1', requestedBy: null, run: null, authorization: 'Bearer y', priority: null })
    lane.take(failed(4))
    lane.restart(compacted(lane.changelog))
    expect(lane.ring().messages('DispatchSubjob')).toMatchObject([{ index: 0, run: 5, authorization: 'Bearer y' }])
  })

  it.each<[string, Partial<SubjobEnded>]>([
    ['was cancelled at its producer', { outcome: 'cancelled', attempts }],
    ['was refused without being tried', { attempts: [] }],
  ])('is not when it %s', (_, changes) => {
    const lane = coordinator()
    lane.take(again)
    expect(handed(lane.take(failureOf(0, changes))).refused).toEqual([1])
  })

  it('is not when it was to be cancelled, though it failed before that arrived', () => {
    const lane = coordinator()
    lane.take(again)
    lane.take({ type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs: [0] })
    expect(handed(lane.take(failed(1))).refused).toEqual([1])
  })

  it('is not when its rest would end after the deadline of its job', () => {
    const lane = coordinator()
    lane.take({ ...again, deadlineAt: lane.now + INTERVAL_MS })
    expect(handed(lane.take(failed(1))).refused).toEqual([1])
  })

  it('and is cancelled while it rests is reported, and not begun when its time comes', () => {
    const lane = coordinator()
    lane.take(again)
    lane.take(failed(1))
    const turn = lane.take({ type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs: [0] })
    expect(turn.messages('DispatchSubjob')).toMatchObject([{ index: 0, run: 2, cancelled: true }])
    expect(lane.ring().silent).toBe(true)
    expect(handed(lane.take(failureOf(0, { run: 2, outcome: 'cancelled' }))).refused).toEqual([1])
  })
})
