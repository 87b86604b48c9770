import { describe, expect, it } from 'vitest'
import { AWAY, coordinator, dispatchesOf, endOf, HOME, startOf, states, submission } from '../../../test/fakes/coordinator-lane.ts'
import { exampleRoutedOperation } from '../../../test/fakes/domain-examples.ts'
import { compacted } from '../../../test/fakes/stage-run.ts'
import type { ReleaseJob } from '../../domain/messages.ts'

const hold = { type: 'HoldJob', jobId: 'job-1', requestedBy: null } as const
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

  it.each([false, true])('is held as well when it is tried again, unless it was cancelled as one: %s', (isCancelled) => {
    const lane = coordinator()
    lane.take(held)
    lane.take({ type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs: [0, 1] })
    for (const index of [0, 1]) {
      const failedOperations = [exampleRoutedOperation({ operationId: String(index), path: '/a' })]
      lane.take(endOf(index, { outcome: 'cancelled', succeeded: 0, failed: 1, failedOperations }))
    }
    lane.complete({ jobId: 'job-1', records: [], message: null })
    const retry = { type: 'RetryJob', jobId: 'job-1', requestedBy: null, run: null, authorization: null, priority: null } as const
    if (isCancelled) lane.take({ type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs: null })
    expect(dispatchesOf(lane.take(retry)).map(({ index }) => index)).toEqual(isCancelled ? [0, 1] : [])
    expect(dispatchesOf(lane.take(release())).map(({ index }) => index)).toEqual(isCancelled ? [] : [0, 1])
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

describe('a job that is held while it runs', () => {
  const subjobs = (turn: ReturnType<typeof dispatchesOf>): readonly number[] => turn.map(({ index }) => index)

  it('asks back what was handed out, begins nothing more, and what was begun goes on', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b', '/a'], { dependencies: [{ operationId: '2', parents: ['0'] }] }))
    const indexOf = new Map(lane.take(startOf(0)).messages('JobChanged').map(({ job }) => [job.state, job.held]))
    expect(indexOf.get('running')).toBe(false)
    const turn = lane.take(hold)
    expect(turn.messages('RecallSubjob').length).toBe(2)
    expect(turn.messages('JobChanged').at(-1)?.job).toMatchObject({ state: 'running', held: true })
    expect(lane.take(hold).silent).toBe(true)
    lane.restart(compacted(lane.changelog))
    expect(dispatchesOf(lane.take(endOf(0)))).toEqual([])
    const released = lane.take(release())
    expect(released.messages('DispatchSubjob')).toMatchObject([{ refusal: null }])
    expect(states(released)).toEqual(['running'])
  })

  it('keeps what is given back until its release, and hands it out as it was', () => {
    const lane = coordinator()
    const [first, second] = lane.take(submission(['/a', '/b'])).messages('DispatchSubjob')
    lane.take(hold)
    expect(lane.take({ type: 'SubjobRecalled', order: second! }).published.filter(({ to }) => to === 'subjobs')).toEqual([])
    expect(lane.stage.load()).toBe(1)
    expect(lane.take({ type: 'SubjobRecalled', order: second! }).silent).toBe(true)
    lane.restart(compacted(lane.changelog))
    expect(lane.take(release()).messages('DispatchSubjob')).toEqual([second])
    lane.take(endOf(0))
    expect(states(lane.take(endOf(1)))).toEqual(['concluding'])
    expect(first?.index).toBe(0)
  })

  it('that was released before something is given back hands that out at once', () => {
    const lane = coordinator()
    const [order] = lane.take(submission(['/a'])).messages('DispatchSubjob')
    lane.take(hold)
    expect(dispatchesOf(lane.take(release()))).toEqual([])
    expect(lane.take({ type: 'SubjobRecalled', order: order! }).messages('DispatchSubjob')).toEqual([order])
  })

  it('and is cancelled, or of which a subjob is, before something is given back reports that as cancelled', () => {
    for (const which of [null, [0]]) {
      const lane = coordinator()
      const [order] = lane.take(submission(['/a'])).messages('DispatchSubjob')
      lane.take(hold)
      lane.take({ type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs: which })
      const back = lane.take({ type: 'SubjobRecalled', order: order! })
      expect(back.messages('DispatchSubjob')).toMatchObject([{ refusal: 104, cancelled: true }])
    }
  })

  it('in pieces waits as a whole again', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/a'], { held: true, dependencies: [{ operationId: '1', parents: ['0'] }] }))
    lane.take(release({ subjobs: [1] }))
    lane.take(hold)
    expect(subjobs(dispatchesOf(lane.take(release())))).toEqual([0])
    expect(subjobs(dispatchesOf(lane.take(endOf(0))))).toEqual([1])
  })

  it('that has ended stays as it is', () => {
    const lane = coordinator()
    lane.take(submission(['/a']))
    lane.take(endOf(0))
    expect(lane.take(hold).silent).toBe(true)
  })
})
