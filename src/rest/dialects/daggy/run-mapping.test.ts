import { describe, expect, it } from 'vitest'
import { sampleJob } from '../../../../test/contract/read-model.ts'
import type { Job, Phase } from '../../../domain/job.ts'
import type { Milestone } from '../../../domain/milestones.ts'
import { stateChangesOf, summaryOf } from './run-mapping.ts'

const running: Phase = { state: 'running', startedAt: 2_000 }
const ended = (outcome: 'succeeded' | 'failed' | 'cancelled', startedAt = 2_000): Phase => {
  return { state: 'ended', startedAt, outcome, finishedAt: 9_000 }
}
const at = (what: Milestone['what'], time: number): Milestone => ({ what, at: time, outcome: null })
const over = (outcome: 'failed' | 'cancelled', time: number): Milestone => ({ what: 'ended', at: time, outcome })

function run(phase: Phase, ...milestones: readonly Milestone[]): Job {
  return sampleJob({ dialect: 'daggy', createdAt: 1_000, milestones, held: milestones.at(-1)?.what === 'held' }, phase)
}

describe('the state changes of a run', () => {
  const changes = (job: Job): readonly string[] => {
    return stateChangesOf(job).map(({ time, state }) => `${state} ${time.slice(0, -6)}`)
  }

  it.each<readonly [string, Job, readonly string[]]>([
    ['is queued', run({ state: 'accepted' }), ['QUEUED 1000']],
    ['runs', run(running), ['QUEUED 1000', 'RUNNING 2000']],
    ['is over', run(ended('succeeded')), ['QUEUED 1000', 'RUNNING 2000', 'COMPLETED 9000']],
    ['was paused before it ran', run(running, at('held', 1_100), at('released', 1_200)), [
      ...['QUEUED 1000', 'PAUSED 1100', 'QUEUED 1200', 'RUNNING 2000'],
    ]],
    ['is paused, and had begun a task', run(running, at('held', 1_100)), ['QUEUED 1000', 'PAUSED 1100']],
    ['was paused twice', run(running, at('held', 3_000), at('released', 3_500), at('held', 4_000)), [
      ...['QUEUED 1000', 'RUNNING 2000', 'PAUSED 3000', 'RUNNING 3500', 'PAUSED 4000'],
    ]],
    ['is being killed', run({ state: 'cancelling', startedAt: 2_000 }, at('cancelled', 3_000)), [
      ...['QUEUED 1000', 'RUNNING 2000', 'KILLED 3000'],
    ]],
    ['was killed as it was paused', run(ended('cancelled'), at('held', 3_000), at('cancelled', 4_000)), [
      ...['QUEUED 1000', 'RUNNING 2000', 'PAUSED 3000', 'KILLED 4000'],
    ]],
    ['was killed before it began', run(ended('cancelled', 1_500), at('cancelled', 1_500)), ['QUEUED 1000', 'KILLED 1500']],
    ['failed, and was resumed', run(ended('succeeded'), over('failed', 5_000), at('retried', 6_000)), [
      ...['QUEUED 1000', 'RUNNING 2000', 'ERRORED 5000', 'QUEUED 6000', 'RUNNING 6000', 'COMPLETED 9000'],
    ]],
    ['was killed, and resumed', run(running, at('cancelled', 3_000), over('cancelled', 4_000), at('retried', 5_000)), [
      ...['QUEUED 1000', 'RUNNING 2000', 'KILLED 3000', 'QUEUED 5000', 'RUNNING 5000'],
    ]],
  ])('of one that %s', (_, job, expected) => {
    expect(changes(job)).toEqual(expected)
  })
})

it('says in a list when a run was last paused', () => {
  expect(summaryOf(run(running, at('held', 3_000)), [])).toMatchObject({ state: 'PAUSED', lastUpdate: '3000000000' })
})
