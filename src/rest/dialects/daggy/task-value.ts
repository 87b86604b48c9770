import { clip } from '../../errors.ts'
import { type NamedTask, SpecFault } from './expansion.ts'

const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)=([^]*)$/

/** A generator’s output is read as a whole. As much as a definition may have (RestLimits.definitionBytesMax). */
const GENERATOR_OUTPUT_BYTES = 512 * 1024

/** What the exec producer is given to do (docs/exec-producer.md), as JSON text. Throws a SpecFault on what is no variable. */
export function taskValue({ name, task: { job, isGenerator } }: NamedTask): string {
  const environment = job.environment.map((text) => {
    const [, variable = '', value = ''] = ASSIGNMENT.exec(text) ?? []
    if (variable === '') throw new SpecFault(`The task "${clip(name)}" has "${clip(text)}" in its environment, which is not NAME=value`)
    return [variable, value] as const
  })
  const needs = {
    ...(job.cores === undefined ? {} : { cores: Number(job.cores) }),
    ...(job.memoryMB === undefined ? {} : { memoryMB: Number(job.memoryMB) }),
    ...(isGenerator ? { outputBytes: GENERATOR_OUTPUT_BYTES } : {}),
  }
  return JSON.stringify({ input: { command: job.command, environment: Object.fromEntries(environment), ...needs } })
}
