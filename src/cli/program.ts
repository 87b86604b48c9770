import { Command } from 'commander'
import type { AsAction, Cli } from './cli.ts'
import { addDeadLetters } from './commands/dead-letters.ts'
import { addCancel } from './commands/cancel.ts'
import { addDemo } from './commands/demo.ts'
import { addExitCodes } from './commands/exit-codes.ts'
import { addGet } from './commands/get.ts'
import { addList } from './commands/list.ts'
import { addProducer } from './commands/producer.ts'
import { addResults } from './commands/results.ts'
import { addRetry } from './commands/retry.ts'
import { addServe } from './commands/serve.ts'
import { addStack } from './commands/stack.ts'
import { addSubmit } from './commands/submit.ts'
import { addTopics } from './commands/topics.ts'
import { addWatch } from './commands/watch.ts'
import { ExitCode } from './exit-codes.ts'
import { reportFailure } from './failures.ts'
import { readVersion } from '../config/version.ts'

/** Adds a command to the program. */
type AddCommand = (program: Command, cli: Cli, asAction: AsAction) => void

const groups: readonly (readonly [heading: string, commands: readonly AddCommand[]])[] = [
  ['Jobs:', [addSubmit, addGet, addWatch, addList, addResults, addCancel, addRetry]],
  ['Servers:', [addServe, addTopics, addDeadLetters, addProducer, addStack]],
  ['Help:', [addDemo, addExitCodes]],
]

/** Runs the command line given without the program's name. Resolves to the exit code; never rejects. */
export async function runProgram(args: readonly string[], cli: Cli): Promise<ExitCode> {
  let exitCode: ExitCode = ExitCode.Ok
  const asAction: AsAction =
    (work) =>
    async (...given) => {
      exitCode = await work(...given)
    }
  try {
    await createProgram(cli, asAction).parseAsync(args, { from: 'user' })
    return exitCode
  } catch (error) {
    return reportFailure(error, cli.screen.err)
  }
}

function createProgram(cli: Cli, asAction: AsAction): Command {
  const { out, err } = cli.screen
  const program = new Command('datajob')
    .description('Runs data jobs: lists of operations on things that data producers own, over Kafka.')
    .version(readVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .showSuggestionAfterError()
    .showHelpAfterError('"datajob --help" lists the commands, "datajob help <command>" says what one of them takes.')
    .exitOverride()
    .configureOutput({
      writeOut: out.write,
      writeErr: err.write,
      getOutHelpWidth: out.columns,
      getErrHelpWidth: err.columns,
      getOutHasColors: () => out.isTty,
      getErrHasColors: () => err.isTty,
      outputError: (text, write) => {
        write(text.replace(/^error:/, err.paint('red', 'error:')))
      },
    })
    .configureHelp({ styleTitle: (title) => out.paint('bold', title) })
    .addHelpText('after', FIRST_STEPS)
  for (const [heading, commands] of groups) {
    program.commandsGroup(heading)
    for (const add of commands) add(program, cli, asAction)
  }
  program.helpCommand('help [command]', 'print help for a command')
  return program
}

const FIRST_STEPS = `
First steps:
  $ datajob demo                 see jobs run, from nothing, in one command
  $ datajob stack up             Kafka, a schema registry and an S3 server on this machine
  $ datajob serve                the service, beside that stack
  $ datajob submit job.json --destination kafka:my-results --watch`
