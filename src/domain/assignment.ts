/**
 * A subjob as the coordinator sees it: blocked by parents, dispatched to its producer's owner, ended. What the producer is doing
 * meanwhile is the dispatcher's fact (subjob.ts).
 */
import type { Outcome } from './job-counts.ts'

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
  /** 1, and one more each time that what failed of it is tried again; `operations` are those of this run. */
  readonly run: number
  /** Whether an earlier run has done some of its operations. */
  readonly partlyDone: boolean
  /** Whether it was cancelled by itself, while its job goes on. */
  readonly cancelled: boolean
  /** How often it was tried again by itself since its client last asked for it. */
  readonly retries: number
  /** What the results of earlier runs were stored as. */
  readonly earlierObjects: readonly StoredObject[]
}

/** An object, and how many operations it reports. */
export interface StoredObject extends PublishedObject {
  readonly operations: number
}

export type Assignment = AssignmentFacts &
  (
    | {
        readonly state: 'blocked'
        /** How much it waits for: its parents, its release, and the end of its rest. */
        readonly parentsLeft: number
        /** When it may be tried again (milliseconds since the epoch); null where it does not rest. */
        readonly restsUntil: number | null
      }
    | { readonly state: 'dispatched' }
    | { readonly state: 'ended'; readonly outcome: Outcome; readonly object: PublishedObject | null }
  )

export type AssignmentState = Assignment['state']

export type AssignmentEvent =
  | { readonly type: 'ParentEnded' }
  | { readonly type: 'SubjobReleased' }
  /** Its job is held: it waits for one thing more. */
  | { readonly type: 'SubjobHeld' }
  /** Its job is held, and its producer was not called yet: it waits for its release. */
  | { readonly type: 'SubjobRecalled' }
  /** By itself; its end is reported as that of any other. */
  | { readonly type: 'SubjobCancelled' }
  | { readonly type: 'SubjobEnded'; readonly outcome: Outcome; readonly object: PublishedObject | null }
  | SubjobRetried
  /** It has rested for long enough. */
  | { readonly type: 'SubjobRested' }

export interface SubjobRetried {
  readonly type: 'SubjobRetried'
  readonly producerKey: string
  readonly operations: number
  /** How much it waits for, its rest included. */
  readonly parents: number
  /** Until when it rests, where nobody has asked for it; null where its client has. */
  readonly restsUntil: number | null
}

/** Which event leads from where to where; a repeated or late report is a self-loop. */
export const assignmentTransitions = {
  blocked: {
    ParentEnded: 'blocked',
    SubjobRested: 'blocked',
    SubjobHeld: 'blocked',
    SubjobReleased: 'dispatched',
    SubjobCancelled: 'dispatched',
  },
  dispatched: { SubjobRecalled: 'blocked', SubjobCancelled: 'dispatched', SubjobEnded: 'ended' },
  ended: { SubjobEnded: 'ended', SubjobRetried: 'dispatched' },
} as const satisfies Record<AssignmentState, Partial<Record<AssignmentEvent['type'], AssignmentState>>>

// One for all: there may be a hundred thousand subjobs.
const NOTHING_STORED: readonly StoredObject[] = []

export function newAssignment(
  given: Pick<AssignmentFacts, 'index' | 'producerKey' | 'operations' | 'children' | 'run'>,
  parents: number,
): Assignment {
  return begun({ ...given, partlyDone: false, cancelled: false, retries: 0, earlierObjects: NOTHING_STORED }, parents, null)
}

function begun(facts: AssignmentFacts, parentsLeft: number, restsUntil: number | null): Assignment {
  return parentsLeft === 0 ? { ...facts, state: 'dispatched' } : { ...facts, state: 'blocked', parentsLeft, restsUntil }
}

/** What follows for a child when one of its parents ended. */
export function decideParentEnded(child: Assignment): readonly AssignmentEvent[] {
  if (child.state !== 'blocked') return []
  return child.parentsLeft === 1 ? [{ type: 'ParentEnded' }, { type: 'SubjobReleased' }] : [{ type: 'ParentEnded' }]
}

/** What follows when a subjob has rested. No events: it does not rest. */
export function decideRested(subjob: Assignment): readonly AssignmentEvent[] {
  if (subjob.state !== 'blocked' || subjob.restsUntil === null) return []
  return subjob.parentsLeft === 1 ? [{ type: 'SubjobRested' }, { type: 'SubjobReleased' }] : [{ type: 'SubjobRested' }]
}

/**
 * Whether a report from the dispatcher is news. One of what has ended was heard before; and a lane that has lost its partition and
 * does not know yet may hear of what its successor has dispatched.
 */
export function awaitsReport({ state }: Assignment): boolean {
  return state === 'dispatched'
}

/** Whether nothing will be asked of it any more: no retry has anything to do for it, and no manifest names what it stored. */
export function isSettled(assignment: Assignment): boolean {
  if (assignment.state !== 'ended' || assignment.outcome !== 'succeeded') return false
  return assignment.object === null && assignment.earlierObjects.length === 0
}

export function evolveAssignment(assignment: Assignment, event: AssignmentEvent): Assignment {
  const facts = factsOf(assignment)
  switch (event.type) {
    case 'ParentEnded':
      if (assignment.state !== 'blocked') throw illegal(assignment.state, event)
      return { ...assignment, parentsLeft: assignment.parentsLeft - 1 }
    case 'SubjobRested':
      if (assignment.state !== 'blocked') throw illegal(assignment.state, event)
      return { ...assignment, parentsLeft: assignment.parentsLeft - 1, restsUntil: null }
    case 'SubjobReleased':
      if (assignment.state !== 'blocked') throw illegal(assignment.state, event)
      return { ...facts, state: 'dispatched' }
    case 'SubjobHeld':
      if (assignment.state !== 'blocked') throw illegal(assignment.state, event)
      return { ...assignment, parentsLeft: assignment.parentsLeft + 1 }
    case 'SubjobRecalled':
      if (assignment.state !== 'dispatched') throw illegal(assignment.state, event)
      return { ...facts, state: 'blocked', parentsLeft: 1, restsUntil: null }
    case 'SubjobCancelled':
      if (assignment.state === 'ended') throw illegal(assignment.state, event)
      return { ...facts, cancelled: true, state: 'dispatched' }
    case 'SubjobEnded':
      if (assignment.state === 'blocked') throw illegal(assignment.state, event)
      if (assignment.state === 'ended') return assignment
      return { ...facts, state: 'ended', outcome: outcomeOf(assignment, event.outcome), object: event.object }
    case 'SubjobRetried':
      if (assignment.state !== 'ended') throw illegal(assignment.state, event)
      return begun(retried(assignment, event), event.parents, event.restsUntil)
    default:
      return event satisfies never
  }
}

// A run that does nothing does not undo what an earlier one has done.
function outcomeOf({ partlyDone }: AssignmentFacts, outcome: Outcome): Outcome {
  return partlyDone && outcome !== 'succeeded' ? 'partiallyFailed' : outcome
}

function retried(
  assignment: Extract<Assignment, { readonly state: 'ended' }>,
  { producerKey, operations, restsUntil }: SubjobRetried,
): AssignmentFacts {
  const { object, earlierObjects, outcome } = assignment
  return {
    ...factsOf(assignment),
    ...{ producerKey, operations },
    run: assignment.run + 1,
    partlyDone: outcome === 'partiallyFailed',
    cancelled: false,
    retries: restsUntil === null ? 0 : assignment.retries + 1,
    earlierObjects: object === null ? earlierObjects : [...earlierObjects, { ...object, operations: assignment.operations }],
  }
}

function factsOf(assignment: Assignment): AssignmentFacts {
  const { index, producerKey, operations, children, run, partlyDone, cancelled, retries, earlierObjects } = assignment
  return { index, producerKey, operations, children, run, partlyDone, cancelled, retries, earlierObjects }
}

function illegal(state: AssignmentState, event: AssignmentEvent): Error {
  return new Error(`broken invariant: ${event.type} while the subjob is ${state}`)
}
