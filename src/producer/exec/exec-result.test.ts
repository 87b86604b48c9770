import { describe, expect, it } from 'vitest'
import { endOf, resultOf, statusOf } from './exec-result.ts'

const done = resultOf({ ...endOf('exited', 1_000, ''), message: null, exitCode: 0 }, 1, {})

it('a result has its times as instants, and null where there is nothing', () => {
  expect(done).toMatchObject({ startedAt: null, endedAt: '1970-01-01T00:00:01.000Z', files: [], outputs: null, problem: null })
})

describe('the code beside a result', () => {
  it('is success for exit code 0 alone', () => {
    expect(statusOf(done)).toEqual({ statusCode: 0, statusMessage: 'Successfully applied changes' })
  })

  it('is REJECTED for what the command or its limits brought about, with the cause in words', () => {
    expect(statusOf({ ...done, exitCode: 3 })).toEqual({ statusCode: 104, statusMessage: 'exited with 3' })
    expect(statusOf({ ...done, exitCode: null, signal: 'SIGSEGV', reason: 'signalled' })).toEqual({
      ...{ statusCode: 104, statusMessage: 'ended by SIGSEGV' },
    })
    const late = statusOf({ ...done, exitCode: null, signal: 'SIGTERM', reason: 'timed out', message: 'after 2 s' })
    expect(late).toEqual({ statusCode: 104, statusMessage: 'timed out: after 2 s' })
  })

  it('is unknown for what the producer brought about', () => {
    const lost = statusOf({ ...done, reason: 'lost', exitCode: null, message: 'twice' })
    expect(lost).toEqual({ statusCode: 108, statusMessage: 'lost: twice' })
    expect(statusOf({ ...done, problem: 'outputs: no file matches "*.tif"' })).toMatchObject({ statusCode: 108 })
  })
})
