/** A job whose operations come in records behind its command, and do not all come. */
import type { Job, JobCommand } from '../domain/job.ts'
import type { AddOperations } from '../domain/messages.ts'
import type { JobEntry } from './job-book.ts'
import type { Turn } from './stage.ts'

/**
 * Ends the waiting for parts, by a part behind the last. It takes its place in the log behind those that are there and have not been
 * read yet, by a lane that was held up.
 *
 * @param partition the job's home
 */
export function closeParts({ jobId, partsLeft, parts: part, submission }: Job, partition: number, turn: Turn<never>): void {
  if (partsLeft === 0 || submission === null) return
  const closing: AddOperations = { type: 'AddOperations', submission, part, authorization: null, operations: [] }
  turn.publish('commands', jobId, closing, { partition })
}

/** The job goes on with what came within that time, and counts the others as failed. */
export function withoutParts({ job, assignments }: JobEntry, waitedMs: number, at: number): JobCommand {
  const { partsLeft, parts, operations } = job
  const came = [...assignments.values()].reduce((sum, assignment) => sum + assignment.operations, 0)
  const message = `${partsLeft} of ${parts} records with the job's operations did not come within ${waitedMs} ms`
  return { type: 'GiveUpParts', at, operations: operations.total - came, message }
}
