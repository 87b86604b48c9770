/**
 * A subjob as the coordinator sees it: blocked by parents, dispatched to its producer's owner, started, ended. What the
 * producer is doing meanwhile is the dispatcher's fact (subjob.ts).
 */
import type { Outcome } from './job.ts'

/** An object that a subjob's results were stored as. */
export interface PublishedObject {
  readonly key: string
  readonly bytes: number
  readonly etag: string
}

export interface AssignmentFacts {
  readonly index: number
  readonly producerKey: string
  readonly operations: number
  /** Subjobs that wait for this one. */
  readonly children: readonly number[]
}

export type Assignment = AssignmentFacts &
  (
    | { readonly state: 'blocked'; readonly parentsLeft: number }
    | { readonly state: 'dispatched' }
    | { readonly state: 'started' }
    | { readonly state: 'ended'; readonly outcome: Outcome; readonly object: PublishedObject | null }
  )

export type AssignmentState = Assignment['state']

export type AssignmentEvent =
  | { readonly type: 'ParentEnded' }
  | { readonly type: 'SubjobReleased' }
  | { readonly type: 'SubjobStarted' }
  | { readonly type: 'SubjobEnded'; readonly outcome: Outcome; readonly object: PublishedObject | null }

/** Which event leads from where to where; repeated and late reports are self-loops. */
export const assignmentTransitions = {
  blocked: { ParentEnded: 'blocked', SubjobReleased: 'dispatched' },
  dispatched: { SubjobStarted: 'started', SubjobEnded: 'ended' },
  started: { SubjobStarted: 'started', SubjobEnded: 'ended' },
  ended: { SubjobStarted: 'ended', SubjobEnded: 'ended' },
} as const satisfies Record<AssignmentState, Partial<Record<AssignmentEvent['type'], AssignmentState>>>

export function newAssignment(facts: AssignmentFacts, parents: number): Assignment {
  return parents === 0 ? { ...facts, state: 'dispatched' } : { ...facts, state: 'blocked', parentsLeft: parents }
}

/** What follows for a child when one of its parents ended. */
export function decideParentEnded(child: Assignment): readonly AssignmentEvent[] {
  if (child.state !== 'blocked') return []
  return child.parentsLeft === 1 ? [{ type: 'ParentEnded' }, { type: 'SubjobReleased' }] : [{ type: 'ParentEnded' }]
}

/** What a report from the dispatcher adds to what is known; nothing when it was known already. */
export function decideReport(
  assignment: Assignment,
  report: Extract<AssignmentEvent, { type: 'SubjobStarted' | 'SubjobEnded' }>,
): readonly AssignmentEvent[] {
  if (assignment.state === 'ended') return []
  if (assignment.state === 'blocked') throw illegal(assignment.state, report)
  return assignment.state === 'started' && report.type === 'SubjobStarted' ? [] : [report]
}

export function evolveAssignment(assignment: Assignment, event: AssignmentEvent): Assignment {
  const facts = factsOf(assignment)
  switch (event.type) {
    case 'ParentEnded':
      if (assignment.state !== 'blocked') throw illegal(assignment.state, event)
      return { ...facts, state: 'blocked', parentsLeft: assignment.parentsLeft - 1 }
    case 'SubjobReleased':
      if (assignment.state !== 'blocked') throw illegal(assignment.state, event)
      return { ...facts, state: 'dispatched' }
    case 'SubjobStarted':
      if (assignment.state === 'blocked') throw illegal(assignment.state, event)
      return assignment.state === 'ended' ? assignment : { ...facts, state: 'started' }
    case 'SubjobEnded':
      if (assignment.state === 'blocked') throw illegal(assignment.state, event)
      if (assignment.state === 'ended') return assignment
      return { ...facts, state: 'ended', outcome: event.outcome, object: event.object }
    default:
      return event satisfies never
  }
}

function factsOf(assignment: Assignment): AssignmentFacts {
  const { index, producerKey, operations, children } = assignment
  return { index, producerKey, operations, children }
}

function illegal(state: AssignmentState, event: AssignmentEvent): Error {
  return new Error(`broken invariant: ${event.type} while the subjob is ${state}`)
}
