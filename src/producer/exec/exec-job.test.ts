import { describe, expect, it } from 'vitest'
import {
  contractStatusOf, decideExecJob, evolveExecJob, type ExecJob, type ExecJobCommand, type ExecJobEvent, execJobTransitions, newExecJob,
} from './exec-job.ts'
import { endOf } from './exec-result.ts'

const end = { ...endOf('exited', 5, ''), exitCode: 0, message: null }
const start: ExecJobCommand = { type: 'StartAttempt', marker: 'm' }
const ended: ExecJobCommand = { type: 'EndCommand', end }
const lost: ExecJobCommand = { type: 'LoseAttempt', stopped: false, attemptsMax: 2, at: 9 }
const stopped: ExecJobCommand = { ...lost, stopped: true }
const published: ExecJobCommand = { type: 'EndOperation', wentWell: true }
const failed: ExecJobCommand = { type: 'EndOperation', wentWell: false }
const cancel: ExecJobCommand = { type: 'CancelJob' }

function after(operations: number, ...commands: readonly ExecJobCommand[]): ExecJob {
  return commands.reduce((job, command) => decideExecJob(job, command).reduce(evolveExecJob, job), newExecJob(operations))
}

describe('a job of commands', () => {
  it('runs its operations one after the other, and counts those that failed', () => {
    expect(after(2, start)).toMatchObject({ state: 'running', attempt: { number: 1, marker: 'm' } })
    expect(after(2, start, ended)).toMatchObject({ state: 'publishing', end })
    expect(after(2, start, ended, failed)).toMatchObject({ state: 'queued', ended: 1, failed: 1, tries: 0 })
    expect(after(2, start, ended, failed, start, ended, published)).toMatchObject({ state: 'finished', ended: 2, failed: 1 })
  })

  it('is told in the words of the contract', () => {
    const once = [start, ended] as const
    expect(contractStatusOf(newExecJob(1))).toBe('NOT_STARTED')
    expect(contractStatusOf(after(1, ...once))).toBe('RUNNING')
    expect(contractStatusOf(after(2, ...once, published))).toBe('RUNNING')
    expect(contractStatusOf(after(1, ...once, published))).toBe('FINISHED')
    expect(contractStatusOf(after(1, ...once, failed))).toBe('FAILED')
    expect(contractStatusOf(after(2, ...once, failed, ...once, published))).toBe('PARTIALLY_FAILED')
    expect(contractStatusOf(after(1, start, cancel))).toBe('CANCELLING')
    expect(contractStatusOf(after(1, start, cancel, ended, failed))).toBe('CANCELLED')
  })

  it('that is cancelled begins nothing more, and keeps what it has done', () => {
    expect(after(3, cancel)).toMatchObject({ state: 'cancelled', ended: 0 })
    expect(after(3, start, cancel, ended, failed)).toMatchObject({ state: 'cancelled', ended: 1 })
    expect(after(3, start, cancel, lost)).toMatchObject({ state: 'cancelled', ended: 0 })
    expect(decideExecJob(after(3, start, cancel), cancel)).toEqual([])
  })

  it('tries again what went with the producer, so often as it may; a stop that was asked for does not count', () => {
    expect(after(1, start, lost)).toMatchObject({ state: 'queued', tries: 1, lost: 1 })
    expect(after(1, start, lost, start)).toMatchObject({ state: 'running', attempt: { number: 2 } })
    expect(after(1, start, lost, start, lost)).toMatchObject({ state: 'publishing', end: { reason: 'lost' } })
    expect(after(1, start, stopped, start, stopped, start, stopped)).toMatchObject({ state: 'queued', tries: 3, lost: 0 })
  })

  it('whose command has ended never begins it again', () => {
    for (const command of [start, ended, lost, stopped]) expect(decideExecJob(after(1, start, ended), command)).toEqual([])
  })

  it('that is over hears of nothing more', () => {
    for (const job of [after(1, start, ended, published), after(1, cancel)]) {
      for (const command of [start, ended, lost, published, cancel]) expect(decideExecJob(job, command)).toEqual([])
    }
  })

  it('goes wherever its table leads, and nowhere else', () => {
    const seen = new Set<string>()
    const commands = [start, ended, lost, stopped, published, failed, cancel]
    const walk = (job: ExecJob, depth: number): void => {
      if (depth === 0) return
      for (const command of commands) {
        const next = decideExecJob(job, command).reduce((from, event: ExecJobEvent) => {
          const to = evolveExecJob(from, event)
          seen.add(`${from.state} ${event.type} ${to.state}`)
          return to
        }, job)
        if (next !== job) walk(next, depth - 1)
      }
    }
    walk(newExecJob(2), 6)
    const table = Object.entries(execJobTransitions).flatMap(([from, events]) => {
      return Object.entries(events).map(([type, to]) => `${from} ${type} ${to}`)
    })
    expect([...seen].sort()).toEqual(table.sort())
    expect(() => evolveExecJob(newExecJob(1), { type: 'JobFinished' })).not.toThrow()
    expect(() => evolveExecJob(after(1, cancel), { type: 'CancelAsked' })).toThrow('broken invariant')
  })
})
