import { describe, expect, it } from 'vitest'
import { exampleFacts } from '../../test/fakes/domain-examples.ts'
import type { Outcome } from './job-counts.ts'
import { decideJob, evolveJob, type Job, type JobCommand } from './job.ts'
import { MILESTONES_MAX } from './milestones.ts'

describe('the milestones of a job', () => {
  const after = (job: Job, ...commands: readonly JobCommand[]): Job =>
    commands.reduce<Job>((each, command) => decideJob(each, command).reduce(evolveJob, each), job)
  const milestones = (job: Job): readonly string[] =>
    job.milestones.map(({ what, at, outcome }) => [what, at, ...(outcome === null ? [] : [outcome])].join(' '))
  const accepted = evolveJob(undefined, { type: 'JobAccepted', facts: exampleFacts(), operations: 1, subjobs: 1 })
  const started = evolveJob(accepted, { type: 'JobStarted', at: 10 })
  const end = (outcome: Outcome, at: number): readonly JobCommand[] => [
    { type: 'RecordSubjobEnded', at, result: { outcome, succeeded: 0, failed: 1, message: null } },
    { type: 'RecordConclusion', at, message: null },
  ]

  it('are what its client had it do, once each', () => {
    const hold = { type: 'HoldJob', at: 11 } as const
    const release = { type: 'ReleaseJob', at: 12, callbacks: {}, subjobs: null } as const
    const twice = [hold, { ...hold, at: 99 }, release, { ...release, at: 99 }] as const
    const job = after(started, ...twice, { ...hold, at: 13 }, { type: 'CancelJob', at: 14 })
    expect(milestones(job)).toEqual(['held 11', 'released 12', 'held 13', 'cancelled 14'])
  })

  it('are also how its former runs ended', () => {
    const over = after(started, { type: 'CancelJob', at: 11 }, { type: 'CancelJob', at: 12 }, ...end('cancelled', 13))
    expect(milestones(over)).toEqual(['cancelled 11'])
    const undone = { operations: 1, subjobs: { partiallyFailed: 0, failed: 0, cancelled: 1 } }
    const again = after(over, { type: 'RetryJob', at: 15, run: null, priority: null, undone })
    expect(milestones(again)).toEqual(['cancelled 11', 'ended 13 cancelled', 'retried 15'])
  })

  it('are also that its client gave it up, but no release of what has ended', () => {
    const failed = after(started, { type: 'HoldJob', at: 11 }, ...end('failed', 13))
    const given = after(failed, { type: 'AbandonJob', at: 20 }, { type: 'AbandonJob', at: 21 }, { type: 'CancelJob', at: 22 })
    expect([milestones(given), given.held]).toEqual([['held 11', 'abandoned 20'], false])
  })

  it('are the latest, where there are many', () => {
    const times = Array.from({ length: MILESTONES_MAX }, (_, n) => n)
    const steered = times.flatMap((at): readonly JobCommand[] => {
      return [{ type: 'HoldJob', at }, { type: 'ReleaseJob', at, callbacks: {}, subjobs: null }]
    })
    const kept = milestones(after(started, ...steered))
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([MILESTONES_MAX, `held ${MILESTONES_MAX / 2}`, `released ${MILESTONES_MAX - 1}`])
  })
})
