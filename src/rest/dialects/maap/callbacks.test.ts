import { describe, expect, it } from 'vitest'
import { sampleEnd, sampleJob, sampleStart } from '../../../../test/contract/read-model.ts'
import type { JobNotice, SubjobReport } from '../../../domain/messages.ts'
import { maapCallbackRule } from './callbacks.ts'

const notice = (report: SubjobReport | null, callbacks: Readonly<Record<string, string>> = { callback_uri: 'http://c/' }): JobNotice => {
  return { type: 'JobNotice', job: sampleJob({ callbacks }, { state: 'running', startedAt: 1 }), previous: 'running', report, at: 2_000 }
}

describe('the client of an entry', () => {
  it('is told that a step runs, once, and how it ended, in a line of the step’s own', () => {
    const told = [sampleStart(3), sampleStart(3, 2), sampleEnd(3)].flatMap((report) => maapCallbackRule(notice(report)))
    expect(told).toEqual([
      { id: 'job-1/3/1/started', line: 'job-1/3', url: 'http://c/', kind: 'SubjobStarted' },
      { id: 'job-1/3/1/ended', line: 'job-1/3', url: 'http://c/', kind: 'SubjobEnded' },
    ])
  })

  it('is told of an attempt that is made again, and of one that is not by the end of the step', () => {
    const attempt = { number: 1, worker: 'w1', startedAt: 2_001, endedAt: 2_900, outcome: 'failed', code: 108, message: 'away' } as const
    const failure = { type: 'SubjobAttemptFailed', jobId: 'job-1', index: 3, run: 1, attempt } as const
    const told = [{ ...failure, retryAt: 9_000 }, { ...failure, retryAt: null }].map((report) => maapCallbackRule(notice(report)))
    expect(told.map((due) => due.map(({ id }) => id))).toEqual([['job-1/3/1/attempt-1'], []])
  })

  it('is told of nothing else, and of nothing where it did not ask', () => {
    expect(maapCallbackRule(notice(null))).toEqual([])
    expect(maapCallbackRule(notice(sampleStart(0), {}))).toEqual([])
  })
})
