import { membersOf, type JsonMember } from '../../codec/json-members.ts'
import { JsonScanError } from '../../codec/json-scan-error.ts'
import { NESTING_MAX } from '../../codec/operation-texts.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'

/** The members of a job, each value as the bytes that came. Throws a CommandFailure `Usage` for what is no object. */
export function jobMembers(body: Buffer): readonly JsonMember[] {
  try {
    return membersOf(body, NESTING_MAX)
  } catch (error) {
    if (!(error instanceof JsonScanError)) throw error
    throw new CommandFailure(ExitCode.Usage, `the job is not JSON: ${error.message}`, { cause: error })
  }
}

/** The job under the id, otherwise byte for byte as it is. Throws a CommandFailure `Usage` when it has another. */
export function withJobId(body: Buffer, jobId: string): Buffer {
  const members = jobMembers(body)
  const own = members.find(({ name }) => name === 'jobId')
  if (own === undefined) return joinMembers([member('jobId', jobId), ...members])
  if (own.raw.toString() === 'null')
    return joinMembers([member('jobId', jobId), ...members.filter((each) => each !== own)])
  requireSame('--job-id', jobId, own.raw)
  return body
}

/** Throws a CommandFailure `Usage` when an option says something else than the job itself. */
export function requireSame(option: string, given: string, raw: Buffer): void {
  if (raw.toString() !== JSON.stringify(given)) {
    throw new CommandFailure(ExitCode.Usage, `${option} is "${given}", but the job itself says ${raw.toString()}`)
  }
}

export function member(name: string, value: string): JsonMember {
  return { name, raw: Buffer.from(JSON.stringify(value)) }
}

/** A JSON object of the members. */
export function joinMembers(members: readonly JsonMember[]): Buffer {
  const pieces = members.flatMap(({ name, raw }, index) => [
    Buffer.from(`${index === 0 ? '{' : ','}${JSON.stringify(name)}:`),
    raw,
  ])
  return Buffer.concat([...pieces, Buffer.from('}')])
}
