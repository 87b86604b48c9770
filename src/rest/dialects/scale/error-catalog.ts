/**
 * Why executions fail, each with an id that never changes: those that are known to us, and those that a job type's manifest names. The
 * contract's categories: who is not reached or is at fault himself is the SYSTEM, what was given is DATA, the command is the ALGORITHM.
 */
import { ResponseCode } from '../../../domain/response-code.ts'
import { stableId } from './ids.ts'
import type { JobData } from './job-data.ts'

export type ErrorCategory = 'SYSTEM' | 'DATA' | 'ALGORITHM'

export interface ScaleError {
  readonly id: number
  readonly name: string
  readonly title: string
  readonly description: string | null
  readonly job_type_name: string | null
  readonly category: ErrorCategory
  readonly is_builtin: boolean
  readonly should_be_retried: boolean
}

interface BuiltIn extends Pick<ScaleError, 'id' | 'name' | 'title' | 'description' | 'category' | 'should_be_retried'> {
  /** What a failed attempt is reported with, where no producer has said anything of it. */
  readonly codes?: readonly ResponseCode[]
  /** What producers, and the service itself, say of it. */
  readonly says?: RegExp
}

/** The first that fits counts, the last fits all. An id is never given to another error. */
const BUILT_IN: readonly BuiltIn[] = [
  {
    ...{ id: 1, name: 'timeout', title: 'Timed out', category: 'ALGORITHM', should_be_retried: false },
    ...{ description: 'It took longer than it may.', says: /^timed out\b|\bnot done (?:within|by the job's deadline)\b/ },
  },
  {
    ...{ id: 2, name: 'memory', title: 'Out of memory', category: 'ALGORITHM', should_be_retried: false },
    ...{ description: 'It needed more memory than it may have.', says: /^out of memory\b/ },
  },
  {
    ...{ id: 3, name: 'exit-code', title: 'Exited with an error', category: 'ALGORITHM', should_be_retried: false },
    ...{ description: 'The command exited with a code that its manifest does not name.', says: /^exited with -?\d+$/ },
  },
  {
    ...{ id: 4, name: 'signal', title: 'Ended by a signal', category: 'ALGORITHM', should_be_retried: false },
    ...{ description: 'The command was ended by a signal.', says: /^ended by SIG/ },
  },
  {
    ...{ id: 5, name: 'producer-lost', title: 'The producer was lost', category: 'SYSTEM', should_be_retried: true },
    ...{ description: 'Who ran the command was ended under it.', says: /^(?:lost|not started)\b/ },
  },
  {
    ...{ id: 6, name: 'producer-unreachable', title: 'The producer can’t be reached', category: 'SYSTEM', should_be_retried: true },
    ...{ description: 'The DMI service did not answer.', codes: [ResponseCode.ServiceNotResponding] },
  },
  {
    ...{ id: 7, name: 'producer-busy', title: 'The producer is busy', category: 'SYSTEM', should_be_retried: true },
    ...{ description: 'The DMI service takes no more work.', codes: [ResponseCode.SouthboundBusy] },
  },
  {
    ...{ id: 8, name: 'input-rejected', title: 'The input was rejected', category: 'DATA', should_be_retried: false },
    description: 'The producer can’t do anything with what it was given.',
    ...{ codes: [ResponseCode.Rejected, ResponseCode.InvalidId, ResponseCode.MessageTooLarge], says: /^refused\b/ },
  },
  {
    ...{ id: 9, name: 'producer-unknown', title: 'Nobody carries it out', category: 'SYSTEM', should_be_retried: false },
    description: 'The job type, or the DMI service that carries it out, is not registered any more.',
    ...{ codes: [ResponseCode.HandleNotFound, ResponseCode.HandleNotReady], says: /^cm handle/ },
  },
  {
    ...{ id: 10, name: 'producer-failed', title: 'The producer failed', category: 'SYSTEM', should_be_retried: false },
    description: 'What the DMI service answered can’t be used.',
    codes: [ResponseCode.UnableToRead, ResponseCode.UnknownError],
  },
  {
    ...{ id: 11, name: 'algorithm', title: 'The algorithm failed', category: 'ALGORITHM', should_be_retried: false },
    ...{ description: 'The producer says that it was not done.', says: /^/ },
  },
]

export interface Failure {
  /** Of an attempt that had no result; null of one that had. */
  readonly code: ResponseCode | null
  readonly message: string | null
}

const EXITED = /^exited with (-?\d+)$/

export function errorOf({ code, message }: Failure, { type }: Pick<JobData, 'type'>): ScaleError {
  const text = message ?? ''
  const exitCode = EXITED.exec(text)?.[1]
  const named = exitCode === undefined ? undefined : type.errors.find((each) => String(each.code) === exitCode)
  if (named !== undefined) {
    const { name, title, description, category } = named
    return {
      ...{ id: stableId('error', type.name, name), name, title: title ?? name, description: description ?? null, job_type_name: type.name },
      ...{ category: category === 'data' ? 'DATA' : 'ALGORITHM', is_builtin: false, should_be_retried: false },
    }
  }
  const found = BUILT_IN.find(({ codes, says }) => (code !== null && codes?.includes(code) === true) || says?.test(text) === true)
  if (found === undefined) throw new Error('broken invariant: the last error fits all')
  const { codes: _codes, says: _says, ...error } = found
  return { ...error, job_type_name: null, is_builtin: true }
}
