/** What a step's producer is given to do: an operation's value, as JSON text. */
import type { OfferedProcess } from '../../../inventory/process-index.ts'
import { Refusal } from '../../errors.ts'
import { operationValue } from '../../processes/execution-unit.ts'
import { declaredIn, type ProcessSchemas } from '../../processes/process-schemas.ts'
import type { Granule, MaapJob } from './schemas.ts'

export interface Step {
  readonly index: number
  /** Null for the only step of a job without any. */
  readonly granule: Granule | null
}

/** For the exec producer (docs/exec-producer.md): all that the command makes is published, where there is a bucket. */
export function commandValue(command: readonly string[], { index, granule }: Step): string {
  const environment = {
    STEP_INDEX: String(index),
    ...(granule === null ? {} : { GRANULE_ID: granule.granule_id, GRANULE_DESCRIPTION: granule.description ?? '' }),
  }
  return JSON.stringify({ input: { command, environment, outputs: ['**/*'], optionalOutputs: true } })
}

/**
 * Of what is known of a step, a process gets the inputs that it declares; one that needs a single other one gets the granule's id as that.
 * Throws a 400 where it needs more.
 */
export function processValue(process: OfferedProcess, job: MaapJob, step: Step, schemas: ProcessSchemas): string {
  const declared = declaredIn(process).inputs
  const facts = factsOf(job, step)
  const given = Object.entries(facts).filter(([name]) => Object.hasOwn(declared, name))
  const [needed, ...others] = Object.entries(declared).flatMap(([name, { minOccurs = 1 }]) => {
    return minOccurs > 0 && !Object.hasOwn(facts, name) ? [name] : []
  })
  if (needed !== undefined && others.length === 0) given.push([needed, step.granule?.granule_id ?? job.job_name])
  try {
    return operationValue(process, schemas.inputsOf(process).read(Object.fromEntries(given)), undefined)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const known = Object.keys(facts).join(', ')
    const details = `A step gives it ${known}, or the granule’s id as a single other one. ${error.message}. ${error.details}`
    throw new Refusal(400, `body algorithm_id: the process "${process.id}" needs other inputs`, { details })
  }
}

export function objectValue(job: MaapJob, step: Step): string {
  return JSON.stringify({ input: factsOf(job, step) })
}

function factsOf({ job_id, job_name }: MaapJob, { index, granule }: Step): Readonly<Record<string, unknown>> {
  const facts = { job_id, job_name, step_index: index }
  return granule === null ? facts : { ...facts, granule_id: granule.granule_id, granule_description: granule.description ?? '' }
}
