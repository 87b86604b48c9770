import type { Command } from 'commander'
import { asEnvironment, ensureStack, stackStatus, stopStack, type ServerStatus } from '../../../stack/stack.ts'
import type { AsAction, Cli } from '../cli.ts'
import { ExitCode } from '../exit-codes.ts'
import { note, outputOption, printJson, type OutputFormat } from '../options.ts'
import { printLines } from '../output/screen.ts'
import { renderTable } from '../output/table.ts'
import { stackFolder } from '../stack-folder.ts'

interface UpOptions {
  readonly fresh?: boolean
  readonly output: OutputFormat
}

/** `datajob stack up|down|status` */
export function addStack(program: Command, cli: Cli, asAction: AsAction): void {
  const stack = program
    .command('stack')
    .description('Kafka, a schema registry and an S3 server on this machine')
    .addHelpText('after', ABOUT)
  addUp(stack, cli, asAction)
  addDown(stack, cli, asAction)
  addStatus(stack, cli, asAction)
}

function addUp(stack: Command, cli: Cli, asAction: AsAction): void {
  stack
    .command('up')
    .description('start the servers that do not run yet, and print where they are')
    .option('--fresh', 'throw away the data of earlier runs first')
    .addOption(outputOption())
    .addHelpText('after', ABOUT_UP)
    .action(
      asAction(async ({ fresh = false, output }: UpOptions) => {
        const endpoints = await ensureStack({ ...stackOptions(cli), fresh })
        const variables = asEnvironment(endpoints)
        const { out } = cli.screen
        if (output === 'json') printJson(out, variables)
        else
          printLines(
            out,
            Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`),
          )
        return ExitCode.Ok
      }),
    )
}

function addDown(stack: Command, cli: Cli, asAction: AsAction): void {
  stack
    .command('down')
    .description('stop the servers')
    .option('--discard', 'throw away their data as well')
    .action(
      asAction(async ({ discard = false }: { readonly discard?: boolean }) => {
        await stopStack({ ...stackOptions(cli), discard })
        note(cli, discard ? 'stopped, and the data is gone' : 'stopped; "datajob stack up" goes on with the same data')
        return ExitCode.Ok
      }),
    )
}

function addStatus(stack: Command, cli: Cli, asAction: AsAction): void {
  stack
    .command('status')
    .description('show which servers run and where')
    .addOption(outputOption())
    .addHelpText('after', '\nExits with 0 when all three answer, else with 4.')
    .action(
      asAction(async ({ output }: { readonly output: OutputFormat }) => {
        const servers = await stackStatus(stackOptions(cli))
        const { out } = cli.screen
        if (output === 'json') printJson(out, servers)
        else printLines(out, renderTable(statusColumns, servers, out.paint))
        return servers.every(({ answers }) => answers) ? ExitCode.Ok : ExitCode.Unreachable
      }),
    )
}

const statusColumns = [
  { title: 'server', cell: ({ name }: ServerStatus) => name },
  {
    title: 'state',
    cell: ({ answers, pid }: ServerStatus) => (answers ? 'up' : pid === undefined ? 'down' : 'does not answer'),
    style: ({ answers }: ServerStatus, text: string, paint: Cli['screen']['out']['paint']) =>
      paint(answers ? 'green' : 'yellow', text),
  },
  { title: 'endpoint', cell: ({ endpoint }: ServerStatus) => endpoint ?? '' },
  { title: 'on', cell: ({ carriedBy }: ServerStatus) => carriers[carriedBy ?? 'none'] },
  { title: 'pid', cell: ({ pid }: ServerStatus) => (pid === undefined ? '' : String(pid)) },
]

const carriers = { jvm: 'this machine', docker: 'Docker', given: 'given in the environment', none: '' } as const

function stackOptions(cli: Cli): { folder: string; env: Cli['env']; say: (line: string) => void } {
  return {
    folder: stackFolder(cli.env),
    env: cli.env,
    say: (line) => {
      note(cli, line)
    },
  }
}

/** As a shell reads it back as one word. */
function quoted(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", String.raw`'\''`)}'`
}

const ABOUT = `
The servers run on Docker where an engine answers, else on the JVM (Java 17 or newer and Maven), and stay up until
"datajob stack down". The other commands of datajob find them without being told where they are; options and
DATAJOB_… variables win over that.

Variables:
  DATAJOB_STACK          jvm or docker: what to run on
  DATAJOB_STACK_FOLDER   where data, logs and state are kept (default: .stack/run in the project)`

const ABOUT_UP = `
Servers that DATAJOB_KAFKA_BROKERS, DATAJOB_REGISTRY_URL and DATAJOB_S3_ENDPOINT name are taken as they are.

Example:
  $ eval "$(datajob stack up)"   # for other programs; datajob itself needs no variables`
