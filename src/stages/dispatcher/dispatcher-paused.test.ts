import { describe, expect, it } from 'vitest'
import { dispatcher, type DispatcherLane, done, hopeless, publish, retriable } from '../../../test/fakes/dispatcher-lane.ts'
import { exampleDispatch, exampleRoutedOperation } from '../../../test/fakes/domain-examples.ts'
import { compacted } from '../../../test/fakes/stage-run.ts'
import type { DispatchSubjob } from '../../domain/messages.ts'

const paused = new Set<string>()

function lane({ subjobsInFlightMax = 10 } = {}): DispatcherLane {
  paused.clear()
  return dispatcher({
    subjobsInFlightMax: () => subjobsInFlightMax,
    definitionOf: (path) => (path.startsWith('/of/') ? path : null),
    isPaused: (definition, tenant) => tenant === 'default' && paused.has(definition),
  })
}

function asking(index: number, path: string, changes: Partial<DispatchSubjob> = {}): DispatchSubjob {
  return exampleDispatch({ jobId: `job-${index}`, operations: [exampleRoutedOperation({ operationId: String(index), path })], ...changes })
}

const submitted = (run: DispatcherLane): readonly string[] => {
  return run.takeEffects().flatMap((effect) => (effect.type === 'SubmitSubjob' ? [effect.subjobId] : []))
}

describe('a subjob that asks for what is paused', () => {
  it('is not begun, keeps no other from its place, and begins soon after the pause', () => {
    const run = lane({ subjobsInFlightMax: 1 })
    paused.add('/of/a')
    for (const [index, path] of ['/of/a', '/of/b', '/of/a'].entries()) run.take(asking(index, path))
    expect(submitted(run)).toEqual(['job-1/0'])
    run.ring()
    expect([submitted(run), run.timers.size]).toEqual([[], 1])
    const [wokenAt] = run.timers.values()
    expect((wokenAt ?? Infinity) - run.now).toBeLessThanOrEqual(1_000)
    paused.clear()
    run.ring()
    expect(submitted(run)).toEqual([])
    run.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: hopeless, retryAfterMs: 0 })
    expect(submitted(run)).toEqual(['job-2/0'])
    run.complete({ type: 'CallFailed', subjobId: 'job-2/0', run: 1, attempt: 1, failure: hopeless, retryAfterMs: 0 })
    expect(submitted(run)).toEqual(['job-0/0'])
    expect(run.timers.size).toBe(0)
  })

  it('is not begun where one of several things is paused, or after a restart, and writes of its job wait for it', () => {
    const run = lane()
    paused.add('/of/b')
    const both = ['/of/a', '/of/b'].map((path, at) => exampleRoutedOperation({ operationId: String(at), path }))
    const written = { jobId: 'job-1', kind: 'WRITE', ordered: true } as const
    run.take(exampleDispatch({ ...written, index: 0, operations: both }))
    run.take(exampleDispatch({ ...written, index: 1 }))
    run.restart(compacted(run.changelog))
    expect(submitted(run)).toEqual([])
    run.ring()
    paused.clear()
    run.ring()
    expect(submitted(run)).toEqual(['job-1/0'])
  })

  it('is not begun again, where an attempt has failed before the pause', () => {
    const run = lane()
    run.take(asking(0, '/of/a', { attemptsMax: 3 }))
    expect(submitted(run)).toEqual(['job-0/0'])
    run.complete({ type: 'CallFailed', subjobId: 'job-0/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 0 })
    paused.add('/of/a')
    run.ring()
    expect(submitted(run)).toEqual([])
    run.restart(compacted(run.changelog))
    run.ring()
    expect(submitted(run)).toEqual([])
    paused.clear()
    run.ring()
    expect(submitted(run)).toEqual(['job-0/0'])
  })

  it('can be cancelled, and taken back, and nothing is left of it', () => {
    const run = lane()
    paused.add('/of/a')
    run.take(asking(0, '/of/a'))
    run.take(asking(1, '/of/a'))
    run.take({ type: 'CancelSubjob', jobId: 'job-0', index: 0, run: 1, message: 'no more' })
    expect(publish(run, 'job-0/0', { ...done, succeeded: 0, failed: 1 }).messages('SubjobEnded')).toMatchObject([{ outcome: 'cancelled' }])
    const recalled = run.take({ type: 'RecallSubjob', jobId: 'job-1', index: 0, run: 1 })
    expect(recalled.messages('SubjobRecalled')).toMatchObject([{ order: { jobId: 'job-1' } }])
    expect(run.stage.load()).toBe(0)
    paused.clear()
    run.ring()
    expect([submitted(run), run.timers.size]).toEqual([[], 0])
  })

  it('is begun where another tenant’s is paused, or something that it does not ask for', () => {
    const run = lane()
    paused.add('/of/a').add('/other')
    run.take(asking(0, '/of/a', { tenant: 'east' }))
    run.take(asking(1, '/other'))
    expect(submitted(run)).toEqual(['job-0/0', 'job-1/0'])
  })
})
