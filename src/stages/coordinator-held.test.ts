import { describe, expect, it } from 'vitest'
import { AWAY, coordinator, dispatchesOf, endOf, HOME, startOf, states, submission } from '../../test/fakes/coordinator-lane.ts'
import { exampleRoutedOperation } from '../../test/fakes/domain-examples.ts'
import { compacted } from '../../test/fakes/stage-run.ts'
import type { ReleaseJob } from '../domain/messages.ts'

const release = (changes: Partial<ReleaseJob> = {}): ReleaseJob => {
  return { type: 'ReleaseJob', jobId: 'job-1', requestedBy: null, callbacks: {}, subjobs: null, ...changes }
}

describe('a job that is held', () => {
  const held = submission(['/a', '/b'], { held: true })

  it('is split, and none of its subjobs is dispatched before it is released', () => {
    const lane = coordinator()
    const taken = lane.take(held)
    expect(taken.messages('SubjobsPlanned')[0]?.subjobs).toHaveLength(2)
    expect(dispatchesOf(taken)).toEqual([])
    const released = lane.take(release({ callbacks: { done: 'http://example.org/' } }))
    expect(dispatchesOf(released).map(({ key }) => key)).toEqual(['dmi-1#p1', 'dmi-1#p2'])
    expect(released.messages('JobChanged').at(-1)?.job).toMatchObject({ held: false, callbacks: { done: 'http://example.org/' } })
    expect(lane.take(startOf(0)).messages('JobNotice')).toHaveLength(2)
    expect(lane.take(release()).silent).toBe(true)
    lane.take(endOf(0))
    expect(states(lane.take(endOf(1)))).toEqual(['concluding'])
  })

  it('is still held after a restart, and released from what the changelog has', () => {
    const lane = coordinator()
    lane.take(held)
    expect(dispatchesOf(lane.restart(compacted(lane.changelog)))).toEqual([])
    expect(dispatchesOf(lane.take(release())).map(({ index, operationIds }) => [index, operationIds])).toEqual([[0, ['0']], [1, ['1']]])
  })

  it('is held as well when it is tried again, where all of it was cancelled by itself', () => {
    const lane = coordinator()
    lane.take(held)
    lane.take({ type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs: [0, 1] })
    for (const index of [0, 1]) {
      const failedOperations = [exampleRoutedOperation({ operationId: String(index), path: '/a' })]
      lane.take(endOf(index, { outcome: 'cancelled', succeeded: 0, failed: 1, failedOperations }))
    }
    lane.complete({ jobId: 'job-1', records: [], message: null })
    const retry = { type: 'RetryJob', jobId: 'job-1', requestedBy: null, run: null, authorization: null, priority: null } as const
    expect(dispatchesOf(lane.take(retry))).toEqual([])
    expect(dispatchesOf(lane.take(release())).map(({ index }) => index)).toEqual([0, 1])
  })

  it('does not keep its lane from reading the command that begins it, and counts from then on', () => {
    const lane = coordinator()
    lane.take(held)
    expect(lane.stage.load()).toBe(0)
    lane.restart(compacted(lane.changelog))
    expect(lane.stage.load()).toBe(0)
    lane.take(release())
    expect(lane.stage.load()).toBe(2)
  })

  it('keeps what waits for others waiting when it is released', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b'], { held: true, dependencies: [{ operationId: '1', parents: ['0'] }] }))
    expect(dispatchesOf(lane.take(release())).map(({ index }) => index)).toEqual([0])
    expect(dispatchesOf(lane.take(endOf(0))).map(({ index }) => index)).toEqual([1])
  })

  it('begins in pieces where its client wants it so, through restarts, and each piece once', () => {
    const lane = coordinator()
    lane.take(held)
    expect(dispatchesOf(lane.take(release({ subjobs: [1] }))).map(({ index }) => index)).toEqual([1])
    expect(lane.stage.load()).toBe(1)
    lane.restart(compacted(lane.changelog))
    expect(lane.stage.load()).toBe(1)
    expect(lane.take(release({ subjobs: [1] })).silent).toBe(true)
    expect(states(lane.take(startOf(1)))).toEqual(['running'])
    lane.take(endOf(1))
    expect(lane.stage.load()).toBe(0)
    const rest = lane.take(release())
    expect(dispatchesOf(rest).map(({ index }) => index)).toEqual([0])
    expect(rest.messages('JobChanged').at(-1)?.job).toMatchObject({ held: false, released: [] })
    expect(states(lane.take(endOf(0)))).toEqual(['concluding'])
  })

  it('begins what waits for others only after them, in whichever order they are released', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b'], { held: true, dependencies: [{ operationId: '1', parents: ['0'] }] }))
    expect(dispatchesOf(lane.take(release({ subjobs: [1] })))).toEqual([])
    expect(dispatchesOf(lane.take(release({ subjobs: [0] }))).map(({ index }) => index)).toEqual([0])
    expect(dispatchesOf(lane.take(endOf(0))).map(({ index }) => index)).toEqual([1])
  })

  it('does not keep the lane from reading its release, for what was released of it and waits for the rest', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b'], { held: true, dependencies: [{ operationId: '1', parents: ['0'] }] }))
    lane.take(release({ subjobs: [1] }))
    expect(lane.stage.load()).toBe(0)
    lane.restart(compacted(lane.changelog))
    expect(lane.stage.load()).toBe(0)
    lane.take(release())
    expect(lane.stage.load()).toBe(2)
    lane.take(endOf(0))
    lane.take(endOf(1))
    expect(lane.stage.load()).toBe(0)
  })

  it('ends cancelled when a piece of it has begun', () => {
    const lane = coordinator()
    lane.take(held)
    lane.take(release({ subjobs: [0] }))
    lane.take(startOf(0))
    const turn = lane.take({ type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs: null })
    expect(turn.messages('CancelSubjob').map(({ index }) => index)).toEqual([0])
    expect(dispatchesOf(turn).map(({ index, refusal }) => [index, refusal])).toEqual([[1, 104]])
    expect(lane.stage.load()).toBe(2)
  })

  it('ends cancelled when it is cancelled, without asking a producer', () => {
    const lane = coordinator()
    lane.take(held)
    const turn = lane.take({ type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs: null })
    expect(states(turn)).toEqual(['cancelling'])
    expect(dispatchesOf(turn).map(({ refusal }) => refusal)).toEqual([104, 104])
    lane.take(endOf(0, { outcome: 'cancelled', succeeded: 0, failed: 1 }))
    expect(states(lane.take(endOf(1, { outcome: 'cancelled', succeeded: 0, failed: 1 })))).toEqual(['concluding'])
    expect(lane.take(release()).silent).toBe(true)
  })

  it('is not refused by itself either: a strict job tells what is missing once it is released', () => {
    const lane = coordinator()
    expect(dispatchesOf(lane.take(submission(['/a', '/nowhere'], { held: true, strict: true })))).toEqual([])
    expect(dispatchesOf(lane.take(release())).map(({ refusal }) => refusal)).toEqual([104, 100])
  })
})

describe('a release', () => {
  it('of a job or a subjob that is not there, or with an address that is none, is a dead letter', () => {
    const lane = coordinator()
    lane.take(submission(['/a'], { held: true }))
    const wrong = [{ jobId: 'unknown' }, { jobId: '' }, { subjobs: [1] }, { callbacks: { done: 'nonsense' } }]
    const causes = wrong.map(release).flatMap((each) => {
      return lane.take(each).deadLetters.map(({ cause }) => cause)
    })
    expect(causes).toEqual([
      'jobId: there is no job "unknown"',
      expect.stringMatching(/^jobId: /),
      'subjobs: the job has 1, counted from 0, and so no 1',
      'callbacks.done: it is no http or https URL',
    ])
    expect(dispatchesOf(lane.take(release()))).toHaveLength(1)
  })

  it('that arrived away from its home is sent there', () => {
    const turn = coordinator().take(release({ jobId: 'away-1' }), { partition: HOME })
    expect(turn.published).toMatchObject([{ to: 'commands', message: { type: 'ReleaseJob' }, options: { partition: AWAY } }])
  })

  it('of a job that is not held changes nothing', () => {
    const lane = coordinator()
    lane.take(submission(['/a']))
    expect(lane.take(release({ callbacks: { done: 'http://example.org/' } })).silent).toBe(true)
  })
})

it('a job in parts can’t be held', () => {
  const inParts = { operations: [], submission: 's', parts: 1, operationCount: 2, held: true }
  expect(coordinator().take(submission([], inParts)).deadLetters[0]?.cause).toBe('held: a job in parts can’t be held')
})
