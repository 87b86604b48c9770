/** What a job keeps of how its execution was asked for: the dialect's own data. */
import type { Job } from '../../../domain/job.ts'
import type { ResponseForm, WantedOutputs } from './execute-schemas.ts'

export interface ExecutionData {
  readonly processID: string
  /** What links of the base begin with where it was asked for, for who is told of the job elsewhere. */
  readonly root: string
  /** Left out where the base decides. */
  readonly response?: ResponseForm | undefined
  readonly outputs?: WantedOutputs | undefined
}

/** As far as it reads like it: jobs may come by the command topic with any data. */
export function executionDataOf({ dialectData }: Pick<Job, 'dialectData'>): Partial<ExecutionData> {
  try {
    const data: unknown = JSON.parse(dialectData ?? 'null')
    return typeof data === 'object' && data !== null ? legible(data as Readonly<Record<string, unknown>>) : {}
  } catch {
    return {}
  }
}

/** The process that the job executes; empty where its data names none. */
export function processIdOf(job: Pick<Job, 'dialectData'>): string {
  return executionDataOf(job).processID ?? ''
}

function legible({ processID, root, response, outputs }: Readonly<Record<string, unknown>>): Partial<ExecutionData> {
  return {
    ...(typeof processID === 'string' ? { processID } : {}),
    ...(typeof root === 'string' ? { root } : {}),
    ...(response === 'raw' || response === 'document' ? { response } : {}),
    ...(typeof outputs === 'object' && outputs !== null && !Array.isArray(outputs) ? { outputs: outputs as WantedOutputs } : {}),
  }
}
