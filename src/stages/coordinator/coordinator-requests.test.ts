import { describe, expect, it } from 'vitest'
import {
  AWAY, coordinator, type CoordinatorLane, dispatchesOf, endOf, PARTS_TIMEOUT_MS, RETRY_RETENTION_MS, startOf, states, submission,
} from '../../../test/fakes/coordinator-lane.ts'
import { exampleHandle, exampleOperation, exampleRoutedOperation, exampleSubmission } from '../../../test/fakes/domain-examples.ts'
import type { AddOperations, CancelJob, RetryJob, SubjobEnded } from '../../domain/messages.ts'

const cancel = (jobId = 'job-1', subjobs: CancelJob['subjobs'] = null): CancelJob => {
  return { type: 'CancelJob', jobId, requestedBy: null, subjobs }
}
const retry = (run: number | null = null): RetryJob => {
  return { type: 'RetryJob', jobId: 'job-1', requestedBy: null, run, authorization: 'token', priority: null }
}

function failureOf(index: number, paths: readonly string[], changes: Partial<SubjobEnded> = {}): SubjobEnded {
  const failedOperations = paths.map((path, at) => exampleRoutedOperation({ operationId: String(at), path }))
  return endOf(index, { outcome: 'failed', succeeded: 0, failed: paths.length, message: 'away', failedOperations, ...changes })
}

function conclude(lane: CoordinatorLane): void {
  lane.complete({ jobId: 'job-1', records: [], message: null })
}

describe('a job that is cancelled', () => {
  it('stops its subjobs where they are, and is cancelled once all have ended', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b']))
    lane.take(startOf(0))
    const turn = lane.take(cancel())
    expect(states(turn)).toEqual(['cancelling'])
    expect(turn.published.filter(({ to }) => to === 'subjobs')).toMatchObject([
      { key: 'dmi-1#p1', message: { type: 'CancelSubjob', jobId: 'job-1', index: 0, run: 1 } },
      { key: 'dmi-1#p2', message: { type: 'CancelSubjob', jobId: 'job-1', index: 1, run: 1 } },
    ])
    expect(lane.take(cancel()).silent).toBe(true)
    lane.take(endOf(0))
    expect(states(lane.take(endOf(1, { outcome: 'cancelled', succeeded: 0, failed: 1 })))).toEqual(['concluding'])
    expect(lane.effects).toMatchObject([{ job: { outcome: 'cancelled', operations: { succeeded: 1, failed: 1 } } }])
  })

  it('reports what waited for others without asking a producer', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/a'], { dependencies: [{ operationId: '1', parents: ['0'] }] }))
    const turn = lane.take(cancel())
    expect(turn.messages('CancelSubjob')).toMatchObject([{ index: 0 }])
    const refusal = { refusal: 104, refusalMessage: 'the job was cancelled', service: '' }
    expect(turn.messages('DispatchSubjob')).toMatchObject([{ index: 1, ...refusal }])
    lane.restart()
    lane.take(endOf(0))
    expect(states(lane.take(endOf(1, { outcome: 'cancelled', succeeded: 0, failed: 1 })))).toEqual(['concluding'])
  })

  it('before its end was told ends as it would have', () => {
    const lane = coordinator()
    lane.take(submission(['/a']))
    lane.take(endOf(0))
    expect(lane.take(cancel()).silent).toBe(true)
  })

  it('is unknown, or decided elsewhere: it is set aside, or forwarded', () => {
    const causes = coordinator().take(cancel()).deadLetters.map(({ cause }) => cause)
    expect(causes).toEqual(['jobId: there is no job "job-1"'])
    expect(coordinator().take(cancel('')).deadLetters.map(({ cause }) => cause)).toEqual([expect.stringMatching(/^jobId: a job id has/)])
    expect(coordinator().take(cancel('away-1')).published).toMatchObject([{ to: 'commands', key: 'away-1', options: { partition: AWAY } }])
  })
})

describe('a job whose failures are tried again', () => {
  const ended = (): CoordinatorLane => {
    const lane = coordinator()
    lane.take(submission(['/a', '/b', '/a']))
    lane.take(endOf(0, { succeeded: 2 }))
    lane.take(failureOf(1, ['/b']))
    conclude(lane)
    return lane
  }

  it('runs only what failed, as another run of the same subjob, and ends anew', () => {
    const lane = ended()
    const turn = lane.take(retry(2))
    expect(states(turn)).toEqual(['running'])
    const order = { index: 1, run: 2, producerKey: 'dmi-1#p2', service: 'dmi-1', refusal: null, authorization: 'token' }
    expect(turn.messages('DispatchSubjob')).toMatchObject([{ ...order, operations: [{ operationId: '0', path: '/b' }] }])
    expect(turn.messages('SubjobsPlanned')).toMatchObject([{ subjobs: [{ index: 1, run: 2, operations: 1 }] }])
    expect(lane.take(retry(2)).silent).toBe(true)
    expect(lane.take(endOf(1)).silent).toBe(true)
    expect(states(lane.take(endOf(1, { run: 2 })))).toEqual(['concluding'])
    expect(lane.effects.at(-1)).toMatchObject({ job: { run: 2, outcome: 'succeeded', operations: { total: 3, succeeded: 3, failed: 0 } } })
  })

  it('is tried again after a restart, too', () => {
    const lane = ended()
    lane.restart()
    expect(lane.take(retry()).messages('DispatchSubjob')).toMatchObject([{ index: 1, run: 2 }])
    lane.restart()
    expect(states(lane.take(endOf(1, { run: 2 })))).toEqual(['concluding'])
  })

  it('goes where its handles are now', () => {
    const lane = coordinator({ findHandle: (name) => (name === '/c' ? handles.get(name) : exampleHandle({ alternateId: name })) })
    lane.take(submission(['/c', '/c']))
    lane.take(failureOf(0, ['/c', '/c', '/d']))
    conclude(lane)
    handles.set('/c', exampleHandle({ alternateId: '/c', dataProducerId: 'p9' }))
    expect(dispatchesOf(lane.take(retry()))).toMatchObject([{ key: 'dmi-1#p9', index: 0 }, { key: 'dmi-1#p1', index: 1 }])
    handles.clear()
    lane.take(endOf(0, { run: 2, succeeded: 2 }))
    expect(states(lane.take(endOf(1)))).toEqual(['concluding'])
  })

  it('keeps the order of what waits for others', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/a'], { dependencies: [{ operationId: '1', parents: ['0'] }] }))
    lane.take(failureOf(0, ['/a']))
    lane.take(failureOf(1, ['/a']))
    conclude(lane)
    expect(dispatchesOf(lane.take(retry())).map(({ index }) => index)).toEqual([0])
    expect(dispatchesOf(lane.take(endOf(0, { run: 2 })))).toMatchObject([{ index: 1, refusal: null }])
  })

  it('lists what all runs have stored', () => {
    const lane = coordinator()
    lane.take(submission(['/a', '/a'], { destination: 's3:results' }))
    const object = (key: string): SubjobEnded['object'] => ({ key, bytes: 1, etag: key })
    lane.take(failureOf(0, ['/a'], { outcome: 'partiallyFailed', succeeded: 1, object: object('first') }))
    conclude(lane)
    lane.take(retry())
    lane.take(endOf(0, { run: 2, object: object('second') }))
    expect(lane.effects.at(-1)?.objects).toMatchObject([{ key: 'first', operations: 2 }, { key: 'second', operations: 1 }])
  })

  it('is not when all succeeded, or it is too late', () => {
    const lane = ended()
    lane.timers.set('drop:job-1', lane.now + RETRY_RETENTION_MS)
    lane.ring()
    expect(lane.take(retry()).silent).toBe(true)
    const done = coordinator()
    done.take(submission(['/a']))
    done.take(endOf(0))
    conclude(done)
    expect(done.take(retry()).silent).toBe(true)
  })
})

const handles = new Map<string, ReturnType<typeof exampleHandle>>()

describe('a strict job', () => {
  it('is done only when all of its operations have a ready handle; else each is reported, and no producer asked', () => {
    const ready = coordinator().take(submission(['/a', '/b'], { strict: true }))
    expect(dispatchesOf(ready)).toMatchObject([{ refusal: null }, { refusal: null }])
    const turn = coordinator().take(submission(['/a', '/none'], { strict: true }))
    expect(turn.messages('DispatchSubjob')).toMatchObject([
      { refusal: 104, refusalMessage: expect.stringContaining('strict') as string, service: '' },
      { refusal: 100 },
    ])
  })
})

describe('a job in parts', () => {
  const opening = exampleSubmission({ operations: [], submission: 's', parts: 2, operationCount: 4, authorization: null })
  const part = (number: number, paths: readonly string[], submission = 's'): AddOperations => {
    const operations = paths.map((path, at) => exampleOperation({ operationId: `${number}-${at}`, path }))
    return { type: 'AddOperations', submission, part: number, authorization: 'token', operations }
  }
  const closing: AddOperations = { type: 'AddOperations', submission: 's', part: 2, authorization: null, operations: [] }
  const key = { key: Buffer.from('job-1') }

  it('is split part by part, as they come', () => {
    const lane = coordinator()
    expect(states(lane.take(opening))).toEqual(['accepted'])
    const first = lane.take(part(0, ['/a', '/b']), key)
    expect(dispatchesOf(first).map(({ index }) => index)).toEqual([0, 1])
    expect(first.messages('DispatchSubjob')).toMatchObject([{ authorization: 'token' }, { authorization: 'token' }])
    lane.take(endOf(0))
    lane.take(endOf(1))
    lane.restart()
    expect(lane.take(part(0, ['/a', '/b']), key).silent).toBe(true)
    expect(dispatchesOf(lane.take(part(1, ['/a', '/a']), key)).map(({ index }) => index)).toEqual([2])
    expect(states(lane.take(endOf(2, { succeeded: 2 })))).toEqual(['concluding'])
    expect(lane.effects).toMatchObject([{ job: { operations: { total: 4, succeeded: 4 } } }])
  })

  it('takes no part of another submission, and none out of turn', () => {
    const lane = coordinator()
    lane.take(opening)
    expect(lane.take(part(0, ['/a'], 'other'), key).silent).toBe(true)
    expect(lane.take(part(1, ['/a']), key).deadLetters.map(({ cause }) => cause)).toEqual(['part 1 came when part 0 was due'])
    const wrong = lane.take(part(0, ['/a'.repeat(200)]), key).deadLetters.map(({ cause }) => cause)
    expect(wrong).toEqual([expect.stringMatching(/^operations\[0\].path: a path of 400 characters/)])
    expect(coordinator().take(part(0, ['/a']), key).deadLetters.map(({ cause }) => cause)).toEqual([
      'there is no job "job-1" that this could be a part of',
    ])
    expect(coordinator().take(part(0, ['/a'])).deadLetters).toHaveLength(1)
    const value = Buffer.from('read at home')
    const away = lane.take(part(0, ['/a']), { key: Buffer.from('away-1'), value })
    expect(away.delivered).toMatchObject([{ topic: 'datajob.commands', key: 'away-1', partition: AWAY, value }])
  })

  it('whose other parts never come ends with those that did', () => {
    const lane = coordinator()
    lane.take(opening)
    lane.take(part(0, ['/a', '/a']), key)
    lane.take(endOf(0, { succeeded: 2 }))
    expect(lane.timers.get('parts:job-1')).toBe(lane.now + PARTS_TIMEOUT_MS)
    expect(lane.ring().published).toMatchObject([{ to: 'commands', key: 'job-1', message: closing }])
    expect(states(lane.take(closing, key))).toEqual(['concluding'])
    expect(lane.effects).toMatchObject([{ job: { outcome: 'partiallyFailed', operations: { total: 4, succeeded: 2, failed: 2 } } }])
  })

  it('is whole when its parts were there in time, however late they are read', () => {
    const lane = coordinator()
    lane.take(opening)
    lane.ring()
    lane.take(part(0, ['/a', '/a']), key)
    lane.take(part(1, ['/a', '/a']), key)
    expect(lane.take(closing, key).silent).toBe(true)
    lane.take(endOf(0, { succeeded: 2 }))
    lane.take(endOf(1, { succeeded: 2 }))
    expect(lane.effects).toMatchObject([{ job: { outcome: 'succeeded', operations: { total: 4, succeeded: 4 } } }])
  })

  it('that is strict refuses the parts in which a handle is missing', () => {
    const lane = coordinator()
    lane.take({ ...opening, strict: true })
    expect(dispatchesOf(lane.take(part(0, ['/a', '/b']), key))).toMatchObject([{ refusal: null }, { refusal: null }])
    lane.take(part(1, ['/a', '/none']), key)
    expect(dispatchesOf(lane.ring())).toMatchObject([{ refusal: 104 }, { refusal: 100 }])
  })

  it('that is cancelled meanwhile reports what still comes', () => {
    const lane = coordinator()
    lane.take(opening)
    lane.take(cancel())
    const late = lane.take(part(0, ['/a']), key)
    expect(late.messages('DispatchSubjob')).toMatchObject([{ refusal: 104, refusalMessage: 'the job was cancelled' }])
  })

  it.each([
    [{ parts: 0 }, "parts: 0 parts can't hold 4 operations: each has at least one"],
    [{ operationCount: 101 }, 'operationCount: 101 operations are more than the 100 allowed'],
    [{ submission: null }, 'submission: a job in parts has a mark that its parts have as well'],
    [{ operations: [exampleOperation()] }, 'operations: a job in parts has all of its operations in them'],
    [{ dependencies: [{ operationId: 1, parents: [2] }] }, 'dependencies: a job in parts has none'],
  ])('that says %o is set aside', (changes, cause) => {
    expect(coordinator().take({ ...opening, ...changes }).deadLetters.map((each) => each.cause)).toEqual([cause])
  })
})
