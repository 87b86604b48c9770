/**
 * What a job's priority means: jobs that wait for the same get it in shares of 1 / priority. Next to a job of priority 100, the
 * default, one of 50 gets two thirds and one of 200 one third. Below 1 counts as 1, above 10,000 as 10,000: nobody gets nothing.
 */

/** What schemas/SubmitJob.avsc gives a job that doesn't say. */
export const PRIORITY_DEFAULT = 100
const PRIORITY_MIN = 1
const PRIORITY_MAX = 10_000

/** A job's weight against others: 1 for the default priority, 2 for half of it, from 0.01 to 100. */
export function weightOf(priority: number): number {
  return PRIORITY_DEFAULT / Math.min(PRIORITY_MAX, Math.max(PRIORITY_MIN, priority))
}
