import { describe, expect, it } from 'vitest'
import type { Attempt } from '../domain/attempt.ts'
import type { SubjobAttemptFailed, SubjobEnded, SubjobReport, SubjobStarted } from '../domain/messages.ts'
import { foldSubjobEvent, startedAtOf, type SubjobRow, workerOf } from './subjob-row.ts'

const of = { jobId: 'job-1', index: 2, run: 1 }
const started = (attempt: number): SubjobStarted => {
  return { type: 'SubjobStarted', ...of, attempt, worker: `w${attempt}`, dataProducerJobId: `p${attempt}`, at: attempt * 10 }
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
  failedOperations: [],
}
const rowAfter = (...events: SubjobReport[]): SubjobRow | undefined =>
  events.reduce<SubjobRow | undefined>(foldSubjobEvent, undefined)

describe('foldSubjobEvent', () => {
  it('follows a subjob over a failed attempt to its end', () => {
    const story = [started(1), failed(1), started(2), ended]
    const states = story.map((_, n) => rowAfter(...story.slice(0, n + 1))?.state)
    expect(states).toEqual(['started', 'waiting', 'started', 'ended'])
    expect(rowAfter(...story)?.attempts).toEqual(ended.attempts.map((attempt) => ({ ...attempt, run: 1 })))
  })

  it('changes nothing when any event comes twice', () => {
    const story = [started(1), failed(1), started(2), failed(2), started(3)]
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

  it('knows of an attempt whose start was never reported', () => {
    expect(rowAfter(failed(1))).toEqual({ ...of, state: 'waiting', plan: null, retryAt: 99, attempts: [{ ...failedAttempt(1), run: 1 }] })
  })
})

describe('a subjob row', () => {
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
