/**
 * Integer ids of what is no job: made of what names the thing, so that every instance finds the same without asking another. Jobs have
 * their numbers, executions numbers made of those.
 */
import { createHash } from 'node:crypto'

const ID_BITS = 52n

/** Below 2^53; two things of a kind share one by chance once in tens of millions of them. */
export function stableId(kind: 'job-type' | 'revision' | 'error' | 'node' | 'batch', ...parts: readonly (string | number)[]): number {
  const digest = createHash('sha256').update(JSON.stringify([kind, ...parts])).digest()
  return Number(digest.readBigUInt64BE() >> (64n - ID_BITS)) + 1
}

/** Executions that a job may have with ids of their own. */
const EXECUTIONS_MAX = 256

/** Null beyond what fits below 2^53: after 34 thousand million commands on one partition, or 255 executions of a job. */
export function executionId(jobNumber: number, exeNum: number): number | null {
  const id = jobNumber * EXECUTIONS_MAX + exeNum
  return exeNum < EXECUTIONS_MAX && Number.isSafeInteger(id) ? id : null
}

export function placeOfExecution(id: number): { readonly jobNumber: number; readonly exeNum: number } {
  return { jobNumber: Math.floor(id / EXECUTIONS_MAX), exeNum: id % EXECUTIONS_MAX }
}
