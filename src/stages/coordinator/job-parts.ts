/** A job whose operations come in records behind its command, and do not all come. */
import type { Job, JobCommand } from '../../domain/job.ts'
import type { AddOperations } from '../../domain/messages.ts'
import type { JobEntry } from './job-book.ts'
import type { Turn } from '../stage.ts'

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
export function withoutParts(entry: JobEntry, waitedMs: number, at: number): JobCommand {
  const { partsLeft, parts } = entry.job
  const message = `${partsLeft} of ${parts} records with the job's operations did not come within ${waitedMs} ms`
  return { type: 'GiveUpParts', at, operations: missingOf(entry), message }
}

/**
 * One part fewer is left. After the last, operations that were in none count as failed: some can't be used, or there never were as many
 * as the job's command says.
 */
export function partTaken(entry: JobEntry, at: number, { isLost }: { readonly isLost: boolean }): JobCommand {
  const isLast = entry.job.partsLeft === 1
  const operations = isLast ? Math.max(0, missingOf(entry)) : 0
  if (operations === 0 && !(isLast && isLost)) return { type: 'AddSubjobs', subjobs: 0, parts: 1 }
  return { type: 'GiveUpParts', at, operations, message: `${operations} of the job's operations are in no record that can be used` }
}

function missingOf({ job, assignments }: JobEntry): number {
  const { total, succeeded, failed } = job.operations
  const open = [...assignments.values()].filter(({ state }) => state !== 'ended')
  const came = open.reduce((sum, assignment) => sum + assignment.operations, succeeded + failed)
  return total - came
}
