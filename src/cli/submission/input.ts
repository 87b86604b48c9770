import { readFile } from 'node:fs/promises'
import type { Cli } from '../cli.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'

/** The whole of a file, or of standard input for `-`. Throws a CommandFailure `Usage` for a file that can't be read. */
export async function readInput(cli: Cli, file: string): Promise<Buffer> {
  if (file === '-') {
    const pieces: Uint8Array[] = []
    for await (const piece of cli.stdin) pieces.push(piece)
    return Buffer.concat(pieces)
  }
  try {
    return await readFile(file)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new CommandFailure(ExitCode.Usage, `can't read ${file}: ${why}`, { cause })
  }
}
