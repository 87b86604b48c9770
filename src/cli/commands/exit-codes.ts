import type { Command } from 'commander'
import type { AsAction, Cli } from '../cli.ts'
import { ExitCode, exitCodeMeanings } from '../exit-codes.ts'
import { printLines } from '../output/screen.ts'
import { renderTable } from '../output/table.ts'

/** `datajob help exit-codes`, and the same as a command. */
export function addExitCodes(program: Command, cli: Cli, asAction: AsAction): void {
  const { out } = cli.screen
  const lines = renderTable(
    [
      { title: 'code', align: 'right', cell: ([code]) => String(code) },
      { title: 'meaning', cell: ([, meaning]) => meaning },
    ],
    exitCodeMeanings,
    out.paint,
  )
  program
    .command('exit-codes')
    .description('what the exit codes of all commands mean')
    .addHelpText('after', `\n${lines.join('\n')}`)
    .action(
      asAction(() => {
        printLines(out, lines)
        return ExitCode.Ok
      }),
    )
}
