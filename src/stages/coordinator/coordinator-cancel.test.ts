import { describe, expect, it } from 'vitest'
import { coordinator, dispatchesOf, endOf, states, submission } from '../../../test/fakes/coordinator-lane.ts'
import { compacted } from '../../../test/fakes/stage-run.ts'
import type { CancelJob, ReleaseJob, RetryJob } from '../../domain/messages.ts'

const cancel = (...subjobs: readonly number[]): CancelJob => ({ type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs })
const killed = { outcome: 'cancelled', succeeded: 0, failed: 1 } as const

describe('a subjob that is cancelled by itself', () => {
  it('is asked to end where it is, once, and the job goes on', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b']))
    const turn = lane.take(cancel(1))
    expect(states(turn)).toEqual([])
    const asked = { type: 'CancelSubjob', jobId: 'job-1', index: 1, run: 1, message: 'it was cancelled' }
    expect(turn.published).toEqual([expect.objectContaining({ to: 'subjobs', key: 'dmi-1#p2', message: asked })])
    lane.restart(compacted(lane.changelog))
    expect(lane.take(cancel(1)).silent).toBe(true)
    expect(states(lane.take(endOf(1, killed)))).toEqual(['running'])
    expect(states(lane.take(endOf(0)))).toEqual(['concluding'])
    expect(lane.effects).toMatchObject([{ job: { outcome: 'partiallyFailed', subjobs: { succeeded: 1, cancelled: 1 } } }])
  })

  it('is reported without its producer where it waits for others, and those that wait for it are refused', () => {
    const lane = coordinator()
    const dependencies = [{ operationId: '1', parents: ['0'] }, { operationId: '2', parents: ['1'] }]
    lane.take(submission(['/a', '/a', '/a'], { dependencies }))
    const turn = lane.take(cancel(1))
    const refusal = { refusal: 104, refusalMessage: 'it was cancelled', cancelled: true, service: '' }
    expect(turn.messages('DispatchSubjob')).toMatchObject([{ index: 1, ...refusal }])
    expect(turn.messages('CancelSubjob')).toEqual([])
    lane.restart(compacted(lane.changelog))
    const after = lane.take(endOf(1, killed)).messages('DispatchSubjob')
    expect(after).toMatchObject([{ index: 2, refusalMessage: 'an operation that it waits for failed', cancelled: false }])
    expect(dispatchesOf(lane.take(endOf(0)))).toEqual([])
  })

  it('of a job that is held is not begun by its release', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b'], { held: true }))
    expect(dispatchesOf(lane.take(cancel(0))).map(({ index, refusal }) => [index, refusal])).toEqual([[0, 104]])
    const release: ReleaseJob = { type: 'ReleaseJob', jobId: 'job-1', requestedBy: null, callbacks: {}, subjobs: null }
    expect(dispatchesOf(lane.take(release)).map(({ index, refusal }) => [index, refusal])).toEqual([[1, null]])
  })

  it('is done when the job is tried again', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b']))
    lane.take(cancel(1))
    const failedOperations = [{ operationId: '1', op: 'read', path: '/b', value: null, options: null, moduleSetTag: '' } as const]
    lane.take(endOf(1, { ...killed, failedOperations }))
    lane.take(endOf(0))
    lane.complete({ jobId: 'job-1', records: [], message: null })
    expect(lane.take(cancel(1)).silent).toBe(true)
    const retry: RetryJob = { type: 'RetryJob', jobId: 'job-1', requestedBy: null, run: null, authorization: null, priority: null }
    expect(dispatchesOf(lane.take(retry)).map(({ index, refusal }) => [index, refusal])).toEqual([[1, null]])
    expect(lane.take(cancel(1)).messages('CancelSubjob')).toMatchObject([{ index: 1, run: 2 }])
  })

  it('is named by a position that the job has, else the command is set aside and none of it is done', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b']))
    const turn = lane.take(cancel(0, 2))
    expect(turn.deadLetters.map(({ cause }) => cause)).toEqual(['subjobs: the job has 2, counted from 0, and so no 2'])
    expect(turn.published).toEqual([])
  })

  it('of a job that is cancelled as a whole is asked once', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b']))
    lane.take({ ...cancel(), subjobs: null })
    expect(lane.take(cancel(0)).silent).toBe(true)
  })
})

describe('a job that is abandoned', () => {
  const abandon = { type: 'AbandonJob', jobId: 'job-1', requestedBy: null } as const
  const failedOperations = [{ operationId: '0', op: 'read', path: '/a', value: null, options: null, moduleSetTag: '' } as const]
  const lastOf = (turn: ReturnType<ReturnType<typeof coordinator>['take']>): object | undefined => turn.messages('JobChanged').at(-1)?.job

  it('is cancelled as long as it runs', () => {
    const lane = coordinator()
    lane.take(submission(['/a']))
    const turn = lane.take(abandon)
    expect([lastOf(turn), turn.messages('CancelSubjob').length]).toMatchObject([{ state: 'cancelling', abandonedAt: null }, 1])
  })

  it('is given up once where it has failed, until it is tried again', () => {
    const lane = coordinator()
    lane.take(submission(['/a']))
    lane.take(endOf(0, { outcome: 'failed', succeeded: 0, failed: 1, failedOperations }))
    lane.complete({ jobId: 'job-1', records: [], message: null })
    lane.now += 5_000
    expect(lastOf(lane.take(abandon))).toMatchObject({ state: 'ended', outcome: 'failed', abandonedAt: lane.now })
    lane.restart(compacted(lane.changelog))
    expect(lane.take(abandon).silent).toBe(true)
    const retry: RetryJob = { type: 'RetryJob', jobId: 'job-1', requestedBy: null, run: null, authorization: null, priority: null }
    expect(lastOf(lane.take(retry))).toMatchObject({ state: 'running', run: 2, abandonedAt: null })
  })

  it('stays as it is where it has succeeded', () => {
    const lane = coordinator()
    lane.take(submission(['/a']))
    lane.take(endOf(0))
    lane.complete({ jobId: 'job-1', records: [], message: null })
    expect(lane.take(abandon).silent).toBe(true)
  })
})
