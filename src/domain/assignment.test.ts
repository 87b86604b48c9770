import { describe, expect, it } from 'vitest'
import {
  type Assignment, type AssignmentEvent, type AssignmentState, assignmentTransitions, awaitsReport, decideParentEnded, decideRested,
  evolveAssignment,
  isSettled, newAssignment,
} from './assignment.ts'

const facts = { index: 3, producerKey: 'dmi-1#p1', operations: 2, children: [4], run: 1 }
const fresh = { ...facts, partlyDone: false, cancelled: false, retries: 0, earlierObjects: [] }
const object = { key: 'job-1/3', bytes: 10, etag: 'e' }
const end = { type: 'SubjobEnded', outcome: 'succeeded', object } as const

const blocked = newAssignment(facts, 2)
const dispatched = newAssignment(facts, 0)
const ended = evolveAssignment(dispatched, end)

const states: Record<AssignmentState, Assignment> = { blocked, dispatched, ended }

const events: { readonly [Type in AssignmentEvent['type']]: Extract<AssignmentEvent, { type: Type }> } = {
  ParentEnded: { type: 'ParentEnded' },
  SubjobReleased: { type: 'SubjobReleased' },
  SubjobHeld: { type: 'SubjobHeld' },
  SubjobRecalled: { type: 'SubjobRecalled' },
  SubjobCancelled: { type: 'SubjobCancelled' },
  SubjobRested: { type: 'SubjobRested' },
  SubjobEnded: end,
  SubjobRetried: { type: 'SubjobRetried', producerKey: 'dmi-1#p1', operations: 2, parents: 0, restsUntil: null },
}

const stateNames = Object.keys(states) as AssignmentState[]

describe('an assignment follows its table of transitions', () => {
  for (const state of stateNames) {
    const targets: Partial<Record<AssignmentEvent['type'], AssignmentState>> = assignmentTransitions[state]
    for (const event of Object.values(events)) {
      const target = targets[event.type]
      if (target === undefined) {
        it(`given ${state}, then ${event.type} breaks an invariant`, () => {
          expect(() => evolveAssignment(states[state], event)).toThrow(
            `broken invariant: ${event.type} while the subjob is ${state}`,
          )
        })
      } else {
        it(`given ${state}, then ${event.type} leads to ${target}, its facts unchanged`, () => {
          const run = event.type === 'SubjobRetried' ? 2 : 1
          expect(evolveAssignment(states[state], event)).toMatchObject({ ...facts, run, state: target })
        })
      }
    }
  }
})

describe('a report from the dispatcher', () => {
  const news: Record<AssignmentState, boolean> = { blocked: false, dispatched: true, ended: false }
  for (const state of stateNames) {
    it(`given ${state}, then it is ${news[state] ? 'news' : 'passed over'}`, () => {
      expect(awaitsReport(states[state])).toBe(news[state])
    })
  }

  it('given the subjob ended, when another end is applied, then the first one stands', () => {
    expect(evolveAssignment(ended, { type: 'SubjobEnded', outcome: 'failed', object: null })).toBe(ended)
    expect(ended).toEqual({ ...fresh, state: 'ended', outcome: 'succeeded', object })
  })
})

describe('a subjob with parents', () => {
  it('waits for all of them, and is released by the last', () => {
    const one = decideParentEnded(blocked)
    expect(one.map((event) => event.type)).toEqual(['ParentEnded'])
    const waiting = one.reduce(evolveAssignment, blocked)
    expect(waiting).toMatchObject({ state: 'blocked', parentsLeft: 1 })
    const last = decideParentEnded(waiting)
    expect(last.map((event) => event.type)).toEqual(['ParentEnded', 'SubjobReleased'])
    expect(last.reduce(evolveAssignment, waiting)).toEqual({ ...fresh, state: 'dispatched' })
  })

  for (const state of ['dispatched', 'ended'] as const) {
    it(`given ${state}, when a parent ends, then nothing changes`, () => {
      expect(decideParentEnded(states[state])).toEqual([])
    })
  }

  it('given it has none, then it is dispatched from the start', () => {
    expect(dispatched).toEqual({ ...fresh, state: 'dispatched' })
  })
})

describe('a subjob that is cancelled by itself', () => {
  const cancelled = { type: 'SubjobCancelled' } as const

  it('is handed out to be reported, whatever it waited for, or asked to end where it was handed out', () => {
    for (const before of [blocked, dispatched]) {
      expect(evolveAssignment(before, cancelled)).toEqual({ ...fresh, state: 'dispatched', cancelled: true })
    }
  })

  it('is one of which nothing is known once it is tried again', () => {
    const ended = evolveAssignment(evolveAssignment(dispatched, cancelled), { ...end, outcome: 'cancelled' })
    expect(ended.cancelled).toBe(true)
    const retried = { type: 'SubjobRetried', producerKey: 'dmi-1#p1', operations: 2, parents: 0, restsUntil: null } as const
    expect(evolveAssignment(ended, retried).cancelled).toBe(false)
  })
})

describe('a subjob whose job is held', () => {
  it('waits for one thing more, or for its release alone where it is given back', () => {
    expect(evolveAssignment(blocked, { type: 'SubjobHeld' })).toMatchObject({ state: 'blocked', parentsLeft: 3 })
    const back = evolveAssignment(dispatched, { type: 'SubjobRecalled' })
    expect(back).toMatchObject({ state: 'blocked', parentsLeft: 1, restsUntil: null, run: 1 })
    expect(decideParentEnded(back).reduce(evolveAssignment, back)).toEqual(dispatched)
  })
})

describe('a subjob that is tried again', () => {
  const retried = { type: 'SubjobRetried', producerKey: 'dmi-2#p1', operations: 1, parents: 0, restsUntil: null } as const
  const partly = evolveAssignment(dispatched, { ...end, outcome: 'partiallyFailed' })

  it('is handed out anew, and what its earlier run stored is remembered', () => {
    expect(evolveAssignment(partly, retried)).toEqual({
      ...{ ...facts, producerKey: 'dmi-2#p1', operations: 1, run: 2, state: 'dispatched', partlyDone: true, cancelled: false, retries: 0 },
      earlierObjects: [{ ...object, operations: 2 }],
    })
    expect(evolveAssignment(partly, { ...retried, parents: 1 })).toMatchObject({ state: 'blocked', parentsLeft: 1 })
  })

  it('by itself rests first, and has been tried so often since its client asked for it', () => {
    const resting = evolveAssignment(partly, { ...retried, parents: 2, restsUntil: 50 })
    expect(resting).toMatchObject({ state: 'blocked', parentsLeft: 2, restsUntil: 50, retries: 1, run: 2 })
    const rested = decideRested(resting).reduce(evolveAssignment, resting)
    expect(rested).toMatchObject({ state: 'blocked', parentsLeft: 1, restsUntil: null })
    expect(decideRested(rested)).toEqual([])
    expect(decideParentEnded(rested).reduce(evolveAssignment, rested)).toMatchObject({ state: 'dispatched', retries: 1 })
    const failed = evolveAssignment(evolveAssignment(partly, { ...retried, parents: 0, restsUntil: 50 }), { ...end, outcome: 'failed' })
    expect(evolveAssignment(failed, retried)).toMatchObject({ run: 3, retries: 0 })
  })

  it('has partly failed when only an earlier run did something, and has succeeded when the last one did all', () => {
    const again = evolveAssignment(partly, retried)
    expect(evolveAssignment(again, { ...end, outcome: 'failed' })).toMatchObject({ outcome: 'partiallyFailed' })
    expect(evolveAssignment(again, { ...end, outcome: 'cancelled' })).toMatchObject({ outcome: 'partiallyFailed' })
    expect(evolveAssignment(again, end)).toMatchObject({ outcome: 'succeeded' })
  })

  it('and one that succeeded and stored nothing, in no run, is settled; no other is', () => {
    const done = { ...end, object: null }
    expect(isSettled(evolveAssignment(dispatched, done))).toBe(true)
    expect(isSettled(evolveAssignment(dispatched, end))).toBe(false)
    expect(isSettled(evolveAssignment(evolveAssignment(partly, retried), done))).toBe(false)
    for (const outcome of ['partiallyFailed', 'failed', 'cancelled'] as const) {
      expect(isSettled(evolveAssignment(dispatched, { ...done, outcome }))).toBe(false)
    }
    for (const state of [blocked, dispatched]) expect(isSettled(state)).toBe(false)
  })
})
