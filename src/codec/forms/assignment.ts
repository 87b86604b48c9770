import type { Assignment, AssignmentFacts, PublishedObject } from '../../domain/assignment.ts'
import { OUTCOMES } from '../../domain/job-counts.ts'
import type { AssignmentChanged } from '../../domain/messages.ts'
import { known, needed } from '../undecodable.ts'
import { type DispatchSubjobRecord, fromDispatchSubjobRecord } from './operations.ts'

/** schemas/AssignmentChanged.avsc: the assignment's states are flat, and what a state does not have is null. */
export interface AssignmentChangedRecord {
  readonly jobId: string
  readonly assignment: AssignmentRecord
  readonly held: DispatchSubjobRecord | null
}

interface AssignmentRecord extends AssignmentFacts {
  readonly state: string
  readonly parentsLeft: number | null
  readonly restsUntil: number | null
  readonly outcome: string | null
  readonly object: PublishedObject | null
}

// `started` is what builds wrote that told it apart from `dispatched`.
const ASSIGNMENT_STATES = ['blocked', 'dispatched', 'started', 'ended'] as const

export function toAssignmentChangedRecord({ jobId, assignment, held }: AssignmentChanged): AssignmentChangedRecord {
  return { jobId, assignment: { parentsLeft: null, restsUntil: null, outcome: null, object: null, ...assignment }, held }
}

export function fromAssignmentChangedRecord({ jobId, assignment, held }: AssignmentChangedRecord): AssignmentChanged {
  return {
    type: 'AssignmentChanged',
    jobId,
    assignment: assignmentOf(assignment),
    held: held === null ? null : fromDispatchSubjobRecord(held),
  }
}

function assignmentOf(record: AssignmentRecord): Assignment {
  const { index, producerKey, operations, children, run, partlyDone, cancelled, retries, earlierObjects, restsUntil } = record
  const facts = { index, producerKey, operations, children, run, partlyDone, cancelled, retries, earlierObjects }
  const state = known(ASSIGNMENT_STATES, record.state, 'assignment.state')
  switch (state) {
    case 'blocked': {
      const parentsLeft = needed(record.parentsLeft, 'assignment.parentsLeft', 'a subjob that is blocked')
      return { ...facts, state, parentsLeft, restsUntil }
    }
    case 'dispatched':
    case 'started':
      return { ...facts, state: 'dispatched' }
    case 'ended': {
      const outcome = needed(record.outcome, 'assignment.outcome', 'a subjob that is ended')
      return { ...facts, state, outcome: known(OUTCOMES, outcome, 'assignment.outcome'), object: record.object }
    }
  }
}
