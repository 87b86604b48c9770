import { describe, expect, test } from 'vitest'
import { compacted, StageRun } from '../../test/fakes/stage-run.ts'
import type { BulkAction, CommandJobs } from '../domain/bulk.ts'
import { BulkCommander, type FindJobs, type FoundJob, type JobsFound } from './bulk-commander.ts'

const PORTION = 3

function commander(): StageRun<FindJobs, JobsFound, BulkCommander> {
  return new StageRun(() => new BulkCommander({ homePartition: (jobId) => jobId.length, portionMax: PORTION }))
}

function command(commandId: string, action: BulkAction = 'cancel'): CommandJobs {
  return { type: 'CommandJobs', commandId, action, conditions: [], requestedBy: 'me', authorization: 'token', priority: 7 }
}

function jobs(from: number, to: number): readonly FoundJob[] {
  return Array.from({ length: to - from + 1 }, (_, n) => ({ number: from + n, jobId: `job-${from + n}`, run: 1 }))
}

function commanded(run: StageRun<FindJobs, JobsFound>): readonly string[] {
  return run.turns.flatMap((turn) => turn.published.map(({ key }) => key))
}

describe('a command about many jobs', () => {
  test.each([
    ['cancel', { type: 'AbandonJob', jobId: 'job-1', requestedBy: 'me' }],
    ['requeue', { type: 'RetryJob', jobId: 'job-1', run: 2, requestedBy: 'me', authorization: 'token', priority: 7 }],
  ] as const)('to %s is one to each job, on its home partition', (action, message) => {
    const run = commander()
    run.take(command('a', action))
    const { published } = run.complete({ commandId: 'a', jobs: jobs(1, 1) })
    expect(published).toEqual([{ to: 'commands', key: 'job-1', message, options: { partition: 5 } }])
  })

  test('is done with in the turn that writes the last of what it asks for', () => {
    const run = commander()
    run.take(command('a'), { offset: 5 })
    expect(run.stage.keptFrom()).toBe(5)
    run.complete({ commandId: 'a', jobs: jobs(1, 7) })
    run.ring()
    expect([run.stage.keptFrom(), commanded(run).length]).toEqual([5, 6])
    run.ring()
    expect([run.stage.keptFrom(), run.stage.load(), commanded(run)]).toEqual([null, 0, jobs(1, 7).map(({ jobId }) => jobId)])
    expect(compacted(run.changelog, { keepDeletions: false })).toEqual([])
    expect(run.timers.size).toBe(0)
  })

  test('takes turns of one size, of however many jobs', () => {
    const run = commander()
    run.take(command('a'))
    run.complete({ commandId: 'a', jobs: jobs(1, 100_000) })
    while (run.timers.size > 0) run.ring()
    expect(Math.max(...run.turns.map(({ published }) => published.length))).toBe(PORTION)
    expect(new Set(commanded(run)).size).toBe(100_000)
    expect(run.stage.keptFrom()).toBeNull()
  })

  test('that finds none says something all the same: its record is done with', () => {
    const run = commander()
    run.take(command('a'))
    expect(run.complete({ commandId: 'a', jobs: [] }).silent).toBe(false)
    expect(run.stage.keptFrom()).toBeNull()
  })

  test('is looked for again where the read model has not come far enough', () => {
    const run = commander()
    run.take(command('a'))
    const [asked] = run.takeEffects()
    run.complete({ commandId: 'a', jobs: null })
    expect(run.takeEffects()).toEqual([])
    run.ring()
    expect(run.takeEffects()).toEqual([asked])
  })

  test('begins when the one before is done', () => {
    const run = commander()
    for (const id of ['a', 'b']) run.take(command(id))
    expect(run.takeEffects().map(({ commandId }) => commandId)).toEqual(['a'])
    run.complete({ commandId: 'a', jobs: jobs(1, PORTION + 1) })
    expect([run.takeEffects(), run.stage.keptFrom()]).toEqual([[], 0])
    run.ring()
    expect([run.takeEffects().map(({ commandId }) => commandId), run.stage.keptFrom()]).toEqual([['b'], 1])
  })

  test.each([0, 1, 2, 3])('killed behind its portion %i commands each job once', (portions) => {
    const run = commander()
    const all = jobs(0, 3 * PORTION)
    const places = ['a', 'b'].map((id, offset) => [command(id), { offset }] as const)
    for (const place of places) run.take(...place)
    for (let n = 0; n < portions; n += 1) {
      if (n === 0) run.complete({ commandId: 'a', jobs: all })
      else run.ring()
    }
    expect(commanded(run)).toHaveLength(portions * PORTION)
    run.restart(compacted(run.changelog))
    for (const place of places) run.takeAgain(...place)
    const [asked] = run.takeEffects()
    expect(asked).toMatchObject({ commandId: 'a', after: portions * PORTION - 1 })
    run.complete({ commandId: 'a', jobs: all.filter(({ number }) => number > (asked?.after ?? 0)) })
    while (run.stage.keptFrom() === 0) run.ring()
    expect(commanded(run)).toEqual(all.map(({ jobId }) => jobId))
    expect(run.takeEffects()).toMatchObject([{ commandId: 'b', after: -1 }])
  })

  test('does not take what another has come to for its own', () => {
    const run = commander()
    run.take(command('a'))
    run.complete({ commandId: 'a', jobs: jobs(1, PORTION + 1) })
    run.restart()
    run.take(command('b'), { offset: 0 })
    expect(run.takeEffects()).toMatchObject([{ commandId: 'b', after: -1 }])
  })
})

test('what is no such command is set aside', () => {
  const run = commander()
  const { deadLetters } = run.take({ type: 'CancelJob', jobId: 'job-1', requestedBy: null, subjobs: null }, { topic: 'bulk' })
  expect(deadLetters).toMatchObject([{ cause: 'a CancelJob does not belong on bulk' }])
  expect(run.stage.keptFrom()).toBeNull()
})
