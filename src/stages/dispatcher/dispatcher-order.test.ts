import { describe, expect, it } from 'vitest'
import { dispatcher, done, drain, finishSubmitted, hopeless, publish, retriable } from '../../../test/fakes/dispatcher-lane.ts'
import { exampleDispatch } from '../../../test/fakes/domain-examples.ts'

describe('the producer\'s limit', () => {
  it('holds for subjobs of all jobs together; the next starts when one ends', () => {
    const lane = dispatcher()
    const begun = ['a', 'b', 'c'].flatMap((jobId) => lane.take(exampleDispatch({ jobId })).effects)
    expect(begun.map((each) => each.subjobId)).toEqual(['a/0', 'b/0'])
    finishSubmitted(lane, 'a/0')
    expect(publish(lane, 'a/0').effects.map((each) => each.subjobId)).toEqual(['c/0'])
  })

  it('is each producer\'s own, and asked for by service', () => {
    const asked: string[] = []
    const lane = dispatcher({
      subjobsInFlightMax: (service) => {
        asked.push(service)
        return 1
      },
    })
    lane.take(exampleDispatch({ producerKey: 'dmi-1#p1' }))
    expect(lane.take(exampleDispatch({ jobId: 'b', producerKey: 'dmi-1#p2' })).effects).toHaveLength(1)
    expect(lane.take(exampleDispatch({ jobId: 'c', producerKey: 'dmi-1#p2' })).effects).toHaveLength(0)
    expect(new Set(asked)).toEqual(new Set(['dmi-1']))
  })

  it('lets others start while a failed subjob waits to be tried again', () => {
    const lane = dispatcher({ subjobsInFlightMax: () => 1 })
    lane.take(exampleDispatch({ jobId: 'a' }))
    lane.take(exampleDispatch({ jobId: 'b' }))
    const failed = lane.complete({ type: 'CallFailed', subjobId: 'a/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 0 })
    expect(failed.effects.map((each) => each.subjobId)).toEqual(['b/0'])
    expect(lane.ring().effects).toEqual([])
    finishSubmitted(lane, 'b/0')
    expect(publish(lane, 'b/0').effects).toMatchObject([{ subjobId: 'a/0', run: 1, attempt: 2 }])
  })

  it('is not used up by results that are being reported as failed', () => {
    const lane = dispatcher({ subjobsInFlightMax: () => 1 })
    lane.take(exampleDispatch({ jobId: 'a' }))
    lane.take(exampleDispatch({ jobId: 'b' }))
    const failed = lane.complete({ type: 'CallFailed', subjobId: 'a/0', run: 1, attempt: 1, failure: hopeless, retryAfterMs: 0 })
    expect(failed.effects.map((each) => [each.type, each.subjobId])).toEqual([['PublishResult', 'a/0'], ['SubmitSubjob', 'b/0']])
  })
})

describe('order and fairness at one producer', () => {
  it('jobs take turns', () => {
    const lane = dispatcher({ subjobsInFlightMax: () => 1 })
    for (let index = 0; index < 3; index += 1) lane.take(exampleDispatch({ jobId: 'large', index }))
    lane.take(exampleDispatch({ jobId: 'small' }))
    expect(drain(lane)).toEqual(['large/0', 'large/1', 'small/0', 'large/2'])
  })

  it('a job that reads may have several chunks at the producer at a time', () => {
    const lane = dispatcher()
    const begun = [0, 1, 2].flatMap((index) => lane.take(exampleDispatch({ index })).effects)
    expect(begun.map((each) => each.subjobId)).toEqual(['job-1/0', 'job-1/1'])
  })

  it('a job that writes has one, and the next follows only when it has ended', () => {
    const lane = dispatcher()
    const begun = [0, 1].flatMap((index) => lane.take(exampleDispatch({ index, kind: 'WRITE' })).effects)
    expect(begun.map((each) => each.subjobId)).toEqual(['job-1/0'])
    finishSubmitted(lane, 'job-1/0')
    expect(lane.effects.map((each) => each.type)).toEqual(['PublishResult'])
    expect(publish(lane, 'job-1/0').effects.map((each) => each.subjobId)).toEqual(['job-1/1'])
  })

  it('a chunk that writes and is tried again still goes before the next one, and other jobs may go between', () => {
    const lane = dispatcher({ subjobsInFlightMax: () => 1 })
    lane.take(exampleDispatch({ jobId: 'a', index: 0, kind: 'WRITE' }))
    lane.take(exampleDispatch({ jobId: 'a', index: 1, kind: 'WRITE' }))
    const failed = lane.complete({ type: 'CallFailed', subjobId: 'a/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 0 })
    expect(failed.effects).toEqual([])
    expect(lane.take(exampleDispatch({ jobId: 'b', kind: 'WRITE' })).effects.map((each) => each.subjobId)).toEqual(['b/0'])
    lane.ring()
    finishSubmitted(lane, 'b/0')
    expect(publish(lane, 'b/0').effects.map((each) => [each.subjobId, each.attempt])).toEqual([['a/0', 2]])
  })

  it('a chunk that writes and failed for good is reported before the next one starts', () => {
    const lane = dispatcher()
    for (const index of [0, 1]) lane.take(exampleDispatch({ index, kind: 'WRITE' }))
    const failed = lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: hopeless, retryAfterMs: 0 })
    expect(failed.effects.map((each) => each.type)).toEqual(['PublishResult'])
    expect(publish(lane, 'job-1/0', { ...done, succeeded: 0, failed: 1 }).effects).toMatchObject([{ subjobId: 'job-1/1' }])
  })
})

describe('what others can see', () => {
  it('is begun only in a turn that writes, so that a lane that lost its partition finds out before', () => {
    const lane = dispatcher({ subjobsInFlightMax: () => 1 })
    const first = lane.take(exampleDispatch({ destination: 's3:results' }))
    lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 0 })
    const retried = lane.ring()
    const restarted = lane.restart()
    const again = lane.ring()
    lane.complete({ type: 'Submitted', subjobId: 'job-1/0', run: 1, attempt: 2, dataProducerJobId: 'dpj' })
    const finished = lane.complete({ type: 'Polled', subjobId: 'job-1/0', run: 1, attempt: 2, status: 'finished' })
    lane.complete({ type: 'SinkFailed', subjobId: 'job-1/0', run: 1, attempt: 2, failure: retriable })
    const republished = lane.ring()
    expect(restarted.effects).toEqual([])
    for (const turn of [first, retried, again]) {
      expect(turn.effects).toMatchObject([{ type: 'SubmitSubjob' }])
      expect(turn.stored).not.toEqual([])
    }
    for (const turn of [finished, republished]) {
      expect(turn.effects).toMatchObject([{ type: 'PublishResult' }])
      expect(turn.stored).not.toEqual([])
    }
  })
})
