import { describe, expect, it } from 'vitest'
import { coordinator, type CoordinatorLane, dispatchesOf, endOf, states, submission } from '../../../test/fakes/coordinator-lane.ts'
import { exampleGroup, exampleRoutedOperation } from '../../../test/fakes/domain-examples.ts'
import { compacted } from '../../../test/fakes/stage-run.ts'
import type { Job } from '../../domain/job.ts'
import type { AddOperations, RetryJob, StepGroup, SubjobEnded } from '../../domain/messages.ts'
import { GENERATIONS_MAX } from './generated-steps.ts'

/** One that yields others, one beside it, and one that comes after the first. */
const generating = submission(['/a', '/b', '/a'], {
  ...{ dialect: 'daggy', dialectData: '{"spec":"s"}' },
  groups: [exampleGroup({ generates: true }), exampleGroup(), exampleGroup({ after: [0] })],
})
const generator = exampleRoutedOperation({ operationId: '0', path: '/a' })

/** The step has succeeded and yields steps at /a and /b in turn. */
function yielding(index: number, groups: readonly StepGroup[], changes: Partial<SubjobEnded> = {}): SubjobEnded {
  const count = groups.reduce((sum, { operations }) => sum + operations, 0)
  const operations = Array.from({ length: count }, (_, at) => {
    return exampleRoutedOperation({ operationId: `${index}/${at}`, path: at % 2 === 0 ? '/a' : '/b' })
  })
  const attempt = { number: 1, worker: 'w', startedAt: 1, endedAt: 2, outcome: 'succeeded' as const, code: null, message: null }
  return endOf(index, {
    ...{ generated: { source: `of ${index}`, operations, groups, authorization: 'Bearer t', generator }, attempts: [attempt] },
    ...changes,
  })
}

function failureOf(index: number, changes: Partial<SubjobEnded> = {}): SubjobEnded {
  return endOf(index, { outcome: 'failed', succeeded: 0, failed: 1, failedOperations: [generator], ...changes })
}

type Taken = ReturnType<CoordinatorLane['take']>

function handed(turn: Taken): { readonly done: readonly number[]; readonly refused: readonly number[] } {
  const of = (isRefused: boolean): readonly number[] =>
    dispatchesOf(turn).flatMap(({ refusal, index }) => ((refusal !== null) === isRefused ? [index] : []))
  return { done: of(false), refused: of(true) }
}

function jobAfter(turn: Taken): Job | undefined {
  return turn.messages('JobChanged').at(-1)?.job
}

const again: RetryJob = { type: 'RetryJob', jobId: 'job-1', requestedBy: null, run: null, authorization: null, priority: null }

describe('a step that yields others', () => {
  it('is known to its producer’s owner, with what its dialect has of the job', () => {
    const lane = coordinator()
    const orders = lane.take(generating).messages('DispatchSubjob')
    expect(orders.map(({ generator: given }) => given)).toEqual([{ dialect: 'daggy', dialectData: '{"spec":"s"}' }, null])
  })

  it('has these done before what comes after it, each once, through restarts and repetitions', () => {
    const lane = coordinator()
    lane.take(generating)
    const report = yielding(0, [exampleGroup({ operations: 2 }), exampleGroup({ after: [0] })])
    const turn = lane.take(report)
    expect(handed(turn)).toEqual({ done: [3, 4], refused: [] })
    expect(turn.messages('DispatchSubjob').map(({ authorization, run, generator: given }) => [authorization, run, given])).toEqual([
      ['Bearer t', 1, null],
      ['Bearer t', 1, null],
    ])
    expect(turn.messages('SubjobsPlanned').flatMap(({ subjobs }) => subjobs.map(({ index }) => index))).toEqual([3, 4, 5])
    expect(turn.messages('SubjobEnded')).toEqual([{ ...report, generated: null }])
    expect(jobAfter(turn)).toMatchObject({
      ...{ state: 'running', operations: { total: 6, succeeded: 1 }, subjobs: { total: 6, succeeded: 1 } },
      generated: [{ step: 0, first: 3, steps: 3, source: 'of 0' }],
    })
    expect(lane.take(report).silent).toBe(true)
    lane.restart(compacted(lane.changelog))
    expect(lane.take(report).silent).toBe(true)
    expect(handed(lane.take(endOf(4))).done).toEqual([])
    expect(handed(lane.take(endOf(3))).done).toEqual([5])
    lane.restart(compacted(lane.changelog))
    expect(handed(lane.take(endOf(5))).done).toEqual([2])
    lane.take(endOf(1))
    expect(states(lane.take(endOf(2)))).toEqual(['concluding'])
    lane.complete({ jobId: 'job-1', records: [], message: null })
    expect(compacted(lane.changelog).flatMap(({ key, entry }) => (entry === null ? [] : [key]))).toEqual(['job:job-1'])
  })

  it('may yield steps that yield others', () => {
    const lane = coordinator()
    lane.take(generating)
    expect(handed(lane.take(yielding(0, [exampleGroup({ generates: true })])))).toEqual({ done: [3], refused: [] })
    expect(handed(lane.take(yielding(3, [exampleGroup({ operations: 2 })])))).toEqual({ done: [4, 5], refused: [] })
    lane.restart(compacted(lane.changelog))
    expect(handed(lane.take(endOf(4))).done).toEqual([])
    expect(handed(lane.take(endOf(5))).done).toEqual([2])
  })

  it('is not begun again when one of these has failed and the job is tried again: only what is not done is, in order', () => {
    const lane = coordinator()
    lane.take(generating)
    lane.take(endOf(1))
    lane.take(yielding(0, [exampleGroup({ operations: 2 }), exampleGroup({ after: [0] })]))
    lane.take(endOf(3))
    expect(handed(lane.take(failureOf(4)))).toEqual({ done: [], refused: [2, 5] })
    for (const index of [5, 2]) lane.take(failureOf(index))
    lane.complete({ jobId: 'job-1', records: [], message: null })
    lane.restart(compacted(lane.changelog))
    const turn = lane.take(again)
    expect(handed(turn).done).toEqual([4])
    expect(jobAfter(turn)).toMatchObject({ operations: { total: 6, succeeded: 3, failed: 0 }, generated: [{ steps: 3 }] })
    lane.restart(compacted(lane.changelog))
    expect(handed(lane.take(endOf(4, { run: 2 }))).done).toEqual([5])
    expect(handed(lane.take(endOf(5, { run: 2 }))).done).toEqual([2])
    expect(states(lane.take(endOf(2, { run: 2 })))).toEqual(['concluding'])
  })

  it('yields them when it is tried again, where it has failed before', () => {
    const lane = coordinator()
    lane.take(generating)
    lane.take(endOf(1))
    expect(handed(lane.take(failureOf(0))).refused).toEqual([2])
    lane.take(failureOf(2))
    lane.complete({ jobId: 'job-1', records: [], message: null })
    expect(lane.take(again).messages('DispatchSubjob')).toMatchObject([{ index: 0, generator: { dialect: 'daggy' } }])
    expect(handed(lane.take(yielding(0, [exampleGroup()], { run: 2 }))).done).toEqual([3])
    expect(handed(lane.take(endOf(3))).done).toEqual([2])
  })

  it('that succeeds while its job is cancelled has these refused, and done when the job is tried again', () => {
    const lane = coordinator()
    lane.take(generating)
    lane.take({ type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs: null })
    expect(handed(lane.take(yielding(0, [exampleGroup(), exampleGroup({ after: [0] })])))).toEqual({ done: [], refused: [3, 4] })
    for (const index of [1, 2, 3, 4]) lane.take(failureOf(index))
    lane.complete({ jobId: 'job-1', records: [], message: null })
    expect(handed(lane.take(again)).done.toSorted()).toEqual([1, 3])
    expect(handed(lane.take(endOf(3, { run: 2 }))).done).toEqual([4])
    expect(handed(lane.take(endOf(4, { run: 2 }))).done).toEqual([2])
  })

  it('of a job that is held in part has these wait for the release', () => {
    const lane = coordinator()
    lane.take({ ...generating, held: true })
    const release = { type: 'ReleaseJob', jobId: 'job-1', requestedBy: null, callbacks: {} } as const
    expect(handed(lane.take({ ...release, subjobs: [0] })).done).toEqual([0])
    expect(handed(lane.take(yielding(0, [exampleGroup()]))).done).toEqual([])
    expect(handed(lane.take({ ...release, subjobs: null })).done).toEqual([1, 3])
    expect(handed(lane.take(endOf(3))).done).toEqual([2])
  })

  it('may yield them while parts of the job are still to come', () => {
    const lane = coordinator()
    const place = { key: Buffer.from('job-1') }
    const part = (number: number, from: number, to: number): AddOperations => {
      const operations = generating.operations.slice(from, to)
      return { type: 'AddOperations', submission: 'mark', part: number, authorization: null, operations }
    }
    lane.take({ ...generating, operations: [], submission: 'mark', parts: 2, operationCount: 3 })
    expect(handed(lane.take(part(0, 0, 1), place)).done).toEqual([0])
    expect(handed(lane.take(yielding(0, [exampleGroup()]))).done).toEqual([3])
    lane.restart(compacted(lane.changelog))
    expect(handed(lane.take(part(1, 1, 3), place)).done).toEqual([1])
    expect(handed(lane.take(endOf(3))).done).toEqual([2])
    lane.take(endOf(1))
    expect(states(lane.take(endOf(2)))).toEqual(['concluding'])
  })
})

describe('a step that yields what its job has no room for', () => {
  it.each<[string, readonly StepGroup[], string]>([
    ['steps', [exampleGroup({ operations: 20_000 })], 'they make 20003 steps of the job, and it may have 20000'],
    ['groups', [exampleGroup({ after: [0] })], '0 is not the position of a group before this one'],
  ])('for its %s has failed, says why, and can be tried again', (_, groups, reason) => {
    const lane = coordinator()
    lane.take(generating)
    const turn = lane.take(yielding(0, groups))
    expect(handed(turn)).toEqual({ done: [], refused: [2] })
    const message = `What it has generated can’t be added: ${reason}`
    const attempts = [{ outcome: 'failed', message }]
    const told = { index: 0, outcome: 'failed', succeeded: 0, failed: 1, message, attempts, failedOperations: [generator], generated: null }
    expect(turn.messages('SubjobEnded')).toMatchObject([told])
    expect(jobAfter(turn)).toMatchObject({ operations: { total: 3, failed: 1 }, generated: [] })
    for (const index of [1, 2]) lane.take(failureOf(index))
    lane.complete({ jobId: 'job-1', records: [], message: null })
    expect(handed(lane.take(again)).done.toSorted()).toEqual([0, 1])
    expect(handed(lane.take(yielding(0, [exampleGroup()], { run: 2 }))).done).toEqual([3])
  })

  it('which is when as many have before as a job may name', () => {
    const lane = coordinator({ submissions: { operationsMax: 1_000, pathLengthMax: 100 } })
    const paths = Array.from({ length: GENERATIONS_MAX + 1 }, () => '/a')
    lane.take(submission(paths, { groups: [exampleGroup({ operations: GENERATIONS_MAX + 1, generates: true })] }))
    for (let index = 0; index < GENERATIONS_MAX; index += 1) {
      expect(handed(lane.take(yielding(index, [exampleGroup()]))).done).toEqual([GENERATIONS_MAX + 1 + index])
    }
    const [told] = lane.take(yielding(GENERATIONS_MAX, [exampleGroup()])).messages('SubjobEnded')
    const message = expect.stringContaining('100 steps of the job have generated some') as string
    expect(told).toMatchObject({ outcome: 'failed', message })
  })

  it('which is when nothing was expected of it', () => {
    const lane = coordinator()
    lane.take(generating)
    expect(lane.take(yielding(1, [exampleGroup()])).messages('SubjobEnded')).toMatchObject([{ outcome: 'failed', index: 1 }])
  })
})
