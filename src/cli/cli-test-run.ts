import { Readable } from 'node:stream'
import { createCli } from './cli.ts'
import type { ExitCode } from './exit-codes.ts'
import { runProgram } from './program.ts'

export interface TestRun {
  readonly exitCode: ExitCode
  readonly out: string
  readonly err: string
}

/** Runs a command line as a person would, with what it printed. For tests. */
export async function runCli(
  args: readonly string[],
  given: { readonly stdin?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<TestRun> {
  const written = { out: '', err: '' }
  const streamTo = (name: 'out' | 'err'): { write: (text: string) => void } => ({
    write: (text) => {
      written[name] += text
    },
  })
  // A folder that is not there: a stack or service that runs on this machine is not to be found.
  const env = { DATAJOB_STACK_FOLDER: '/nonexistent', ...given.env }
  const stdin = Readable.from([Buffer.from(given.stdin ?? '')])
  const cli = createCli({ stdin, stdout: streamTo('out'), stderr: streamTo('err') }, env)
  const exitCode = await runProgram(args, cli)
  return { exitCode, ...written }
}
