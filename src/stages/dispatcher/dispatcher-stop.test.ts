import { describe, expect, it } from 'vitest'
import { compacted } from '../../../test/fakes/stage-run.ts'
import { dispatcher, type DispatcherLane, done, publish, retriable, submit } from '../../../test/fakes/dispatcher-lane.ts'
import { exampleDispatch } from '../../../test/fakes/domain-examples.ts'
import type { CancelSubjob, DispatchSubjob } from '../../domain/messages.ts'

const GRACE_MS = 5_000
const none = { ...done, succeeded: 0, failed: 1 }

function cancel(lane: DispatcherLane, { index = 0, run = 1 } = {}): ReturnType<DispatcherLane['take']> {
  const message: CancelSubjob = { type: 'CancelSubjob', jobId: 'job-1', index, run, message: 'the job was cancelled' }
  return lane.take(message)
}

function ringAt(lane: DispatcherLane, timer: string): ReturnType<DispatcherLane['ring']> {
  for (const [id, at] of lane.timers) if (id !== timer && at <= lane.timers.get(timer)!) lane.timers.delete(id)
  return lane.ring()
}

const reply = { subjobId: 'job-1/0', run: 1, attempt: 1 }
const finished = { ...reply, type: 'Polled', status: 'finished' } as const

describe('a subjob that is cancelled', () => {
  it('and waits is never submitted, and reported as rejected', () => {
    const lane = dispatcher({ subjobsInFlightMax: () => 1 })
    lane.take(exampleDispatch())
    lane.take(exampleDispatch({ index: 1 }))
    const turn = cancel(lane, { index: 1 })
    const source = { type: 'failure', code: 104, message: 'the job was cancelled' }
    expect(turn.effects).toMatchObject([{ type: 'PublishResult', source }])
    expect(publish(lane, 'job-1/1', none).messages('SubjobEnded')).toMatchObject([{ outcome: 'cancelled', attempts: [] }])
    lane.takeEffects()
    lane.complete({ ...reply, type: 'Submitted', dataProducerJobId: 'dpj' })
    lane.complete(finished)
    expect(publish(lane, 'job-1/0').effects).toEqual([])
    expect(lane.stage.load()).toBe(0)
  })

  it('and is at its producer is asked back, and what was done by then is published', () => {
    const lane = dispatcher()
    submit(lane, exampleDispatch())
    expect(cancel(lane).effects).toMatchObject([{ type: 'CancelSubjob', dataProducerJobId: 'dpj' }])
    expect(cancel(lane).silent).toBe(true)
    expect(lane.complete({ ...reply, type: 'CancelAnswered', again: false }).wakes).toEqual([{ id: 'step:job-1/0', at: lane.now + 100 }])
    const found = lane.complete(finished)
    expect(found.effects).toMatchObject([{ type: 'PublishResult', source: { type: 'result' }, unmentioned: { code: 104 } }])
    const partly = { ...done, succeeded: 1, failed: 1 }
    expect(publish(lane, 'job-1/0', partly).messages('SubjobEnded')).toMatchObject([{ outcome: 'partiallyFailed', succeeded: 1 }])
  })

  it('is given up when its producer goes on all the same', () => {
    const lane = dispatcher()
    submit(lane, exampleDispatch())
    cancel(lane)
    expect(lane.timers.get('giveUp:job-1/0')).toBe(lane.now + GRACE_MS)
    const turn = ringAt(lane, 'giveUp:job-1/0')
    expect(turn.messages('SubjobAttemptFailed')).toMatchObject([{ attempt: { number: 1, outcome: 'failed', code: 104 }, retryAt: null }])
    expect(turn.effects).toMatchObject([{ type: 'PublishResult', source: { type: 'failure', code: 104 } }])
    expect(lane.complete(finished).silent).toBe(true)
    expect(publish(lane, 'job-1/0', none).messages('SubjobEnded')).toMatchObject([{ outcome: 'cancelled' }])
  })

  it('is asked back once more when the call may work later', () => {
    const lane = dispatcher()
    submit(lane, exampleDispatch())
    cancel(lane)
    const turn = lane.complete({ ...reply, type: 'CancelAnswered', again: true })
    expect(turn.wakes.map(({ id }) => id)).toEqual(['step:job-1/0', 'cancel:job-1/0'])
    expect(ringAt(lane, 'cancel:job-1/0').effects).toMatchObject([{ type: 'CancelSubjob' }])
  })

  it('while it is being submitted is asked back as soon as it is known there, and not tried again when it is not', () => {
    const arrived = dispatcher()
    arrived.take(exampleDispatch())
    expect(cancel(arrived).effects).toEqual([])
    expect(arrived.complete({ ...reply, type: 'Submitted', dataProducerJobId: 'dpj' }).effects).toMatchObject([{ type: 'CancelSubjob' }])
    const lost = dispatcher()
    lost.take(exampleDispatch())
    cancel(lost)
    const failed = lost.complete({ ...reply, type: 'CallFailed', failure: retriable, retryAfterMs: 0 })
    expect(failed.effects).toMatchObject([{ type: 'PublishResult', source: { type: 'failure', code: 104 } }])
  })

  it('stays so across a restart, wherever it is', () => {
    const submitting = dispatcher()
    submitting.take(exampleDispatch())
    cancel(submitting)
    expect(submitting.restart().effects).toMatchObject([{ type: 'PublishResult', source: { type: 'failure', code: 104 } }])
    const polling = dispatcher()
    submit(polling, exampleDispatch())
    cancel(polling)
    const until = polling.timers.get('giveUp:job-1/0')
    expect(polling.restart().effects).toMatchObject([{ type: 'CancelSubjob', dataProducerJobId: 'dpj' }])
    expect(polling.timers.get('giveUp:job-1/0')).toBe(until)
  })

  it('lets the next writes of another job go on', () => {
    const lane = dispatcher({ subjobsInFlightMax: () => 1 })
    const write = (jobId: string, index: number): DispatchSubjob => exampleDispatch({ jobId, index, kind: 'WRITE' })
    lane.take(write('job-1', 0))
    lane.take(write('job-1', 1))
    lane.take(write('job-2', 0))
    cancel(lane, { index: 1 })
    publish(lane, 'job-1/1', none)
    lane.complete({ ...reply, type: 'Submitted', dataProducerJobId: 'dpj' })
    lane.complete(finished)
    expect(publish(lane, 'job-1/0').effects).toMatchObject([{ type: 'SubmitSubjob', subjobId: 'job-2/0' }])
  })

  it('that has ended, or runs again since, is left alone', () => {
    const lane = dispatcher()
    submit(lane, exampleDispatch({ run: 2 }))
    expect(cancel(lane, { run: 1 }).silent).toBe(true)
    expect(cancel(lane, { index: 7 }).silent).toBe(true)
  })

  it('while its result is on its way is published as it is', () => {
    const lane = dispatcher()
    submit(lane, exampleDispatch())
    lane.complete(finished)
    expect(cancel(lane).silent).toBe(true)
    expect(publish(lane, 'job-1/0').messages('SubjobEnded')).toMatchObject([{ outcome: 'succeeded' }])
  })
})

describe('a deadline', () => {
  it('of the job ends a subjob whose turn has not come', () => {
    const lane = dispatcher({ subjobsInFlightMax: () => 1 })
    lane.take(exampleDispatch({ jobId: 'other' }))
    lane.take(exampleDispatch({ deadlineAt: 9_000 }))
    expect(lane.timers.get('deadline:job-1/0')).toBe(9_000)
    const turn = ringAt(lane, 'deadline:job-1/0')
    expect(turn.effects).toMatchObject([{ source: { type: 'failure', code: 107, message: "it was not done by the job's deadline" } }])
    expect(publish(lane, 'job-1/0', none).messages('SubjobEnded')).toMatchObject([{ outcome: 'failed' }])
  })

  it('of its own begins with its first submission, also after a restart', () => {
    const lane = dispatcher({ subjobTimeoutMs: () => 60_000 })
    submit(lane, exampleDispatch())
    expect(lane.timers.get('deadline:job-1/0')).toBe(61_000)
    lane.now = 30_000
    lane.restart()
    expect(lane.timers.get('deadline:job-1/0')).toBe(61_000)
    const turn = ringAt(lane, 'deadline:job-1/0')
    expect(turn.effects).toMatchObject([{ type: 'CancelSubjob' }])
    lane.takeEffects()
    expect(ringAt(lane, 'giveUp:job-1/0').effects).toMatchObject([{ source: { code: 102, message: 'it was not done within 60000 ms' } }])
  })

  it('is the earlier one of both', () => {
    const lane = dispatcher({ subjobTimeoutMs: () => 60_000 })
    submit(lane, exampleDispatch({ deadlineAt: 20_000 }))
    expect(lane.timers.get('deadline:job-1/0')).toBe(20_000)
  })
})

describe('a subjob that is recalled', () => {
  const recall = (lane: DispatcherLane, index: number, run = 1): ReturnType<DispatcherLane['take']> => {
    return lane.take({ type: 'RecallSubjob', jobId: 'job-1', index, run })
  }

  it('and waits for its producer is given back as it came, and nothing of it is left', () => {
    const lane = dispatcher({ subjobsInFlightMax: () => 1 })
    const waiting = exampleDispatch({ index: 1 })
    submit(lane, exampleDispatch())
    lane.take(waiting)
    expect(recall(lane, 1, 2).silent).toBe(true)
    const turn = recall(lane, 1)
    expect(turn.published).toMatchObject([{ to: 'subjobEvents', key: 'job-1', message: { type: 'SubjobRecalled', order: waiting } }])
    expect(recall(lane, 1).silent).toBe(true)
    lane.restart(compacted(lane.changelog))
    expect(lane.stage.load()).toBe(1)
    lane.take(waiting)
    expect(lane.stage.load()).toBe(2)
  })

  it('makes room for nobody who was called, or is to end', () => {
    const lane = dispatcher({ subjobsInFlightMax: () => 1 })
    lane.take(exampleDispatch())
    lane.take(exampleDispatch({ index: 1 }))
    expect(recall(lane, 0).silent).toBe(true)
    cancel(lane, { index: 1 })
    expect(recall(lane, 1).silent).toBe(true)
    lane.restart(compacted(lane.changelog))
    expect(recall(lane, 0).silent).toBe(true)
  })
})
