import { describe, expect, it } from 'vitest'
import { type ExecResult, NO_TEXT, statusOf } from './exec-result.ts'

const done: ExecResult = {
  ...{ exitCode: 0, signal: null, reason: 'exited', message: null, attempt: 1, startedAt: null, endedAt: '', peakMemoryMB: null },
  ...{ stdout: NO_TEXT, stderr: NO_TEXT, outputs: null, files: [], problem: null },
}

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
