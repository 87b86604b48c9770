/** What every command is handed: where it reads and writes, its environment, the time. */
import { systemClock, systemTimers, type Clock, type Timers } from '../runtime/clock.ts'
import type { ExitCode } from './exit-codes.ts'
import { screenOf, type OutputStream, type Screen } from './output/screen.ts'

export interface Cli {
  readonly screen: Screen
  readonly stdin: AsyncIterable<Uint8Array>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly timers: Timers
}

export interface CliStreams {
  readonly stdin: AsyncIterable<Uint8Array>
  readonly stdout: OutputStream
  readonly stderr: OutputStream
}

export function createCli(streams: CliStreams, env: Cli['env']): Cli {
  const screen = screenOf({ out: streams.stdout, err: streams.stderr }, env)
  return { screen, stdin: streams.stdin, env, clock: systemClock, timers: systemTimers }
}

/** A command's work: its arguments and options as commander hands them on, and what the process ends with. */
export type Work<Args extends unknown[]> = (...args: Args) => ExitCode | Promise<ExitCode>

/** Makes work an action of commander's that leaves its exit code with the program. */
export type AsAction = <Args extends unknown[]>(work: Work<Args>) => (...args: Args) => Promise<void>
