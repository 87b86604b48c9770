import { Option, type Command } from 'commander'
import type { Logger } from 'pino'
import { ROLES, settings } from '../../config/settings.ts'
import type { Config } from '../../config/config.ts'
import type { AsAction, Cli } from '../cli.ts'
import { brokersOption, brokersOverride, type BrokersOptions, loadSettings } from '../connections.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'
import { note, outputOption, printJsonLine, wholeNumber, type OutputFormat } from '../options.ts'
import { printLines } from '../output/screen.ts'
import { serviceLogger } from '../service/service-logger.ts'
import { forgetService, rememberService } from '../service/service-record.ts'
import { whenKept } from '../../runtime/clock.ts'
import { stackFolder } from '../stack-folder.ts'
import { untilStopped } from '../until-stopped.ts'

interface ServeOptions extends BrokersOptions {
  readonly roles?: string
  readonly host?: string
  readonly port?: number
  readonly insecure?: boolean
  readonly dataFolder?: string
  readonly logLevel?: Config['logLevel']
  readonly output: OutputFormat
}

/** `datajob serve` */
export function addServe(program: Command, cli: Cli, asAction: AsAction): void {
  program
    .command('serve')
    .description('run the service: all of it, or some of its roles')
    .option('--roles <list>', `some of ${ROLES.join(',')} (DATAJOB_ROLES; default: all)`)
    .option('--host <host>', `address that REST listens on (DATAJOB_HOST; default: ${settings.host.fallback})`)
    .option(
      '--port <number>',
      `its port; 0 takes a free one (DATAJOB_PORT; default: ${settings.port.fallback})`,
      wholeNumber(0, 65_535),
    )
    .option('--insecure', 'listen on an address that others can reach without asking anyone who they are')
    .option(
      '--data-folder <folder>',
      `where the read model is kept (DATAJOB_DATA_FOLDER; default: ${settings.dataFolder.fallback})`,
    )
    .addOption(new Option('--log-level <level>', 'DATAJOB_LOG_LEVEL; default: info').choices(LOG_LEVELS))
    .addOption(brokersOption())
    .addOption(outputOption())
    .addHelpText('after', ABOUT)
    .action(asAction((options: ServeOptions) => serve(cli, options)))
}

const LOG_LEVELS = settings.logLevel.limits.split(', ')

async function serve(cli: Cli, options: ServeOptions): Promise<ExitCode> {
  const config = await loadSettings(cli, overridesOf(options))
  const stopped = untilStopped()
  const logger = await serviceLogger(cli.screen.err, config.logLevel)
  // Loaded here, because the other commands are quicker without it.
  const { startService } = await import('../../service.ts')
  const started = startService(config, { logger }).catch((error: unknown) => {
    // A channel to the parent that somebody listens to would keep the process.
    stopped.release()
    throw startFailure(error, config)
  })
  const service = await Promise.race([started, stopped.first])
  // Nothing was promised to anyone yet, so there is nothing to finish.
  if (service === undefined) return process.exit(ExitCode.Interrupted)
  const folder = stackFolder(cli.env)
  if (service.url !== null) rememberService(folder, { url: service.url, pid: process.pid })
  announce(cli, service, options.output)
  const code = await Promise.race([service.stopped, stopped.first])
  if (code === undefined) await service.stop()
  forgetService(folder, process.pid)
  stopped.release()
  return exitCodeOf(await service.stopped, logger)
}

// What stood still, or was left open, may keep the process. Nothing that was promised depends on it any more.
function exitCodeOf(code: number, logger: Logger): ExitCode {
  if (code === ExitCode.Stuck) process.exit(ExitCode.Stuck)
  const exitCode = code === 0 ? ExitCode.Ok : ExitCode.Defect
  whenKept(() => {
    logger.warn({ resources: process.getActiveResourcesInfo() }, 'something was left open and keeps the process: it is ended')
    process.exit(exitCode)
  })
  return exitCode
}

function announce(
  cli: Cli,
  { url, roles }: { readonly url: string | null; readonly roles: readonly string[] },
  output: OutputFormat,
): void {
  const { out } = cli.screen
  if (output === 'json') {
    printJsonLine(out, { url, roles, pid: process.pid })
    return
  }
  const where = url === null ? 'runs without REST' : `listens on ${url}`
  printLines(out, [`datajob ${out.paint('bold', where)} (${roles.join(', ')})`])
  if (url !== null) note(cli, `its API: ${url}/docs   stop it: Ctrl-C`)
}

function overridesOf(options: ServeOptions): Partial<Config> {
  const { roles, host, port, insecure, dataFolder, logLevel } = options
  return {
    ...brokersOverride(options),
    ...(roles === undefined ? {} : { roles: parsed('--roles', roles, settings.roles) }),
    ...(host === undefined ? {} : { host: parsed('--host', host, settings.host) }),
    ...(dataFolder === undefined ? {} : { dataFolder: parsed('--data-folder', dataFolder, settings.dataFolder) }),
    ...(port === undefined ? {} : { port }),
    ...(insecure === undefined ? {} : { insecure }),
    ...(logLevel === undefined ? {} : { logLevel }),
  }
}

interface Parser<Value> {
  readonly limits: string
  parse(text: string): Value | undefined
}

function parsed<Value>(flag: string, text: string, setting: Parser<Value>): Value {
  const value = setting.parse(text)
  if (value !== undefined) return value
  throw new CommandFailure(ExitCode.Usage, `${flag} is "${text}", but must be ${setting.limits}`)
}

function startFailure(error: unknown, { host, port }: Config): unknown {
  if (!(error instanceof Error) || !('code' in error)) return error
  if (error.code === 'EADDRINUSE') {
    const hint = 'Choose another with --port; 0 takes a free one.'
    return new CommandFailure(ExitCode.Usage, `port ${port} on ${host} is taken`, { hint, cause: error })
  }
  if (error.code === 'EACCES' || error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new CommandFailure(ExitCode.Usage, `can't listen on ${host}, port ${port}: ${error.message}`, {
      cause: error,
    })
  }
  return error
}

const ABOUT = `
Runs until it is stopped: SIGTERM or SIGINT (Ctrl-C) finish what is under way and hand the work over, a second one ends
it at once. Start it as often as you like, on as many machines as you like: they share the work through Kafka. The
topics must be there ("datajob topics apply"). Settings come from DATAJOB_… variables (docs/config.md has them all);
options win over them.

Says on stdout where it listens, with -o json as {"url": …, "roles": […], "pid": …}; logs go to stderr, as JSON where
that is no terminal.

Examples:
  $ datajob stack up && datajob topics apply && datajob serve
  $ datajob serve --roles dispatcher      # more hands for talking to producers

Exits with 0 after a graceful stop, 2 when a setting is wrong or the port is taken, 4 when Kafka or the schema registry
do not answer at the start for as long as DATAJOB_START_TIMEOUT_MS says, 70 after something that only a person can mend,
75 when something stood still and beginning it anew did not help (DATAJOB_PROGRESS_TIMEOUT_MS): whoever runs the
service should start it again then, as after a crash.`
