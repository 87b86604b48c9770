import { describe, expect, it } from 'vitest'
import { exampleFacts } from '../../test/fakes/domain-examples.ts'
import {
  decideJob, endedSubjobs, evolveJob, type Job, type JobCommand, type JobEvent, type JobState, jobTransitions, type Outcome, OUTCOMES,
  type SubjobResult,
} from './job.ts'

const result = { outcome: 'succeeded', succeeded: 2, failed: 0, message: null } as const
const facts = exampleFacts()

const accepted = evolveJob(undefined, { type: 'JobAccepted', facts, operations: 4, subjobs: 2 })
const running = evolveJob(accepted, { type: 'JobStarted', at: 10 })
const concluding = evolveJob(running, { type: 'JobConcluded', outcome: 'succeeded' })
const ended = evolveJob(concluding, { type: 'JobEnded', at: 20, message: null })

type JobStateName = JobState | 'none'

const states: Record<JobStateName, Job | undefined> = { none: undefined, accepted, running, concluding, ended }

const events: { readonly [Type in JobEvent['type']]: Extract<JobEvent, { type: Type }> } = {
  JobAccepted: { type: 'JobAccepted', facts, operations: 4, subjobs: 2 },
  JobStarted: { type: 'JobStarted', at: 10 },
  SubjobCounted: { type: 'SubjobCounted', result },
  JobConcluded: { type: 'JobConcluded', outcome: 'succeeded' },
  JobEnded: { type: 'JobEnded', at: 20, message: null },
}

const commands: { readonly [Type in JobCommand['type']]: Extract<JobCommand, { type: Type }> } = {
  AcceptJob: { type: 'AcceptJob', facts, operations: 4, subjobs: 2 },
  RecordSubjobStarted: { type: 'RecordSubjobStarted', at: 11 },
  RecordSubjobEnded: { type: 'RecordSubjobEnded', at: 12, result },
  RecordConclusion: { type: 'RecordConclusion', at: 13, message: null },
}

/** What each command leads to; every example job has two subjobs, of which none has been counted. */
const decisions: Record<JobStateName, Record<JobCommand['type'], readonly JobEvent['type'][]>> = {
  none: { AcceptJob: ['JobAccepted'], RecordSubjobStarted: [], RecordSubjobEnded: [], RecordConclusion: [] },
  accepted: {
    AcceptJob: [],
    RecordSubjobStarted: ['JobStarted'],
    RecordSubjobEnded: ['JobStarted', 'SubjobCounted'],
    RecordConclusion: [],
  },
  running: { AcceptJob: [], RecordSubjobStarted: [], RecordSubjobEnded: ['SubjobCounted'], RecordConclusion: [] },
  concluding: { AcceptJob: [], RecordSubjobStarted: [], RecordSubjobEnded: [], RecordConclusion: ['JobEnded'] },
  ended: { AcceptJob: [], RecordSubjobStarted: [], RecordSubjobEnded: [], RecordConclusion: [] },
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
      const expected = decisions[state][command.type]
      it(`given ${state}, when ${command.type}, then ${expected.join(', ') || 'nothing'}`, () => {
        const decided = decideJob(states[state], command)
        expect(decided.map((event) => event.type)).toEqual(expected)
        expect(() => decided.reduce(evolveJob, states[state] as Job)).not.toThrow()
      })

      it(`given ${state}, when ${command.type} comes twice, then only counting is repeated`, () => {
        const once = decideJob(states[state], command).reduce<Job | undefined>(evolveJob, states[state])
        const again = decideJob(once, command).map((event) => event.type)
        const counts = command.type === 'RecordSubjobEnded' && (state === 'accepted' || state === 'running')
        expect(again).toEqual(counts ? ['SubjobCounted', 'JobConcluded'] : [])
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
      subjobs: { total: 2, succeeded: 0, partiallyFailed: 0, failed: 0 },
      message: null,
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
    expect(job.subjobs).toEqual({ total: 2, succeeded: 0, partiallyFailed: 1, failed: 1 })
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
        const results = order.map((each) => ({ outcome: each, succeeded: 1, failed: 1, message: null }))
        expect(afterResults(results)).toMatchObject({ state: 'concluding', outcome })
      }
    })
  }

  it('has an outcome for every way in which its only subjob ends', () => {
    for (const outcome of OUTCOMES) {
      const only = evolveJob(undefined, { type: 'JobAccepted', facts, operations: 1, subjobs: 1 })
      const command = { type: 'RecordSubjobEnded', at: 1, result: { ...result, outcome } } as const
      expect(decideJob(only, command).reduce(evolveJob, only)).toMatchObject({ state: 'concluding', outcome })
    }
  })
})

function afterResults(results: readonly SubjobResult[], { at } = { at: 12 }): Job {
  return results.reduce<Job>(
    (job, each) => decideJob(job, { type: 'RecordSubjobEnded', at, result: each }).reduce(evolveJob, job),
    accepted,
  )
}
