import { describe, expect, it } from 'vitest'
import { exampleFacts } from '../../test/fakes/domain-examples.ts'
import { endedSubjobs, type Outcome, OUTCOMES, type SubjobResult } from './job-counts.ts'
import {
  decideJob,
  evolveJob,
  isHeld,
  type Job,
  type JobCommand,
  type JobEvent,
  type JobState,
  jobTransitions,
} from './job.ts'

const result = { outcome: 'succeeded', succeeded: 2, failed: 0, message: null } as const
const facts = exampleFacts()

const accepted = evolveJob(undefined, { type: 'JobAccepted', facts, operations: 4, subjobs: 2 })
const running = evolveJob(accepted, { type: 'JobStarted', at: 10 })
const concluding = evolveJob(running, { type: 'JobConcluded', outcome: 'succeeded', at: 12 })
const ended = evolveJob(concluding, { type: 'JobEnded', at: 20, message: null })

type JobStateName = JobState | 'none'

const cancelling = evolveJob(running, { type: 'JobCancelled', at: 30 })
const undone = { operations: 1, subjobs: { partiallyFailed: 0, failed: 1, cancelled: 0 } }

const generation = { step: 0, first: 2, steps: 3, source: 'made' }

const states: Record<JobStateName, Job | undefined> = { none: undefined, accepted, running, cancelling, concluding, ended }

const events: { readonly [Type in JobEvent['type']]: Extract<JobEvent, { type: Type }> } = {
  JobAccepted: { type: 'JobAccepted', facts, operations: 4, subjobs: 2 },
  SubjobsAdded: { type: 'SubjobsAdded', subjobs: 1, parts: 0 },
  StepsGenerated: { type: 'StepsGenerated', generation },
  PartsGivenUp: { type: 'PartsGivenUp', operations: 1, message: 'lost' },
  JobStarted: { type: 'JobStarted', at: 10 },
  SubjobCounted: { type: 'SubjobCounted', result },
  JobConcluded: { type: 'JobConcluded', outcome: 'succeeded', at: 12 },
  JobCancelled: { type: 'JobCancelled', at: 30 },
  JobEnded: { type: 'JobEnded', at: 20, message: null },
  JobRetried: { type: 'JobRetried', at: 30, undone, priority: 5 },
  JobHeld: { type: 'JobHeld', at: 30 },
  JobAbandoned: { type: 'JobAbandoned', at: 30 },
  JobReleased: { type: 'JobReleased', at: 30, callbacks: {} },
  SubjobsReleased: { type: 'SubjobsReleased', at: 30, callbacks: {}, subjobs: [1] },
}

const commands: { readonly [Type in JobCommand['type']]: Extract<JobCommand, { type: Type }> } = {
  AcceptJob: { type: 'AcceptJob', facts, operations: 4, subjobs: 2 },
  RecordSubjobStarted: { type: 'RecordSubjobStarted', at: 11 },
  RecordSubjobEnded: { type: 'RecordSubjobEnded', at: 12, result },
  RecordConclusion: { type: 'RecordConclusion', at: 13, message: null },
  AddSubjobs: { type: 'AddSubjobs', subjobs: 1, parts: 0 },
  AddGeneratedSteps: { type: 'AddGeneratedSteps', generation },
  GiveUpParts: { type: 'GiveUpParts', at: 14, operations: 1, message: 'lost' },
  CancelJob: { type: 'CancelJob', at: 30 },
  RetryJob: { type: 'RetryJob', at: 30, run: 2, priority: null, undone },
  HoldJob: { type: 'HoldJob', at: 30 },
  AbandonJob: { type: 'AbandonJob', at: 30 },
  ReleaseJob: { type: 'ReleaseJob', at: 30, callbacks: {}, subjobs: null },
}

/** What each command leads to; every example job has two subjobs, of which none has been counted. What is not named leads to nothing. */
const decisions: Record<JobStateName, Partial<Record<JobCommand['type'], readonly JobEvent['type'][]>>> = {
  none: { AcceptJob: ['JobAccepted'] },
  accepted: {
    AddSubjobs: ['SubjobsAdded'],
    AddGeneratedSteps: ['StepsGenerated'],
    RecordSubjobStarted: ['JobStarted'],
    RecordSubjobEnded: ['JobStarted', 'SubjobCounted'],
    CancelJob: ['JobCancelled'],
    HoldJob: ['JobHeld'],
  },
  running: {
    AddSubjobs: ['SubjobsAdded'],
    AddGeneratedSteps: ['StepsGenerated'],
    RecordSubjobEnded: ['SubjobCounted'],
    CancelJob: ['JobCancelled'],
    HoldJob: ['JobHeld'],
  },
  cancelling: { AddSubjobs: ['SubjobsAdded'], AddGeneratedSteps: ['StepsGenerated'], RecordSubjobEnded: ['SubjobCounted'] },
  concluding: { RecordConclusion: ['JobEnded'] },
  ended: { RetryJob: ['JobRetried'] },
}

const stateNames = Object.keys(states) as JobStateName[]

describe('a job follows its table of transitions', () => {
  for (const state of stateNames) {
    const targets: Partial<Record<JobEvent['type'], JobState>> = jobTransitions[state]
    for (const event of Object.values(events)) {
      const target = targets[event.type]
      if (target === undefined) {
        it(`given ${state}, then ${event.type} breaks an invariant`, () => {
          expect(() => evolveJob(states[state], event)).toThrow(`broken invariant: ${event.type} while the job is ${state}`)
        })
      } else {
        it(`given ${state}, then ${event.type} leads to ${target}`, () => {
          expect(evolveJob(states[state], event).state).toBe(target)
        })
      }
    }
  }
})

describe('a job decides', () => {
  for (const state of stateNames) {
    for (const command of Object.values(commands)) {
      const expected = decisions[state][command.type] ?? []
      it(`given ${state}, when ${command.type}, then ${expected.join(', ') || 'nothing'}`, () => {
        const decided = decideJob(states[state], command)
        expect(decided.map((event) => event.type)).toEqual(expected)
        expect(() => decided.reduce(evolveJob, states[state] as Job)).not.toThrow()
      })

      it(`given ${state}, when ${command.type} comes twice, then only counting is repeated`, () => {
        const once = decideJob(states[state], command).reduce<Job | undefined>(evolveJob, states[state])
        const again = decideJob(once, command).map((event) => event.type)
        const isOpen = state === 'accepted' || state === 'running' || state === 'cancelling'
        const added = { AddSubjobs: ['SubjobsAdded'], AddGeneratedSteps: ['StepsGenerated'] }[command.type as string] ?? []
        const adds = isOpen ? added : []
        expect(again).toEqual(isOpen && command.type === 'RecordSubjobEnded' ? ['SubjobCounted', 'JobConcluded'] : adds)
      })
    }
  }
})

describe('what a job knows', () => {
  it('given nothing, when it is accepted, then it holds what was asked for and counts from zero', () => {
    expect(accepted).toEqual({
      ...facts,
      state: 'accepted',
      operations: { total: 4, succeeded: 0, failed: 0 },
      subjobs: { total: 2, succeeded: 0, partiallyFailed: 0, failed: 0, cancelled: 0 },
      message: null,
      run: 1,
      partsLeft: 0,
      released: [],
      generated: [],
      milestones: [],
      abandonedAt: null,
    })
  })

  it('given it is accepted, when its first subjob ends before any was seen to start, then it started at that moment', () => {
    const job = afterResults([{ ...result, succeeded: 2 }], { at: 77 })
    expect(job).toMatchObject({ state: 'running', startedAt: 77, operations: { total: 4, succeeded: 2, failed: 0 } })
  })

  it('given it runs, when another subjob starts, then it keeps the time of the first', () => {
    expect(decideJob(running, { type: 'RecordSubjobStarted', at: 99 })).toEqual([])
  })

  it('sums up operations and subjobs by outcome', () => {
    const job = afterResults([
      { outcome: 'partiallyFailed', succeeded: 1, failed: 1, message: 'one was refused' },
      { outcome: 'failed', succeeded: 0, failed: 2, message: 'gone' },
    ])
    expect(job.operations).toEqual({ total: 4, succeeded: 1, failed: 3 })
    expect(job.subjobs).toEqual({ total: 2, succeeded: 0, partiallyFailed: 1, failed: 1, cancelled: 0 })
    expect(endedSubjobs(job.subjobs)).toBe(2)
  })

  it('keeps the first reason for a failure, also before that of its conclusion', () => {
    const job = afterResults([
      { outcome: 'failed', succeeded: 0, failed: 2, message: 'first' },
      { outcome: 'failed', succeeded: 0, failed: 2, message: 'second' },
    ])
    expect(evolveJob(job, { type: 'JobEnded', at: 1, message: 'third' }).message).toBe('first')
  })

  it('ends with the reason why its conclusion could not be told, when nothing else went wrong', () => {
    expect(evolveJob(concluding, { type: 'JobEnded', at: 20, message: 'the bucket is gone' })).toMatchObject({
      state: 'ended',
      finishedAt: 20,
      message: 'the bucket is gone',
    })
  })

  const outcomes: readonly [readonly Outcome[], Outcome][] = [
    [['succeeded', 'succeeded'], 'succeeded'],
    [['failed', 'failed'], 'failed'],
    [['partiallyFailed', 'partiallyFailed'], 'partiallyFailed'],
    [['succeeded', 'failed'], 'partiallyFailed'],
    [['failed', 'partiallyFailed'], 'partiallyFailed'],
    [['succeeded', 'partiallyFailed'], 'partiallyFailed'],
  ]
  for (const [subjobs, outcome] of outcomes) {
    it(`given subjobs that ended ${subjobs.join(' and ')}, then it concludes ${outcome}, in either order`, () => {
      for (const order of [subjobs, subjobs.toReversed()]) {
        const results = order.map((each) => ({ outcome: each, succeeded: 1, failed: each === 'succeeded' ? 0 : 1, message: null }))
        expect(afterResults(results)).toMatchObject({ state: 'concluding', outcome })
      }
    })
  }

  it('has an outcome for every way in which its only subjob ends', () => {
    for (const outcome of OUTCOMES.filter((each) => each !== 'cancelled')) {
      const only = evolveJob(undefined, { type: 'JobAccepted', facts, operations: 1, subjobs: 1 })
      const command = { type: 'RecordSubjobEnded', at: 1, result: { ...result, outcome } } as const
      expect(decideJob(only, command).reduce(evolveJob, only)).toMatchObject({ state: 'concluding', outcome })
    }
  })
})

describe('a job in parts', () => {
  const inParts = evolveJob(undefined, { type: 'JobAccepted', facts: { ...facts, submission: 's', parts: 2 }, operations: 4, subjobs: 0 })
  const after = (job: Job, ...commands: JobCommand[]): Job =>
    commands.reduce<Job>((each, command) => decideJob(each, command).reduce(evolveJob, each), job)
  const part: JobCommand = { type: 'AddSubjobs', subjobs: 1, parts: 1 }
  const end: JobCommand = { type: 'RecordSubjobEnded', at: 12, result }

  it('given its subjobs have ended, while parts are missing, then it goes on', () => {
    expect(after(inParts, part, end)).toMatchObject({ state: 'running', partsLeft: 1, subjobs: { total: 1, succeeded: 1 } })
    expect(after(inParts, part, end, part, end)).toMatchObject({ state: 'concluding', outcome: 'succeeded', partsLeft: 0 })
  })

  it('given parts never come, then it concludes with what it has, and their operations have failed', () => {
    const lost: JobCommand = { type: 'GiveUpParts', at: 30, operations: 2, message: 'lost' }
    const shown = { state: 'concluding', message: 'lost', operations: { total: 4, failed: 2 } }
    expect(after(inParts, part, end, lost)).toMatchObject({ ...shown, outcome: 'partiallyFailed' })
    expect(after(inParts, part, lost, end)).toMatchObject({ ...shown, outcome: 'partiallyFailed' })
    expect(after(inParts, { ...lost, operations: 4 })).toMatchObject({ state: 'concluding', outcome: 'failed', startedAt: 30 })
    expect(decideJob(after(inParts, part, part), lost)).toEqual([])
  })
})

describe('a job that is held', () => {
  const heldFacts = { ...facts, held: true, callbacks: { a: '1' } }
  const held = evolveJob(undefined, { type: 'JobAccepted', facts: heldFacts, operations: 4, subjobs: 2 })

  it('is released once, with what its client wants to be told then', () => {
    const events = decideJob(held, { type: 'ReleaseJob', at: 30, callbacks: { b: '2' }, subjobs: null })
    const released = events.reduce(evolveJob, held)
    expect(released).toMatchObject({ state: 'accepted', held: false, callbacks: { a: '1', b: '2' } })
    expect(decideJob(released, { type: 'ReleaseJob', at: 30, callbacks: {}, subjobs: null })).toEqual([])
  })

  it('is released in pieces, each once, and is held no longer once there are no others', () => {
    const release = (job: Job, subjobs: readonly number[]): Job => {
      return decideJob(job, { type: 'ReleaseJob', at: 30, callbacks: { b: '2' }, subjobs }).reduce(evolveJob, job)
    }
    const first = release(held, [1, 1])
    expect(first).toMatchObject({ state: 'accepted', held: true, released: [1], callbacks: { a: '1', b: '2' } })
    expect([isHeld(first, 0), isHeld(first, 1)]).toEqual([true, false])
    expect(release(first, [1])).toBe(first)
    const running = evolveJob(first, { type: 'JobStarted', at: 10 })
    expect(release(running, [0])).toMatchObject({ state: 'running', held: false, released: [] })
    expect(release(running, [1])).toBe(running)
    expect(decideJob(running, { type: 'CancelJob', at: 30 }).reduce(evolveJob, running)).toMatchObject({ held: false, released: [] })
  })

  it('is not released any more once it is cancelled', () => {
    const cancelled = decideJob(held, { type: 'CancelJob', at: 30 }).reduce(evolveJob, held)
    expect(cancelled).toMatchObject({ state: 'cancelling', held: false })
    expect(decideJob(cancelled, { type: 'ReleaseJob', at: 30, callbacks: {}, subjobs: null })).toEqual([])
  })
})

describe('a job that is cancelled', () => {
  it('is cancelled in the end, whatever became of its subjobs', () => {
    const done: JobCommand = { type: 'RecordSubjobEnded', at: 12, result }
    const stopped = { outcome: 'cancelled', succeeded: 0, failed: 2, message: null } as const
    const cancelled: JobCommand = { type: 'RecordSubjobEnded', at: 13, result: stopped }
    const job = [done, cancelled].reduce<Job>((each, command) => decideJob(each, command).reduce(evolveJob, each), cancelling)
    expect(job).toMatchObject({ state: 'concluding', outcome: 'cancelled', startedAt: 10, subjobs: { succeeded: 1, cancelled: 1 } })
  })

  it('before anything began, then it began when it concluded', () => {
    const only = evolveJob(undefined, { type: 'JobAccepted', facts, operations: 1, subjobs: 1 })
    const waiting = evolveJob(only, { type: 'JobCancelled', at: 30 })
    const job = decideJob(waiting, { type: 'RecordSubjobEnded', at: 50, result }).reduce(evolveJob, waiting)
    expect(job).toMatchObject({ state: 'concluding', startedAt: 50 })
  })
})

describe('a job whose failures are tried again', () => {
  const failedOnce = afterResults([
    { outcome: 'succeeded', succeeded: 2, failed: 0, message: null },
    { outcome: 'failed', succeeded: 0, failed: 2, message: 'away' },
  ])
  const over = evolveJob(failedOnce, { type: 'JobEnded', at: 20, message: null })
  const subjobs = { partiallyFailed: 0, failed: 1, cancelled: 0 }
  type RetryJob = Extract<JobCommand, { readonly type: 'RetryJob' }>
  const retry: RetryJob = { type: 'RetryJob', at: 30, run: 2, priority: null, undone: { operations: 2, subjobs } }
  const again = decideJob(over, retry).reduce(evolveJob, over)

  it('runs once more, and counts what was done already', () => {
    expect(again).toMatchObject({ state: 'running', run: 2, message: null, operations: { total: 4, succeeded: 2, failed: 0 } })
    expect(again.subjobs).toEqual({ total: 2, succeeded: 1, partiallyFailed: 0, failed: 0, cancelled: 0 })
    expect(again).not.toHaveProperty('finishedAt')
    expect(decideJob(again, { type: 'RecordSubjobEnded', at: 30, result }).reduce(evolveJob, again)).toMatchObject({
      ...{ state: 'concluding', outcome: 'succeeded', operations: { succeeded: 4, failed: 0 } },
    })
  })

  it('has the priority that is asked for then, or the one that it had', () => {
    expect(again.priority).toBe(over.priority)
    expect(decideJob(over, { ...retry, priority: 7 }).reduce(evolveJob, over)).toMatchObject({ run: 2, priority: 7 })
  })

  it('is not when it was asked for already, or nothing failed', () => {
    expect(decideJob(over, { ...retry, run: 3 })).toEqual([])
    expect(decideJob(over, { ...retry, run: null })).toHaveLength(1)
    expect(decideJob(over, { ...retry, undone: { operations: 0, subjobs: { partiallyFailed: 0, failed: 0, cancelled: 0 } } })).toEqual([])
  })
})

function afterResults(results: readonly SubjobResult[], { at } = { at: 12 }): Job {
  return results.reduce<Job>(
    (job, each) => decideJob(job, { type: 'RecordSubjobEnded', at, result: each }).reduce(evolveJob, job),
    accepted,
  )
}
