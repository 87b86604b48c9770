import { describe, expect, it } from 'vitest'
import {
  AWAY, coordinator, dispatchesOf, endOf, HOME, RETRY_RETENTION_MS, startOf, states, submission,
} from '../../../test/fakes/coordinator-lane.ts'
import { exampleOperation } from '../../../test/fakes/domain-examples.ts'
import { recordAt } from '../../../test/fakes/recorded-turn.ts'
import { jobNumber } from '../../domain/job-number.ts'
import { FORWARDED_HEADER } from './forwarding.ts'

describe('a command at its home', () => {
  it('is accepted: the job is published, its subjobs go to their producers\' owners, all of it is in the changelog', () => {
    const lane = coordinator()
    const turn = lane.take(submission(['/a', '/b', '/a', '/a']), { partition: HOME, offset: 5, timestampMs: 77 })

    expect(turn.messages('JobChanged').map(({ job }) => job)).toEqual([
      expect.objectContaining({
        jobId: 'job-1',
        state: 'accepted',
        number: jobNumber({ partition: HOME, offset: 5 }),
        createdAt: 77,
        attemptsMax: 3,
        operations: { total: 4, succeeded: 0, failed: 0 },
        subjobs: { total: 3, succeeded: 0, partiallyFailed: 0, failed: 0, cancelled: 0 },
      }),
    ])
    expect(dispatchesOf(turn)).toEqual([
      { key: 'dmi-1#p1', index: 0, refusal: null, operationIds: ['0', '2'] },
      { key: 'dmi-1#p1', index: 1, refusal: null, operationIds: ['3'] },
      { key: 'dmi-1#p2', index: 2, refusal: null, operationIds: ['1'] },
    ])
    expect(turn.published.filter((each) => each.to === 'jobs').map((each) => each.key)).toEqual(['job-1'])
    expect(turn.stored.map((each) => each.key)).toEqual(['job:job-1', 'subjob:job-1/0', 'subjob:job-1/1', 'subjob:job-1/2'])
    expect(lane.stage.load()).toBe(3)
  })

  it('hands on to each subjob what the job says about all of them', () => {
    const types = { dataAcceptType: 'x', dataContentType: 'y' }
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const said = { kind: 'WRITE', priority: 4, deadlineAt: 9, traceparent, attemptsMax: 7, ...types } as const
    const turn = coordinator().take({ ...submission(['/a']), ...said, operations: [exampleOperation({ op: 'merge', path: '/a' })] })
    expect(turn.messages('DispatchSubjob')).toEqual([
      expect.objectContaining({ ...said, jobId: 'job-1', destination: 'kafka:results', service: 'dmi-1', dataProducerId: 'p1' }),
    ])
  })

  it('with operations that no handle matches gets subjobs that are refused, keyed by the job', () => {
    const turn = coordinator().take(submission(['/x', '/a', '/y']))
    expect(dispatchesOf(turn)).toEqual([
      { key: 'job-1', index: 0, refusal: 100, operationIds: ['0', '2'] },
      { key: 'dmi-1#p1', index: 1, refusal: null, operationIds: ['1'] },
    ])
  })

  it('without a job id gets one made of its place', () => {
    const turn = coordinator().take(submission(['/a'], { jobId: null }), { topic: 'datajob.commands', partition: HOME, offset: 9 })
    expect(turn.messages('JobChanged')[0]?.job.jobId).toBe(`datajob.commands-${HOME}-9`)
  })

  it('that is invalid is set aside with the reason, and leaves no trace', () => {
    const lane = coordinator()
    const record = recordAt({ partition: HOME, offset: 3 })
    const turn = lane.take(submission(['/a'], { destination: 'datajob.jobs' }), record)
    expect(turn.deadLetters).toEqual([{ record, cause: expect.stringMatching(/^destination: .* are internal$/) as string }])
    expect([turn.published, turn.stored, turn.effects]).toEqual([[], [], []])
  })

  it('that comes again is one job', () => {
    const lane = coordinator()
    lane.take(submission(['/a']))
    expect(lane.take(submission(['/a'])).silent).toBe(true)
  })

  it('with the id of another job is set aside', () => {
    const lane = coordinator()
    lane.take(submission(['/a']))
    const turn = lane.take(submission(['/b'], { digest: 'd2' }))
    expect(turn.deadLetters.map((each) => each.cause)).toEqual(['jobId: "job-1" is taken by another job'])
    expect(turn.published).toEqual([])
  })
})

describe('a command away from its home', () => {
  it('is forwarded with a mark, and with its id, also one that was made', () => {
    const from = { topic: 'datajob.commands', partition: HOME, offset: 4, headers: { mine: 'kept' } }
    const named = coordinator().take(submission(['/a'], { jobId: 'away-1' }), from)
    expect(named.published).toEqual([
      {
        to: 'commands',
        key: 'away-1',
        message: submission(['/a'], { jobId: 'away-1' }),
        options: { partition: AWAY, headers: { mine: 'kept', [FORWARDED_HEADER]: `datajob.commands-${HOME}-4` } },
      },
    ])
    expect(named.stored).toEqual([])

    const unnamed = coordinator({ homePartition: () => AWAY }).take(submission(['/a'], { jobId: null }), from)
    expect(unnamed.messages('SubmitJob').map((each) => each.jobId)).toEqual([`datajob.commands-${HOME}-4`])
  })

  it('is set aside when it is too large for what forwarding adds, key and headers counted', () => {
    const headers = { mine: 'kept' }
    const message = submission(['/a'], { jobId: 'away-1' })
    const forwarded = coordinator({ forwardedBytesMax: 10_000 }).take(message, { headers })
    expect(forwarded.published).toHaveLength(1)
    const turn = coordinator({ forwardedBytesMax: 7 }).take(message, { headers })
    expect(turn.published).toEqual([])
    expect(turn.deadLetters.map((each) => each.cause)).toEqual([expect.stringMatching(/ can't be forwarded, 7 are allowed/)])
    expect(coordinator({ forwardedBytesMax: 7 }).take(submission(['/a']), { headers }).deadLetters).toEqual([])
  })

  it('is never forwarded twice: owners that disagree about its home must not send it round', () => {
    const headers = { [FORWARDED_HEADER]: 'datajob.commands-1-8' }
    const turn = coordinator().take(submission(['/a'], { jobId: 'away-1' }), { headers })
    expect(turn.published).toEqual([])
    expect(turn.deadLetters.map((each) => each.cause)).toEqual([
      `forwarded from datajob.commands-1-8 to partition ${HOME}, but its home is ${AWAY}`,
    ])
  })

  it('is accepted by its home, mark and all', () => {
    const headers = { [FORWARDED_HEADER]: 'datajob.commands-1-8' }
    const turn = coordinator().take(submission(['/a']), { headers })
    expect(turn.messages('JobChanged')).toHaveLength(1)
  })

  it('is set aside where it stands when it is invalid', () => {
    const turn = coordinator().take(submission([], { jobId: 'away-1' }))
    expect(turn.deadLetters.map((each) => each.cause)).toEqual(['operations: a job has at least one operation'])
    expect(turn.published).toEqual([])
  })
})

describe('what does not belong here', () => {
  it('is set aside', () => {
    const subjob = { state: 'queued', notBefore: 0, attempts: [], stop: null } as const
    const progress = { type: 'SubjobProgressed', jobId: 'job-1', index: 0, subjob } as const
    const turn = coordinator().take(progress)
    expect(turn.deadLetters.map((each) => each.cause)).toEqual(['a SubjobProgressed does not belong on datajob.commands'])
  })
})

describe('reports of subjobs', () => {
  it('the first start starts the job', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b']))
    expect(states(lane.take(startOf(0, 50)))).toEqual(['running'])
    expect(states(lane.take(startOf(1, 60)))).toEqual([])
  })

  it('the last end concludes the job, which ends only when its last word was written', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b']))
    expect(states(lane.take(endOf(0)))).toEqual(['running'])
    const last = lane.take(endOf(1, { outcome: 'failed', succeeded: 0, failed: 1, message: 'gone' }))
    expect(states(last)).toEqual(['concluding'])
    expect(last.effects).toEqual([
      {
        type: 'ConcludeJob',
        job: expect.objectContaining({ state: 'concluding', outcome: 'partiallyFailed', message: 'gone' }) as unknown,
        destination: { type: 'topic', name: 'results' },
        objects: [],
      },
    ])
    expect(lane.stage.load()).toBe(0)

    lane.now = 500
    const record = { topic: 'results', key: 'job-1', value: Buffer.from('done') }
    const concluded = lane.complete({ jobId: 'job-1', records: [record], message: null })
    expect(concluded.delivered).toEqual([record])
    expect(concluded.messages('JobChanged').map(({ job }) => job)).toEqual([
      expect.objectContaining({ state: 'ended', finishedAt: 500, operations: { total: 2, succeeded: 1, failed: 1 } }),
    ])
    // What failed may be tried again for a while.
    expect(concluded.stored.filter((each) => each.entry === null)).toEqual([])
    expect(lane.timers.get('drop:job-1')).toBe(500 + RETRY_RETENTION_MS)
  })

  it('are counted once, however often they come and however late', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b']))
    lane.take(endOf(0))
    expect(lane.take(endOf(0)).silent).toBe(true)
    expect(lane.take(startOf(0)).silent).toBe(true)
    lane.take(endOf(1))
    expect(lane.take(endOf(1)).silent).toBe(true)
    lane.complete({ jobId: 'job-1', records: [], message: null })
    expect(lane.take(endOf(1)).silent).toBe(true)
    expect(lane.complete({ jobId: 'job-1', records: [{ topic: 'results', key: null, value: null }], message: null }).silent).toBe(true)
  })

  it('of unknown jobs and subjobs are ignored, and so are attempts, which are for the projector', () => {
    const lane = coordinator()
    lane.take(submission(['/a']))
    expect(lane.take({ ...endOf(0), jobId: 'other' }).silent).toBe(true)
    expect(lane.take(endOf(7)).silent).toBe(true)
    const attempt = { number: 1, worker: 'w', startedAt: 1, endedAt: 2, outcome: 'failed', code: 102, message: null } as const
    expect(lane.take({ type: 'SubjobAttemptFailed', jobId: 'job-1', index: 0, run: 1, attempt, retryAt: null }).silent).toBe(true)
  })

  it('a conclusion that could not be told ends the job with the reason', () => {
    const lane = coordinator()
    lane.take(submission(['/a']))
    lane.take(endOf(0))
    const turn = lane.complete({ jobId: 'job-1', records: [], message: 'the topic is gone' })
    expect(turn.messages('JobChanged')[0]?.job).toMatchObject({ state: 'ended', message: 'the topic is gone' })
  })
})

describe('the manifest of a bucket', () => {
  it('lists what was stored in the order of the subjobs, without those that stored nothing', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b', '/x', '/a', '/a'], { destination: 's3:results' }))
    const object = (index: number): { key: string; bytes: number; etag: string } => ({ key: `job-1/${index}`, bytes: index, etag: 'e' })
    lane.take(endOf(3))
    lane.take(endOf(2, { object: object(2) }))
    lane.take(endOf(1, { object: object(1) }))
    const [effect] = lane.take(endOf(0, { object: object(0) })).effects
    expect(effect?.destination).toEqual({ type: 'bucket', name: 'results' })
    expect(effect?.objects).toEqual([
      { ...object(0), subjob: 0, operations: 2 },
      { ...object(1), subjob: 1, operations: 1 },
      { ...object(2), subjob: 2, operations: 1 },
    ])
  })
})
