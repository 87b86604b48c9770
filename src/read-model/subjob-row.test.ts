import { describe, expect, it } from 'vitest'
import type { Attempt } from '../domain/attempt.ts'
import type { PlannedSubjob, SubjobAttemptFailed, SubjobEnded, SubjobNews, SubjobReported, SubjobStarted } from '../domain/messages.ts'
import { foldPlannedSubjob, foldSubjobEvent, lastErrorOf, startedAtOf, type SubjobRow, workerOf } from './subjob-row.ts'

const of = { jobId: 'job-1', index: 2, run: 1 }
const started = (attempt: number): SubjobStarted => {
  return { type: 'SubjobStarted', ...of, attempt, worker: `w${attempt}`, dataProducerJobId: `p${attempt}`, at: attempt * 10 }
}
const reported = (attempt: number, progress: number, at = 100 * attempt + progress): SubjobReported => {
  return { type: 'SubjobReported', ...of, attempt, progress, message: `tile ${progress}`, at }
}
const failedAttempt = (number: number): Attempt => {
  const times = { startedAt: number * 10, endedAt: number * 10 + 5 }
  return { number, worker: `w${number}`, ...times, outcome: 'failed', code: 102, message: 'away' }
}
const failed = (number: number): SubjobAttemptFailed => ({
  ...{ type: 'SubjobAttemptFailed', ...of },
  ...{ attempt: failedAttempt(number), retryAt: 99 },
})
const ended: SubjobEnded = {
  ...{ type: 'SubjobEnded', ...of, outcome: 'succeeded', succeeded: 3, failed: 0, object: null, message: null, at: 30 },
  attempts: [failedAttempt(1), { ...failedAttempt(2), outcome: 'succeeded', code: null, message: null }],
  failedOperations: [], generated: null,
}
const rowAfter = (...events: SubjobNews[]): SubjobRow | undefined =>
  events.reduce<SubjobRow | undefined>(foldSubjobEvent, undefined)

describe('foldSubjobEvent', () => {
  it('follows a subjob over a failed attempt to its end', () => {
    const story = [started(1), failed(1), started(2), ended]
    const states = story.map((_, n) => rowAfter(...story.slice(0, n + 1))?.state)
    expect(states).toEqual(['started', 'waiting', 'started', 'ended'])
    expect(rowAfter(...story)?.attempts).toEqual(ended.attempts.map((attempt) => ({ ...attempt, run: 1 })))
  })

  it('changes nothing when any event comes twice', () => {
    const story = [started(1), reported(1, 5), failed(1), started(2), failed(2), started(3), reported(3, 5)]
    for (let n = 1; n <= story.length; n += 1) {
      const row = rowAfter(...story.slice(0, n))
      for (const event of story.slice(0, n)) expect(row && foldSubjobEvent(row, event)).toBe(row)
    }
  })

  it('stays ended whatever comes late', () => {
    const row = rowAfter(ended)
    for (const late of [started(1), failed(1), started(9), { ...ended, outcome: 'failed' } as const]) {
      expect(row && foldSubjobEvent(row, late)).toBe(row)
    }
  })

  it('keeps the attempt under way when an earlier one is reported late', () => {
    expect(rowAfter(started(2), failed(1))).toMatchObject({ state: 'started', attempt: { number: 2 }, attempts: [{ number: 1 }] })
  })

  it('keeps the latest word of the producer on the attempt under way, and none of another', () => {
    const row = rowAfter(started(1), reported(1, 40), reported(1, 20))
    expect(row).toMatchObject({ state: 'started', report: { progress: 40, message: 'tile 40' } })
    expect(rowAfter(started(1), reported(1, 40), reported(1, 20, 150))).toMatchObject({ report: { progress: 20 } })
    expect(rowAfter(started(1), reported(1, 40), failed(1), started(2))).toMatchObject({ state: 'started', report: null })
    expect(rowAfter(started(2), reported(1, 40))).toMatchObject({ report: null })
    expect(rowAfter(started(1), { ...reported(1, 40), run: 2 })).toMatchObject({ report: null })
    expect(rowAfter(started(1), ended, reported(2, 40))).not.toHaveProperty('report')
    expect(rowAfter(reported(1, 40))).toBeUndefined()
  })

  it('knows of an attempt whose start was never reported', () => {
    expect(rowAfter(failed(1))).toEqual({ ...of, state: 'waiting', plan: null, retryAt: 99, attempts: [{ ...failedAttempt(1), run: 1 }] })
  })
})

describe('foldPlannedSubjob', () => {
  const planned = (run = 1, retryAt: number | null = null): PlannedSubjob => {
    return { index: 2, run, service: 'north', dataProducerId: 'p', operations: 5, parents: [0], retryAt }
  }
  const plan = { service: 'north', dataProducerId: 'p', operations: 5, parents: [0], at: 7 }
  const again = { ...started(1), run: 2, at: 500 }

  it('waits with its attempts where it is tried again by itself', () => {
    const row = foldPlannedSubjob(rowAfter(failed(1)), 'job-1', planned(2, 5_000), 7)
    expect(row).toMatchObject({ state: 'waiting', run: 2, retryAt: 5_000, attempts: [{ number: 1, run: 1 }] })
  })

  it('makes a row of a subjob before its owner has heard of it', () => {
    expect(foldPlannedSubjob(undefined, 'job-1', planned(), 7)).toEqual({ ...of, plan, attempts: [], state: 'planned' })
  })

  it('changes nothing when it comes again, or late, but for what was not known', () => {
    const row = foldPlannedSubjob(undefined, 'job-1', planned(), 7)
    expect(foldPlannedSubjob(row, 'job-1', planned(), 8)).toBe(row)
    const begun = foldSubjobEvent(row, started(1))
    expect(foldPlannedSubjob(begun, 'job-1', planned(), 8)).toBe(begun)
    expect(foldPlannedSubjob(rowAfter(started(1)), 'job-1', planned(), 7)).toMatchObject({ state: 'started', plan })
  })

  it('starts the row anew for another run, which keeps the attempts of those before', () => {
    const over = foldSubjobEvent(foldPlannedSubjob(undefined, 'job-1', planned(), 7), ended)
    const row = foldPlannedSubjob(over, 'job-1', planned(2), 400)
    expect(row).toMatchObject({ run: 2, state: 'planned', plan: { ...plan, at: 400 } })
    expect(row.attempts.map(({ run, number }) => [run, number])).toEqual([[1, 1], [1, 2]])
    for (const late of [started(1), failed(2), ended]) expect(foldSubjobEvent(row, late)).toBe(row)
    expect(foldPlannedSubjob(row, 'job-1', planned(1), 9)).toBe(row)
    const running = foldSubjobEvent(row, again)
    expect(running).toMatchObject({ state: 'started', run: 2, attempt: { number: 1 } })
    expect(foldSubjobEvent(running, again)).toBe(running)
    const done = foldSubjobEvent(running, { ...ended, run: 2, attempts: [failedAttempt(1)] })
    expect(done?.attempts.map(({ run, number }) => [run, number])).toEqual([[1, 1], [1, 2], [2, 1]])
  })
})

describe('a subjob row', () => {
  it('tells the last error, and none of one that went well in the end', () => {
    const rows = [rowAfter(started(1)), rowAfter(failed(1)), rowAfter(failed(1), started(2)), rowAfter(failed(1), ended)]
    expect(rows.map((row) => row && lastErrorOf(row))).toEqual([null, 'away', 'away', null])
  })

  it('names the process that has it, or had it last, and when it was first started', () => {
    const rows = [rowAfter(started(1)), rowAfter(started(1), failed(1)), rowAfter(failed(1), started(2)), rowAfter(ended)]
    expect(rows.map((row) => row && workerOf(row))).toEqual(['w1', 'w1', 'w2', 'w2'])
    expect(rows.map((row) => row && startedAtOf(row))).toEqual([10, 10, 10, 10])
  })

  it('names none where no producer was asked', () => {
    const row = rowAfter({ ...ended, attempts: [] })
    expect(row && [workerOf(row), startedAtOf(row)]).toEqual([null, null])
  })
})
