import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Assignment, type AssignmentEvent, assignmentTransitions, type AssignmentState, awaitsReport, decideParentEnded, evolveAssignment,
  newAssignment,
} from '../../src/domain/assignment.ts'
import { type Outcome, OUTCOMES } from '../../src/domain/job-counts.ts'

type Step =
  | Extract<AssignmentEvent, { type: 'SubjobEnded' | 'SubjobRetried' }>
  | { readonly type: 'a parent ended' }

const object = fc.constantFrom(null, { key: 'k', bytes: 1, etag: 'e' })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.constant<Step>({ type: 'a parent ended' }),
  fc.record({ type: fc.constant('SubjobEnded'), outcome: fc.constantFrom(...OUTCOMES), object }),
  fc.record({
    type: fc.constant('SubjobRetried'),
    producerKey: fc.constantFrom('dmi#p', 'dmi#q'),
    operations: fc.integer({ min: 1, max: 3 }),
    parents: fc.nat({ max: 2 }),
    restsUntil: fc.constantFrom(null, 5),
  }),
)
const steps = fc.array(step, { maxLength: 40, size: 'max' })
const parents = fc.nat({ max: 4 })

function assignmentWith(parentsLeft: number): Assignment {
  return newAssignment({ index: 0, producerKey: 'dmi#p', operations: 3, children: [], run: 1 }, parentsLeft)
}

function decide(assignment: Assignment, each: Step): readonly AssignmentEvent[] {
  if (each.type === 'a parent ended') return decideParentEnded(assignment)
  // Only what has not succeeded is tried again.
  if (each.type === 'SubjobRetried') return assignment.state === 'ended' && assignment.outcome !== 'succeeded' ? [each] : []
  return awaitsReport(assignment) ? [each] : []
}

/** The assignment after the step; each event is held against the table of transitions. */
function after(assignment: Assignment, each: Step): Assignment {
  return decide(assignment, each).reduce((before, event) => {
    const targets: Partial<Record<AssignmentEvent['type'], AssignmentState>> = assignmentTransitions[before.state]
    const next = evolveAssignment(before, event)
    const waits = event.type === 'SubjobRetried' && event.parents > 0
    expect(next.state).toBe(waits ? 'blocked' : targets[event.type])
    return next
  }, assignment)
}

describe('an assignment that is told anything, at any time', () => {
  it('goes only where its table leads, and has no more of its parents left than there were', () => {
    fc.assert(
      fc.property(parents, steps, (count, all) => {
        all.reduce((assignment, each) => {
          const next = after(assignment, each)
          if (next.state === 'blocked') expect(next.parentsLeft).toBeGreaterThan(0)
          expect(next.run).toBe(assignment.run + (each.type === 'SubjobRetried' && next !== assignment ? 1 : 0))
          return next
        }, assignmentWith(count))
      }),
      { numRuns: 1_000 },
    )
  })

  it('is dispatched by the end of its last parent, and by nothing before', () => {
    fc.assert(
      fc.property(parents, steps, (count, all) => {
        let assignment = assignmentWith(count)
        let ended = 0
        for (const each of all) {
          expect(assignment.state === 'blocked').toBe(ended < count)
          if (ended >= count) return
          assignment = after(assignment, each)
          if (each.type === 'a parent ended') ended += 1
        }
      }),
      { numRuns: 1_000 },
    )
  })

  it('is not changed by a report that it had, nor by one that comes when it has ended', () => {
    fc.assert(
      fc.property(parents, steps, step, (count, all, report) => {
        if (report.type !== 'SubjobEnded') return
        const once = after(all.reduce(after, assignmentWith(count)), report)
        expect(awaitsReport(once)).toBe(false)
        if (once.state === 'ended') expect(evolveAssignment(once, report)).toBe(once)
      }),
      { numRuns: 1_000 },
    )
  })

  it('that has done something once never failed as a whole, and keeps every object of its earlier runs', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const objects: unknown[] = []
        let hasDone = false
        let assignment = assignmentWith(0)
        for (const each of all) {
          const before = assignment
          assignment = after(before, each)
          if (assignment.state === 'ended' && before.state !== 'ended') {
            if (isSomething(assignment.outcome)) hasDone = true
            expect(isSomething(assignment.outcome)).toBe(hasDone)
            if (assignment.object !== null) objects.push({ ...assignment.object, operations: assignment.operations })
          }
          const latest = assignment.state === 'ended' && assignment.object !== null ? 1 : 0
          expect(assignment.earlierObjects).toEqual(objects.slice(0, objects.length - latest))
        }
      }),
      { numRuns: 1_000 },
    )
  })
})

function isSomething(outcome: Outcome): boolean {
  return outcome === 'succeeded' || outcome === 'partiallyFailed'
}
