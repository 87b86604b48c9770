import { describe, expect, it } from 'vitest'
import {
  dispatcher, type DispatcherLane, done, drain, finish, hopeless, publish, retriable, submit,
} from '../../../test/fakes/dispatcher-lane.ts'
import { exampleDispatch } from '../../../test/fakes/domain-examples.ts'
import { compacted } from '../../../test/fakes/stage-run.ts'
import { ResponseCode } from '../../domain/response-code.ts'

describe('a restart', () => {
  const chunks = [0, 1].map((index) => exampleDispatch({ index, kind: 'WRITE' }))

  it('begins a submission again whose answer was not recorded, as the same attempt', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch())
    const [before] = lane.takeEffects()
    expect(lane.restart().effects).toEqual([before])
  })

  it('asks a producer that works, spread over some time, and submits nothing again', () => {
    const lane = dispatcher()
    submit(lane, exampleDispatch())
    const turn = lane.restart()
    expect(turn.effects).toEqual([])
    expect(turn.wakes).toEqual([{ id: 'step:job-1/0', at: lane.now + 2_000 }])
    expect(lane.ring().effects).toMatchObject([{ type: 'PollSubjob', dataProducerJobId: 'dpj', attempt: 1 }])
  })

  it('finds out again that a producer has finished, and publishes then', () => {
    const lane = dispatcher()
    finish(lane, exampleDispatch())
    expect(lane.restart().effects).toEqual([])
    lane.ring()
    const turn = lane.complete({ type: 'Polled', subjobId: 'job-1/0', run: 1, attempt: 1, status: 'finished' })
    expect(turn.effects).toMatchObject([{ type: 'PublishResult', source: { type: 'result', dataProducerJobId: 'dpj' } }])
  })

  it('waits for the time to try again, and remembers the attempts made', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch())
    const failed = lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 9_000 })
    expect(lane.restart().wakes).toEqual(failed.wakes)
    expect(lane.ring().effects).toMatchObject([{ type: 'SubmitSubjob', attempt: 2 }])
  })

  it('waits no longer than it would have, where the clock shows less than where that was decided', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch())
    lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 9_000 })
    lane.now -= 3_600_000
    expect(lane.restart().wakes).toEqual([{ id: 'step:job-1/0', at: lane.now + 9_000 }])
  })

  it('publishes at once what was on its way to a bucket', () => {
    const lane = dispatcher()
    finish(lane, exampleDispatch({ destination: 's3:results' }))
    const turn = lane.restart()
    expect(turn.effects).toMatchObject([{ type: 'PublishResult', source: { type: 'result', dataProducerJobId: 'dpj' }, attempt: 1 }])
    expect(publish(lane, 'job-1/0').messages('SubjobEnded')).toMatchObject([{ outcome: 'succeeded', attempts: [{ number: 1 }] }])
  })

  it('knows since when the producer may have written elsewhere: since its first call, whatever came of it', () => {
    const lane = dispatcher()
    const calledSince = lane.now
    lane.take(exampleDispatch())
    lane.now += 60_000
    lane.restart(compacted(lane.changelog))
    lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 0 })
    lane.now += 60_000
    lane.restart(compacted(lane.changelog))
    lane.ring()
    lane.complete({ type: 'Submitted', subjobId: 'job-1/0', run: 1, attempt: 2, dataProducerJobId: 'dpj' })
    const turn = lane.complete({ type: 'Polled', subjobId: 'job-1/0', run: 1, attempt: 2, status: 'finished' })
    expect(turn.effects).toMatchObject([{ type: 'PublishResult', calledSince }])
  })

  it('publishes again a failure that may not have been told', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch())
    const failed = lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: hopeless, retryAfterMs: 0 })
    expect(lane.restart().effects).toEqual(failed.effects)
  })

  it('knows nothing of subjobs that have ended', () => {
    const lane = dispatcher()
    finish(lane, exampleDispatch())
    publish(lane, 'job-1/0')
    expect(lane.restart().silent).toBe(true)
    expect(lane.stage.load()).toBe(0)
  })

  const failedCall = { type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, retryAfterMs: 0 } as const
  it.each<[string, (lane: DispatcherLane) => void]>([
    ['it is submitted', () => undefined],
    ['it works', (lane) => lane.complete({ type: 'Submitted', subjobId: 'job-1/0', run: 1, attempt: 1, dataProducerJobId: 'dpj' })],
    ['it waits to be tried again', (lane) => lane.complete({ ...failedCall, failure: retriable })],
    ['its failure is reported', (lane) => lane.complete({ ...failedCall, failure: hopeless })],
  ])('keeps the second chunk of a write waiting for the first while %s', (_, go) => {
    const lane = dispatcher()
    for (const chunk of chunks) lane.take(chunk)
    go(lane)
    lane.restart(compacted(lane.changelog))
    expect(drain(lane)).toEqual(['job-1/0', 'job-1/1'])
  })

  it('does not let a refused subjob of the same job and producer give way to the next chunk', () => {
    const lane = dispatcher()
    submit(lane, chunks[0]!)
    lane.take({ ...chunks[1]!, index: 5, refusal: ResponseCode.Rejected, service: '' })
    lane.take(chunks[1]!)
    lane.restart()
    expect(publish(lane, 'job-1/5', { ...done, succeeded: 0, failed: 1 }).effects).toEqual([])
    lane.takeEffects()
    expect(drain(lane)).toEqual(['job-1/0', 'job-1/1'])
  })

  it('counts the subjobs that work against their producer\'s limit', () => {
    const lane = dispatcher({ subjobsInFlightMax: () => 1 })
    submit(lane, exampleDispatch({ jobId: 'a' }))
    lane.take(exampleDispatch({ jobId: 'b' }))
    expect(lane.restart().effects).toEqual([])
    lane.ring()
    lane.complete({ type: 'Polled', subjobId: 'a/0', run: 1, attempt: 1, status: 'finished' })
    expect(publish(lane, 'a/0').effects).toMatchObject([{ subjobId: 'b/0' }])
  })

  it('stops at a state that is never written', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch())
    const attempt = { number: 1, worker: 'w', startedAt: 1 }
    const subjob = { state: 'submitting', attempt, attempts: [], stop: null } as const
    const entry = { type: 'SubjobProgressed', jobId: 'job-1', index: 0, subjob } as const
    const changelog = [...lane.changelog, { key: 'progress:job-1/0', entry }]
    expect(() => lane.restart(changelog)).toThrow('broken invariant: a subjob was stored as submitting')
  })
})
