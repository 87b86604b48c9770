import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type Command, Option } from 'commander'
import type { Config } from '../../config/config.ts'
import { settings } from '../../config/settings.ts'
import type { Bucket } from '../../producer/exec/bucket.ts'
import type { ExecConfig } from '../../producer/exec/exec-config.ts'
import type { AsAction, Cli } from '../cli.ts'
import { loadSettings } from '../connections.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'
import { note, type OutputFormat, outputOption, printJsonLine } from '../options.ts'
import { printLines } from '../output/screen.ts'
import { serviceLogger } from '../service/service-logger.ts'
import { untilStopped } from '../until-stopped.ts'

interface ExecOptions {
  readonly config: string
  readonly logLevel: Config['logLevel']
  readonly output: OutputFormat
}

/** `datajob producer exec` */
export function addProducerExec(producer: Command, cli: Cli, asAction: AsAction): void {
  producer
    .command('exec')
    .description('a producer that runs commands: those that its configuration lists, within its limits')
    .requiredOption('--config <file>', 'what may run, and within which limits, as JSON (docs/exec-producer.md)')
    .addOption(new Option('--log-level <level>', 'what is logged').choices(settings.logLevel.limits.split(', ')).default('info'))
    .addOption(outputOption())
    .addHelpText('after', ABOUT)
    .action(asAction((options: ExecOptions) => execProducer(cli, options)))
}

async function execProducer(cli: Cli, { config: file, logLevel, output }: ExecOptions): Promise<ExitCode> {
  if (process.platform !== 'linux') {
    throw new CommandFailure(ExitCode.Usage, `commands are run within limits of Linux, and found by its /proc; this is ${process.platform}`)
  }
  const stopped = untilStopped()
  // Loaded here, because the other commands are quicker without it.
  const { startExecProducer } = await import('../../producer/exec/start-exec-producer.ts')
  const started = (async () => {
    const config = await readConfig(file)
    const log = await serviceLogger(cli.screen.err, logLevel)
    return startExecProducer(config, { bucket: await bucketOf(cli, config), log })
  })()
  const producer = await started.catch((error: unknown) => {
    stopped.release()
    throw startFailure(error)
  })
  const { out } = cli.screen
  if (output === 'json') printJsonLine(out, { url: producer.url, pid: process.pid, warnings: producer.warnings })
  else printLines(out, [`runs commands for ${producer.url}`])
  await stopped.first
  if (output === 'table') note(cli, 'stopping')
  await producer.stop()
  stopped.release()
  return ExitCode.Ok
}

/** Folders and files in it are relative to where it is itself. */
async function readConfig(file: string): Promise<ExecConfig> {
  const { readExecConfig } = await import('../../producer/exec/exec-config.ts')
  const { memoryMB, processorNumbers } = await import('../../producer/exec/machine.ts')
  const read = readExecConfig(documentIn(file), { cores: processorNumbers().length, memoryMB: memoryMB() })
  if (!read.ok) {
    throw new CommandFailure(ExitCode.Usage, [`${file} is wrong:`, ...read.problems.map((line) => `  ${line}`)].join('\n'))
  }
  const { config } = read
  const beside = (path: string): string => resolve(dirname(file), path)
  const auth = config.auth === undefined ? {} : { auth: { ...config.auth, passwordFile: beside(config.auth.passwordFile) } }
  return { ...config, ...auth, dataFolder: beside(config.dataFolder) }
}

function documentIn(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CommandFailure(ExitCode.Usage, `${file} can't be read as JSON: ${reason}`, { cause })
  }
}

/** The store is that of the service's settings: its keys are in the environment, not in a file beside the commands. */
async function bucketOf(cli: Cli, { bucket }: ExecConfig): Promise<Bucket | null> {
  if (bucket === undefined) return null
  const { s3Endpoint, s3Region, s3AccessKey, s3SecretKey } = await loadSettings(cli)
  const [{ s3Client }, { s3SinkDefaults }, { s3Bucket }] = await Promise.all([
    import('../../sinks/s3/client.ts'),
    import('../../sinks/s3/config.ts'),
    import('../../producer/exec/bucket.ts'),
  ])
  const keys = { endpoint: s3Endpoint, region: s3Region, accessKey: s3AccessKey, secretKey: s3SecretKey }
  const client = s3Client({ ...s3SinkDefaults, ...keys })
  const isThere = await client.bucketExists(bucket).catch((cause: unknown) => {
    throw new CommandFailure(ExitCode.Unreachable, `the object store ${s3Endpoint} does not answer: ${String(cause)}`, { cause })
  })
  if (!isThere) throw new CommandFailure(ExitCode.NotFound, `bucket: there is no bucket "${bucket}" in ${s3Endpoint}`)
  return s3Bucket(client, bucket)
}

const WHAT_A_PERSON_MENDS: ReadonlySet<string> = new Set(['ExecConfigProblem', 'ControlGroupUnusable', 'ExecStoreUnusable'])

function startFailure(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  if (WHAT_A_PERSON_MENDS.has(error.name)) return new CommandFailure(ExitCode.Usage, error.message, { cause: error })
  if (!('code' in error) || !['EADDRINUSE', 'EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND'].includes(String(error.code))) return error
  return new CommandFailure(ExitCode.Usage, `can't listen: ${error.message}`, { cause: error })
}

const ABOUT = `
It runs nothing unless the configuration lists it, and listens on 127.0.0.1 unless that says otherwise. The least of one:

  {"dataFolder": "exec-data", "programs": {"echo": {"path": "/bin/echo"}}}

Register it as a DMI service with the address that it prints. An operation's value says what to run:

  $ datajob producer exec --config exec.json
  $ curl -X PUT http://127.0.0.1:8080/ncmpInventory/v1/dmi/exec -H 'content-type: application/json' \\
      -d '{"baseUrl": "http://127.0.0.1:PORT"}'
  … "data": [{"op": "action", "path": "/exec=1", "operationId": 1, "value": {"command": ["echo", "hello"]}}]

It runs until it is stopped: SIGTERM or SIGINT wait for commands that run, for as long as stopSeconds says, and end the
rest, which are begun again at the next start. Logs go to stderr. With -o json it prints one line when it listens:
{"url": …, "pid": …, "warnings": […]}.`
