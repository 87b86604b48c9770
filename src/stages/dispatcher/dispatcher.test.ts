import { describe, expect, it } from 'vitest'
import { dispatcher, done, finish, hopeless, publish, retriable, submit } from '../../../test/fakes/dispatcher-lane.ts'
import { exampleDispatch, exampleRoutedOperation } from '../../../test/fakes/domain-examples.ts'
import { ResponseCode } from '../../domain/response-code.ts'

describe('a subjob at its producer', () => {
  it('is submitted, polled, published and reported, each step in a turn of its own', () => {
    const lane = dispatcher()
    const dispatch = exampleDispatch()
    const { operations, called, ...order } = dispatch
    const taken = lane.take(dispatch)
    expect(taken.effects).toMatchObject([{ type: 'SubmitSubjob', subjobId: 'job-1/0', run: 1, attempt: 1, dispatch: order }])
    expect(taken.effects[0]?.operations.load()).toEqual(operations)
    expect(new Map(taken.stored.map(({ key, entry }) => [key, entry]))).toEqual(new Map([['spec:job-1/0', { ...dispatch, called: true }]]))

    const submitted = lane.complete({ type: 'Submitted', subjobId: 'job-1/0', run: 1, attempt: 1, dataProducerJobId: 'dpj' })
    expect(submitted.messages('SubjobStarted')).toEqual([
      { type: 'SubjobStarted', jobId: 'job-1', index: 0, run: 1, attempt: 1, worker: 'w1', at: 1_000, dataProducerJobId: 'dpj' },
    ])
    expect(submitted.published.map((each) => [each.to, each.key])).toEqual([['subjobEvents', 'job-1']])
    expect(submitted.wakes).toEqual([{ id: 'step:job-1/0', at: 1_100 }])

    const poll = { type: 'PollSubjob', dataProducerJobId: 'dpj', subjobId: 'job-1/0', run: 1, attempt: 1, dispatch: order }
    expect(lane.ring().effects).toMatchObject([poll])
    lane.now = 6_000
    const pending = lane.complete({ type: 'Polled', subjobId: 'job-1/0', run: 1, attempt: 1, status: 'pending' })
    expect(pending.wakes).toEqual([{ id: 'step:job-1/0', at: 6_500 }])
    expect([pending.stored, pending.published]).toEqual([[], []])

    lane.ring()
    const finished = lane.complete({ type: 'Polled', subjobId: 'job-1/0', run: 1, attempt: 1, status: 'finished' })
    const source = { type: 'result', dataProducerJobId: 'dpj' }
    const publication = { source, calledSince: 1_000, unmentioned: null }
    expect(finished.effects).toMatchObject([
      { type: 'PublishResult', ...publication, subjobId: 'job-1/0', run: 1, attempt: 1, dispatch: order },
    ])
    expect([finished.wakes, finished.stored]).toEqual([[], []])

    const record = { topic: 'results', key: 'job-1', value: Buffer.from('data') }
    const answer = { records: [record], publication: done, failedOperations: [], generated: null }
    const published = lane.complete({ type: 'Published', subjobId: 'job-1/0', run: 1, attempt: 1, ...answer })
    expect(published.delivered).toEqual([record])
    expect(published.messages('SubjobEnded')).toEqual([
      {
        type: 'SubjobEnded',
        ...{ jobId: 'job-1', index: 0, run: 1, failedOperations: [], generated: null },
        ...{ outcome: 'succeeded', succeeded: 1, failed: 0, object: null, message: null, at: 6_500 },
        attempts: [
          { number: 1, worker: 'w1', startedAt: 1_000, endedAt: 6_500, outcome: 'succeeded', code: null, message: null },
        ],
      },
    ])
    expect(published.stored).toEqual([{ key: 'spec:job-1/0', entry: null }, { key: 'progress:job-1/0', entry: null }])
    expect([lane.stage.load(), [...lane.timers.keys()]]).toEqual([0, []])
  })

  it('tells what its producer says of how far it is when that is news, once a second at most', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch())
    const reply = { subjobId: 'job-1/0', run: 1, attempt: 1 }
    lane.complete({ type: 'Submitted', ...reply, dataProducerJobId: 'dpj' })
    const said = (now: number, percent?: number, message: string | null = null): readonly object[] => {
      lane.now = now
      const progress = percent === undefined ? undefined : { percent, message }
      const turn = lane.complete({ type: 'Polled', ...reply, status: 'pending', progress })
      expect(turn.stored).toEqual([])
      expect(turn.published.map(({ to, key }) => [to, key])).toEqual(turn.published.map(() => ['subjobEvents', 'job-1']))
      return turn.messages('SubjobReported')
    }
    const report = { type: 'SubjobReported', jobId: 'job-1', index: 0, run: 1, attempt: 1 }
    expect([said(2_000), said(2_100, 0)]).toEqual([[], []])
    expect(said(2_200, 10, 'tile 1')).toEqual([{ ...report, progress: 10, message: 'tile 1', at: 2_200 }])
    expect([said(3_199, 20), said(4_000, 10, 'tile 1')]).toEqual([[], []])
    expect(said(4_001, 20)).toEqual([{ ...report, progress: 20, message: null, at: 4_001 }])
    expect(said(4_000, 30)).toHaveLength(1)
    expect(lane.complete({ type: 'Polled', ...reply, status: 'finished', progress: { percent: 99, message: null } }).published).toEqual([])
  })

  it('is asked for at once where the service had done the one before when it was first asked, and only there', () => {
    const lane = dispatcher()
    const afterSubmission = (index: number, status: 'pending' | 'finished', service: string): readonly string[] => {
      const id = `job-1/${index}`
      lane.take(exampleDispatch({ index, service, producerKey: `${service}#p${index}` }))
      const { effects } = lane.complete({ type: 'Submitted', subjobId: id, run: 1, attempt: 1, dataProducerJobId: 'dpj' })
      if (effects.length === 0) lane.ring()
      lane.complete({ type: 'Polled', subjobId: id, run: 1, attempt: 1, status })
      return effects.map(({ type }) => type)
    }
    expect(afterSubmission(0, 'finished', 'quick')).toEqual([])
    expect(afterSubmission(1, 'finished', 'quick')).toEqual(['PollSubjob'])
    expect(afterSubmission(2, 'pending', 'other')).toEqual([])
    expect(afterSubmission(3, 'pending', 'quick')).toEqual(['PollSubjob'])
    expect(afterSubmission(4, 'finished', 'quick')).toEqual([])
  })

  it('that no producer is asked for is published at once, its reason in the code', () => {
    const lane = dispatcher()
    const dispatch = exampleDispatch({ refusal: ResponseCode.HandleNotFound, service: '', producerKey: '#100' })
    const { operations, called, ...order } = dispatch
    const turn = lane.take(dispatch)
    const source = { type: 'failure', code: 100, message: 'cm handle reference(s) not found' }
    const effect = { type: 'PublishResult', source, calledSince: 1_000, subjobId: 'job-1/0', attempt: 1 }
    expect(turn.effects).toMatchObject([{ ...effect, dispatch: order }])
    expect(turn.effects[0]?.operations.load()).toEqual(operations)
    const ended = publish(lane, 'job-1/0', { ...done, succeeded: 0, failed: 1 })
    expect(ended.messages('SubjobEnded')).toMatchObject([{ outcome: 'failed', failed: 1, message: source.message, attempts: [] }])
    expect(ended.messages('SubjobStarted')).toEqual([])
  })

  it('that comes twice is taken once', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch())
    expect(lane.take(exampleDispatch()).silent).toBe(true)
  })

  it('is only ever a DispatchSubjob: anything else is set aside', () => {
    const started = { jobId: 'j', index: 0, run: 1, attempt: 1, worker: 'w', dataProducerJobId: 'd', at: 1 }
    const turn = dispatcher().take({ type: 'SubjobStarted', ...started })
    expect(turn.deadLetters.map((each) => each.cause)).toEqual(['a SubjobStarted does not belong on datajob.commands'])
  })
})

describe('replies that come late or twice', () => {
  it('change nothing once the subjob has moved on', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch())
    const submitted = { type: 'Submitted', subjobId: 'job-1/0', run: 1, attempt: 1, dataProducerJobId: 'dpj' } as const
    lane.complete(submitted)
    const again = lane.complete(submitted)
    expect([again.published, again.stored, again.effects]).toEqual([[], [], []])
    lane.ring()
    lane.complete({ type: 'Polled', subjobId: 'job-1/0', run: 1, attempt: 1, status: 'finished' })
    expect(lane.complete({ type: 'Polled', subjobId: 'job-1/0', run: 1, attempt: 1, status: 'finished' }).silent).toBe(true)
    publish(lane, 'job-1/0')
    expect(publish(lane, 'job-1/0').silent).toBe(true)
  })

  it('of an attempt that has failed are not taken for those of the next one', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch())
    lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 0 })
    lane.ring()
    expect(lane.complete({ type: 'Submitted', subjobId: 'job-1/0', run: 1, attempt: 1, dataProducerJobId: 'old' }).silent).toBe(true)
    expect(publish(lane, 'job-1/0').silent).toBe(true)
    const started = lane.complete({ type: 'Submitted', subjobId: 'job-1/0', run: 1, attempt: 2, dataProducerJobId: 'new' })
    expect(started.messages('SubjobStarted')).toMatchObject([{ attempt: 2, dataProducerJobId: 'new' }])
  })

  it('do not deliver results before the producer has finished', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch())
    const early = lane.complete({
      ...{ type: 'Published', subjobId: 'job-1/0', run: 1, attempt: 1 },
      ...{ records: [{ topic: 'results', key: null, value: null }], publication: done },
      failedOperations: [],
      generated: null,
    })
    expect(early.delivered).toEqual([])
  })
})

describe('failures of calls', () => {
  it('given a submission that may pass, then it is made again after a wait that grows, as the same subjob', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch())
    const failed = lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 0 })
    expect(failed.messages('SubjobAttemptFailed')).toMatchObject([{ attempt: { number: 1, code: 102, message: 'HTTP 503' } }])
    expect(failed.wakes).toEqual([{ id: 'step:job-1/0', at: 1_100 }])
    expect(lane.ring().effects).toMatchObject([{ type: 'SubmitSubjob', attempt: 2 }])
    const again = lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 2, failure: retriable, retryAfterMs: 0 })
    expect(again.wakes).toEqual([{ id: 'step:job-1/0', at: 1_100 + 200 }])
  })

  it('given the producer said when to come back, then not before', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch())
    const failed = lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 30_000 })
    expect(failed.wakes).toEqual([{ id: 'step:job-1/0', at: 31_000 }])
  })

  it('given the last attempt allowed failed, then the reason is published, and no further attempt is made', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch({ attemptsMax: 2 }))
    lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 0 })
    lane.ring()
    const last = lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 2, failure: retriable, retryAfterMs: 0 })
    expect(last.wakes).toEqual([])
    expect(last.effects).toMatchObject([{ type: 'PublishResult', source: { type: 'failure', code: 102, message: 'HTTP 503' } }])
    const ended = publish(lane, 'job-1/0', { ...done, succeeded: 0, failed: 1 })
    expect(ended.messages('SubjobEnded')).toMatchObject([{ outcome: 'failed', attempts: [{ number: 1 }, { number: 2 }] }])
  })

  it('given one that never will, then it is not tried again', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch())
    const failed = lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: hopeless, retryAfterMs: 0 })
    expect(failed.effects).toMatchObject([{ type: 'PublishResult', source: { code: 104, message: 'HTTP 400' } }])
  })

  it('given a poll that may pass, then it is asked again, later each time, without a record', () => {
    const lane = dispatcher()
    submit(lane, exampleDispatch())
    const waits = [1, 2].map(() => {
      lane.ring()
      const failed = lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 0 })
      expect([failed.stored, failed.published]).toEqual([[], []])
      return (failed.wakes[0]?.at ?? 0) - lane.now
    })
    expect(waits).toEqual([100, 200])
    lane.ring()
    const third = lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 0 })
    expect(third.messages('SubjobAttemptFailed')).toHaveLength(1)
  })

  it('given a result that could not be fetched, then it is fetched again, not submitted again', () => {
    const lane = dispatcher()
    finish(lane, exampleDispatch())
    const failed = lane.complete({ type: 'CallFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 0 })
    expect(failed.wakes).toEqual([{ id: 'step:job-1/0', at: lane.now + 100 }])
    expect(lane.ring().effects).toMatchObject([{ type: 'PublishResult', source: { type: 'result' }, attempt: 1 }])
  })
})

describe('failures of publishing', () => {
  it('given a sink that is away, then the result is published when it is back, however long that takes', () => {
    const lane = dispatcher()
    finish(lane, exampleDispatch())
    for (let times = 0; times < 20; times += 1) {
      const failed = lane.complete({ type: 'SinkFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: retriable })
      expect(failed.wakes).toHaveLength(1)
      expect([failed.stored, failed.published]).toEqual([[], []])
      expect(lane.ring().effects).toMatchObject([{ type: 'PublishResult', source: { type: 'result' } }])
    }
    expect(publish(lane, 'job-1/0').messages('SubjobEnded')).toMatchObject([{ outcome: 'succeeded' }])
  })

  it('given a sink that refuses, then the subjob ends with all its operations failed', () => {
    const lane = dispatcher()
    const operations = [exampleRoutedOperation(), exampleRoutedOperation({ operationId: '2' })]
    finish(lane, exampleDispatch({ operations }))
    const failed = lane.complete({ type: 'SinkFailed', subjobId: 'job-1/0', run: 1, attempt: 1, failure: hopeless })
    expect(failed.messages('SubjobEnded')).toMatchObject([{ outcome: 'failed', succeeded: 0, failed: 2, message: 'HTTP 400' }])
    expect(lane.stage.load()).toBe(0)
  })

  it('given a failure that could not be told, then telling is tried again', () => {
    const lane = dispatcher()
    lane.take(exampleDispatch({ refusal: ResponseCode.HandleNotFound, service: '', producerKey: '#100' }))
    for (const type of ['CallFailed', 'SinkFailed'] as const) {
      const failed = lane.complete({ type, subjobId: 'job-1/0', run: 1, attempt: 1, failure: retriable, retryAfterMs: 0 })
      expect(failed.wakes).toHaveLength(1)
      expect(lane.ring().effects).toMatchObject([{ type: 'PublishResult', source: { type: 'failure' } }])
    }
  })
})
