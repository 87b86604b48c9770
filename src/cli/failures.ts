/** What was thrown, as a person reads it and as the exit code that a script sees. */
import { CommanderError } from 'commander'
import { StackError, type StackErrorCode } from '../../stack/errors.ts'
import { TopicMismatchError } from '../kafka/topics.ts'
import { CommandFailure, ExitCode } from './exit-codes.ts'
import type { Pane } from './output/screen.ts'

interface Report {
  readonly exitCode: ExitCode
  readonly message: string
  readonly hint: string | null
}

const stackExitCodes: Record<StackErrorCode, ExitCode> = {
  'missing-requirements': ExitCode.Usage,
  'bad-setting': ExitCode.Usage,
  'fetch-failed': ExitCode.Unreachable,
  'server-failed': ExitCode.Unreachable,
  'docker-failed': ExitCode.Unreachable,
  busy: ExitCode.Timeout,
}

/** What our adapters say should be done after one of their errors. */
const dispositionExitCodes: Readonly<Record<string, ExitCode>> = {
  retry: ExitCode.Unreachable,
  restart: ExitCode.Unreachable,
  fenced: ExitCode.Unreachable,
  reject: ExitCode.Usage,
  fatal: ExitCode.Usage,
}

const START_STACK = 'Is it running? "datajob stack up" starts a local one.'

/** Says what went wrong; answers the exit code. */
export function reportFailure(error: unknown, pane: Pane): ExitCode {
  // Commander has written its message, or the help that was asked for, before it throws.
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Ok : ExitCode.Usage
  const { exitCode, message, hint } = reportOf(error)
  pane.write(`${pane.paint('red', 'error:')} ${message}\n`)
  if (hint !== null && hint !== '') pane.write(`${hint}\n`)
  return exitCode
}

function reportOf(error: unknown): Report {
  if (error instanceof CommandFailure) return error
  if (error instanceof StackError) return { exitCode: stackExitCodes[error.code], message: error.message, hint: null }
  if (error instanceof TopicMismatchError) return { exitCode: ExitCode.Usage, message: error.message, hint: null }
  const exitCode = dispositionExitCodes[dispositionOf(error)]
  if (error instanceof Error && exitCode !== undefined) {
    return { exitCode, message: error.message, hint: exitCode === ExitCode.Unreachable ? START_STACK : null }
  }
  const shown = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { exitCode: ExitCode.Defect, message: shown, hint: 'This is a defect of datajob.' }
}

function dispositionOf(error: unknown): string {
  return error instanceof Error && 'disposition' in error && typeof error.disposition === 'string'
    ? error.disposition
    : ''
}
