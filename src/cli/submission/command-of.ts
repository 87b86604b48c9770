import { randomUUID } from 'node:crypto'
import { parseCommand } from '../../codec/command-json.ts'
import type { JsonMember } from '../../codec/json-members.ts'
import { Undecodable } from '../../codec/undecodable.ts'
import type { Operation } from '../../domain/operation.ts'
import { readJobRequest } from '../../rest/dialects/ncmp/request.ts'
import { Refusal } from '../../rest/errors.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'
import { jobMembers, joinMembers, member, requireSame } from './with-job-id.ts'

export interface JobCommand {
  readonly jobId: string
  /** JSON as the command topic takes it. */
  readonly value: Buffer
}

interface Wishes {
  readonly jobId: string | null
  readonly destination: string | null
}

/**
 * The job as a command in plain JSON, from any of REST's spellings or the command's own; values stay as they are, byte
 * for byte. A job without an id gets one, so that it can be asked for. Throws a CommandFailure `Usage` with what is
 * wrong with it.
 */
export function commandOf(body: Buffer, wishes: Wishes): JobCommand {
  const members = jobMembers(body)
  const own = members.some(({ name }) => name === 'operations') ? members : membersOfRequest(body)
  const id = settled(own, { name: 'jobId', option: '--job-id', given: wishes.jobId }) ?? member('jobId', randomUUID())
  const destination = settled(own, { name: 'destination', option: '--destination', given: wishes.destination })
  const others = own.filter(({ name }) => name !== 'jobId' && name !== 'destination')
  const value = joinMembers([id, ...(destination === null ? [] : [destination]), ...others])
  const command = checked(() => parseCommand(value))
  if (command.type !== 'SubmitJob' || command.jobId === null) throw new Error('broken invariant: the command is no job with an id')
  return { jobId: command.jobId, value }
}

/** What the option says, else what the job says. */
function settled(
  members: readonly JsonMember[],
  { name, option, given }: { readonly name: string; readonly option: string; readonly given: string | null },
): JsonMember | null {
  const own = members.find((each) => each.name === name && each.raw.toString() !== 'null')
  if (given === null || own === undefined) return given === null ? (own ?? null) : member(name, given)
  requireSame(option, given, own.raw)
  return own
}

function membersOfRequest(body: Buffer): JsonMember[] {
  const { jobId, destination, dataAcceptType, dataContentType, kind, operations } = checked(() =>
    readJobRequest(body, { operationBytesMax: body.length }),
  )
  const texts = { jobId, destination, kind, dataAcceptType, dataContentType }
  const given = Object.entries(texts).flatMap(([name, text]) => (text === null ? [] : [member(name, text)]))
  return [...given, { name: 'operations', raw: Buffer.from(`[${operations.map(textOf).join(',')}]`) }]
}

// Values and options are JSON texts already: parsed and written again they could lose digits.
function textOf({ operationId, op, path, value, options }: Operation): string {
  const head = `{"operationId":${JSON.stringify(operationId)},"op":${JSON.stringify(op)},"path":${JSON.stringify(path)}`
  return `${head}${value === null ? '' : `,"value":${value}`}${options === null ? '' : `,"options":${options}`}}`
}

function checked<T>(read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof Undecodable) throw new CommandFailure(ExitCode.Usage, error.message, { cause: error })
    if (error instanceof Refusal)
      throw new CommandFailure(ExitCode.Usage, error.message, { hint: error.details, cause: error })
    throw error
  }
}
