/** What becomes of an operation: the document that is its `result`, and the code that stands beside it. */
import { ResponseCode } from '../../domain/response-code.ts'

/** Of a stream that a command wrote. */
export interface CapturedText {
  /** All of it, or its beginning and end with a line between them that says how much is left out. */
  readonly text: string
  readonly bytes: number
  readonly truncated: boolean
  /** Where all of it is; null where there is no bucket. */
  readonly uri: string | null
}

export interface PublishedFile {
  /** Relative to the working directory. */
  readonly name: string
  readonly uri: string
  readonly bytes: number
  readonly mediaType: string
}

export type EndReason =
  | 'exited'
  | 'signalled'
  | 'timed out'
  | 'out of memory'
  | 'cancelled'
  /** The producer was ended under it, again and again. */
  | 'lost'
  /** The list or the limits changed after it was accepted, or its CWL can't run. */
  | 'refused'
  | 'not started'

/** How a command ended, as it is known before anything is published. */
export interface CommandEnd {
  readonly reason: EndReason
  readonly exitCode: number | null
  readonly signal: string | null
  /** In words; null where reason and exit code say it all. */
  readonly message: string | null
  /** Milliseconds since the epoch; null for what never ran. */
  readonly startedAt: number | null
  readonly endedAt: number
  /** Of all its processes together, as far as it was seen. */
  readonly peakMemoryMB: number | null
}

export interface ExecResult {
  readonly exitCode: number | null
  readonly signal: string | null
  readonly reason: EndReason
  readonly message: string | null
  readonly attempt: number
  readonly startedAt: string | null
  readonly endedAt: string
  readonly peakMemoryMB: number | null
  readonly stdout: CapturedText
  readonly stderr: CapturedText
  /** JSON: what the result file holds, or a CWL runner's output object; null where there is none. */
  readonly outputs: unknown
  readonly files: readonly PublishedFile[]
  /** What was wrong with the outputs of a command that itself went well. */
  readonly problem: string | null
}

const NO_TEXT: CapturedText = { text: '', bytes: 0, truncated: false, uri: null }

export function endOf(reason: EndReason, endedAt: number, message: string): CommandEnd {
  return { reason, exitCode: null, signal: null, message, startedAt: null, endedAt, peakMemoryMB: null }
}

/** The result of a command that ended so, with what was found out beside it. */
export function resultOf(end: CommandEnd, attempt: number, found: Partial<ExecResult>): ExecResult {
  const { startedAt, endedAt, ...ended } = end
  const times = { startedAt: startedAt === null ? null : instant(startedAt), endedAt: instant(endedAt) }
  return { ...ended, ...times, attempt, stdout: NO_TEXT, stderr: NO_TEXT, outputs: null, files: [], problem: null, ...found }
}

function instant(ms: number): string {
  return new Date(ms).toISOString()
}

/** Whether the operation was done. */
export function wentWell({ reason, exitCode, problem }: Pick<ExecResult, 'reason' | 'exitCode' | 'problem'>): boolean {
  return reason === 'exited' && exitCode === 0 && problem === null
}

/** The contract's code and words for it: REJECTED for what the command or its limits brought about, unknown for what we did. */
export function statusOf(result: ExecResult): { readonly statusCode: ResponseCode; readonly statusMessage: string } {
  if (wentWell(result)) return { statusCode: ResponseCode.Success, statusMessage: 'Successfully applied changes' }
  const ours = result.reason === 'lost' || result.reason === 'not started' || (result.reason === 'exited' && result.exitCode === 0)
  return { statusCode: ours ? ResponseCode.UnknownError : ResponseCode.Rejected, statusMessage: wordsFor(result) }
}

function wordsFor({ reason, exitCode, signal, message, problem }: ExecResult): string {
  if (problem !== null) return problem
  if (reason === 'exited') return `exited with ${exitCode}`
  if (reason === 'signalled') return `ended by ${signal}`
  return message === null ? reason : `${reason}: ${message}`
}
