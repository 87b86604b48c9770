import { describe, expect, it } from 'vitest'
import { endedPhase, sampleEnd, sampleJob, sampleStart } from '../../../../test/contract/read-model.ts'
import type { Attempt } from '../../../domain/attempt.ts'
import type { Job, Phase } from '../../../domain/job.ts'
import type { SubjobEnded, SubjobNews } from '../../../domain/messages.ts'
import { foldSubjobEvent, type SubjobRow } from '../../../read-model/subjob-row.ts'
import { entryOf, isPending, statusOfEntry, stepOf } from './entry-mapping.ts'

const dialectData = JSON.stringify({ job_id: 'j', job_name: 'map', steps: 2 })
const entry = (changes: Partial<Omit<Job, 'state'>> = {}, phase?: Phase): Job => {
  return sampleJob({ dialect: 'maap', dialectData, ...changes }, phase)
}
const NOTHING = { rows: [], reports: new Map(), descriptions: [] }
const UNKNOWN = { row: undefined, report: undefined, description: 'first' }
const rowAfter = (...events: SubjobNews[]): SubjobRow | undefined => {
  return events.reduce<SubjobRow | undefined>((row, event) => foldSubjobEvent(row, event), undefined)
}
const attempt = (number: number, message: string): Attempt => {
  return { number, worker: 'w1', startedAt: 2_000 + number, endedAt: 2_100, outcome: 'failed', code: 108, message }
}
const FAILED = [attempt(1, 'exited with 1')]
const ATTEMPTS = [attempt(1, 'slow'), attempt(2, 'away')]
const TOO_LONG = 'timed out: it ran longer than timeoutSeconds, 1'
const TOO_LATE = "it was not done by the job's deadline"
const end = (changes: Partial<SubjobEnded>): SubjobEnded => ({ ...sampleEnd(0), attempts: [], message: null, ...changes })

describe('an entry', () => {
  it.each([
    ['PENDING', entry({ held: true })],
    ['RUNNING', entry({ held: true, released: [1] })],
    ['RUNNING', entry()],
    ['RUNNING', entry({}, { state: 'running', startedAt: 2_000 })],
    ['RUNNING', entry({}, { state: 'concluding', startedAt: 2_000, outcome: 'failed' })],
    ['CANCELED', entry({}, { state: 'cancelling', startedAt: null })],
    ['CANCELED', entry({}, endedPhase('cancelled'))],
    ['SUCCESS', entry({}, endedPhase('succeeded'))],
    ['ERROR', entry({}, endedPhase('partiallyFailed'))],
    ['ERROR', entry({}, endedPhase('failed'))],
  ])('is %s', (status, job) => {
    expect(statusOfEntry(job)).toBe(status)
  })

  it('has timed out where one of its steps has', () => {
    const row = rowAfter(end({ outcome: 'failed', message: 'it was not done within 1000 ms' }))
    const facts = { rows: row === undefined ? [] : [row], reports: new Map(), descriptions: ['first', 'second'] }
    expect(entryOf(entry({}, endedPhase('failed')), facts)).toMatchObject({
      status: 'TIMEOUT',
      steps: [{ index: 0, description: 'first', status: 'TIMEOUT' }, { index: 1, description: 'second', status: 'PENDING' }],
    })
  })

  it('shows as much as its data say, which may come by the command topic', () => {
    for (const data of [null, 'no JSON', '7', '[]', '{"steps":"x"}', '{"steps":-1}']) {
      const job = entry({ dialectData: data, submittedBy: 'me' })
      expect(entryOf(job, NOTHING)).toMatchObject({ job_id: '', steps: [], user_id: 'me' })
    }
    for (const steps of [1e9, 3]) {
      const job = entry({ dialectData: JSON.stringify({ steps }) })
      expect(entryOf(job, NOTHING).steps).toHaveLength(Math.min(steps, 1_000))
    }
  })

  it('has steps that wait to be run, each until it is', () => {
    const job = entry({ held: true, released: [1] })
    expect([isPending(job, 0), isPending(job, 1), isPending(entry(), 0)]).toEqual([true, false, false])
  })
})

describe('a step', () => {
  const job = entry({}, { state: 'running', startedAt: 2_000 })
  const begun = sampleStart(0)

  it('is pending until its producer has it, and cancelled with its entry', () => {
    const step = { index: 0, description: 'first', messages: [], files: [] }
    expect(stepOf(job, 0, UNKNOWN)).toEqual({ ...step, status: 'PENDING' })
    expect(stepOf(entry({}, endedPhase('cancelled')), 0, UNKNOWN)).toEqual({ ...step, status: 'CANCELED' })
  })

  it('runs, and says what went wrong in attempts that are made again', () => {
    expect(stepOf(job, 0, { ...UNKNOWN, row: rowAfter(begun) })).toEqual({
      ...{ index: 0, description: 'first', status: 'RUNNING', messages: [], time_started: '1970-01-01T00:00:02.001Z', files: [] },
    })
    const subjob = { jobId: 'job-1', index: 0, run: 1 }
    const row = rowAfter(begun, { type: 'SubjobAttemptFailed', ...subjob, attempt: attempt(1, 'it hung up'), retryAt: 9_000 })
    expect(stepOf(job, 0, { ...UNKNOWN, row })).toMatchObject({ status: 'RUNNING', messages: [{ level: 'WARN', text: 'it hung up' }] })
  })

  it.each([
    ['SUCCESS', { outcome: 'succeeded' }, null, []],
    ['CANCELED', { outcome: 'cancelled', message: 'the job was cancelled' }, null, ['ERROR the job was cancelled']],
    ['ERROR', { outcome: 'failed' }, 'exited with 1', ['ERROR exited with 1']],
    ['ERROR', { outcome: 'failed', message: 'exited with 1', attempts: FAILED }, 'exited with 1. no', ['ERROR exited with 1. no']],
    ['TIMEOUT', { outcome: 'failed' }, TOO_LONG, [`ERROR ${TOO_LONG}`]],
    ['TIMEOUT', { outcome: 'failed', message: TOO_LATE }, null, [`ERROR ${TOO_LATE}`]],
    ['ERROR', { outcome: 'failed', message: 'away', attempts: ATTEMPTS }, null, ['WARN slow', 'ERROR away']],
    ['SUCCESS', { outcome: 'succeeded', attempts: [attempt(1, 'slow')] }, null, ['WARN slow']],
  ] as const)('that has ended is %s', (status, changes, failure, messages) => {
    const report = { files: [{ file_uri: 's3://b/k', description: 'k' }], failure }
    const step = stepOf(job, 0, { ...UNKNOWN, row: rowAfter(begun, end(changes)), report })
    expect(step).toMatchObject({ status, time_ended: '1970-01-01T00:00:02.900Z', files: report.files })
    expect(step.messages.map(({ level, text }) => `${level} ${text}`)).toEqual(messages)
  })
})
