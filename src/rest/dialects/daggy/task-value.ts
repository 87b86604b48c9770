import { clip } from '../../errors.ts'
import { type NamedTask, SpecFault } from './expansion.ts'

const ASSIGNMENT = /^([A-Za-z_][A-Za-z0-9_]*)=([^]*)$/

const NUMBER = /^[1-9][0-9]{0,8}$/

/** A generator’s output is read as a whole. As much as a definition may have (RestLimits.definitionBytesMax). */
const GENERATOR_OUTPUT_BYTES = 512 * 1024

/** What the exec producer is given to do (docs/exec-producer.md), as JSON text. Throws a SpecFault on what is no variable, or no number. */
export function taskValue({ name, task: { job, isGenerator } }: NamedTask): string {
  const environment = job.environment.map((text) => {
    const [, variable = '', value = ''] = ASSIGNMENT.exec(text) ?? []
    if (variable === '') throw new SpecFault(`The task "${clip(name)}" has "${clip(text)}" in its environment, which is not NAME=value`)
    return [variable, value] as const
  })
  const needs = {
    ...(job.cores === undefined ? {} : { cores: numberOf(name, 'cores', job.cores) }),
    ...(job.memoryMB === undefined ? {} : { memoryMB: numberOf(name, 'memoryMB', job.memoryMB) }),
    ...(isGenerator ? { outputBytes: GENERATOR_OUTPUT_BYTES } : {}),
  }
  return JSON.stringify({ input: { command: job.command, environment: Object.fromEntries(environment), ...needs } })
}

function numberOf(task: string, what: string, text: string): number {
  if (NUMBER.test(text)) return Number(text)
  throw new SpecFault(`The task "${clip(task)}" has "${clip(text)}" as its ${what}, which is no whole number from 1 to 999999999`)
}
