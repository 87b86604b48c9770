import { Option, type Command } from 'commander'
import type { AsAction, Cli } from '../cli.ts'
import { brokersOption, type BrokersOptions, serviceClient, urlOption, type UrlOptions } from '../connections.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'
import { durationMs, note, outputOption, printJson, printJsonLine, type OutputFormat } from '../options.ts'
import { printLines } from '../output/screen.ts'
import { followJob } from '../service/follow-job.ts'
import { renderPreview } from '../service/preview-view.ts'
import type { AcceptedJob, Submission } from '../service/service-client.ts'
import { readInput } from '../submission/input.ts'
import { commandOf } from '../submission/command-of.ts'
import { produceCommand } from '../submission/produce-command.ts'
import { withJobId } from '../submission/with-job-id.ts'

interface SubmitOptions extends UrlOptions, BrokersOptions {
  readonly destination?: string
  readonly jobId?: string
  readonly idempotencyKey?: string
  readonly strict?: boolean
  readonly dryRun?: boolean
  readonly deadline?: string
  readonly via: 'rest' | 'kafka'
  readonly watch?: boolean
  readonly timeout?: number
  readonly output: OutputFormat
}

/** `datajob submit FILE|-` */
export function addSubmit(program: Command, cli: Cli, asAction: AsAction): void {
  program
    .command('submit')
    .description('submit a job')
    .argument('<file>', 'JSON of the job; - reads standard input')
    .option('--destination <destination>', 'where results go: kafka:TOPIC or s3:BUCKET (else the service keeps them)')
    .option('--job-id <id>', 'your own id for the job; submitted again under it, the same job is not taken twice')
    .option('--idempotency-key <key>', 'the same, where you have a key but no id')
    .option('--strict', 'only if every operation has a handle that is ready')
    .option('--deadline <instant>', 'ISO 8601 instant with a zone: what is not done by then is given up')
    .option('--dry-run', 'only show what the job would be split into')
    .addOption(
      new Option('--via <door>', 'rest: through the service; kafka: straight to the command topic')
        .choices(['rest', 'kafka'])
        .default('rest'),
    )
    .option('--watch', 'follow the job until it has ended, as "watch" does')
    .option('--timeout <duration>', 'with --watch: give up after this time, as in 30s or 5m', durationMs)
    .addOption(urlOption())
    .addOption(brokersOption())
    .addOption(outputOption())
    .addHelpText('after', ABOUT)
    .action(
      asAction(async (file: string, options: SubmitOptions) => {
        checkTogether(options)
        const body = await readInput(cli, file)
        if (options.dryRun === true) return await preview(cli, body, options)
        const jobId = options.via === 'kafka' ? await viaKafka(cli, body, options) : await viaRest(cli, body, options)
        if (options.watch !== true) return ExitCode.Ok
        const timeoutMs = options.timeout ?? null
        return await followJob(cli, { client: serviceClient(cli, options), jobId, output: options.output, timeoutMs })
      }),
    )
}

function checkTogether({ via, idempotencyKey, timeout, watch, strict, dryRun, deadline }: SubmitOptions): void {
  if (via === 'kafka' && (strict === true || dryRun === true || deadline !== undefined)) {
    const hint = 'A command on the topic has the members "strict" and "deadlineAt" for the first two.'
    throw new CommandFailure(ExitCode.Usage, '--strict, --deadline and --dry-run are for --via rest', { hint })
  }
  if (dryRun === true && watch === true) {
    throw new CommandFailure(ExitCode.Usage, '--watch follows a job, and --dry-run submits none')
  }
  if (via === 'kafka' && idempotencyKey !== undefined) {
    throw new CommandFailure(ExitCode.Usage, '--idempotency-key is an HTTP header; with --via kafka use --job-id')
  }
  if (timeout !== undefined && watch !== true) {
    throw new CommandFailure(ExitCode.Usage, '--timeout is for --watch: without it nothing is waited for')
  }
}

function submissionOf(body: Buffer, { jobId, destination, idempotencyKey, strict, deadline }: SubmitOptions): Submission {
  return {
    body: jobId === undefined ? body : withJobId(body, jobId),
    destination: destination ?? null,
    idempotencyKey: idempotencyKey ?? null,
    strict: strict === true,
    deadline: deadline ?? null,
  }
}

async function preview(cli: Cli, body: Buffer, options: SubmitOptions): Promise<ExitCode> {
  const answer = await serviceClient(cli, options).preview(submissionOf(body, options))
  const { out } = cli.screen
  if (options.output === 'json') printJson(out, answer)
  else printLines(out, renderPreview(answer, out))
  return ExitCode.Ok
}

async function viaRest(cli: Cli, body: Buffer, options: SubmitOptions): Promise<string> {
  const accepted = await serviceClient(cli, options).submit(submissionOf(body, options))
  tell(cli, options, accepted, [
    ['status', accepted.status],
    ['ask', accepted.statusuri],
    ['results', accepted.resultsuri],
  ])
  return accepted.jobId
}

async function viaKafka(cli: Cli, body: Buffer, options: SubmitOptions): Promise<string> {
  const command = commandOf(body, { jobId: options.jobId ?? null, destination: options.destination ?? null })
  const produced = await produceCommand(cli, command, options)
  tell(cli, options, { jobId: command.jobId, ...produced }, [
    ['topic', produced.topic],
    ['partition', String(produced.partition)],
    ['offset', String(produced.offset)],
  ])
  return command.jobId
}

/** The job's id alone goes to stdout, so that a script has it without cutting; the rest is for people. */
function tell(
  cli: Cli,
  { output, watch }: SubmitOptions,
  answer: AcceptedJob | { readonly jobId: string },
  facts: readonly (readonly [string, string])[],
): void {
  const { out } = cli.screen
  if (output === 'json') {
    if (watch === true) printJsonLine(out, answer)
    else printJson(out, answer)
    return
  }
  if (watch === true) note(cli, `accepted: job ${answer.jobId}`)
  else printLines(out, [answer.jobId])
  if (watch !== true) for (const [name, value] of facts) note(cli, `${name.padEnd(9)}  ${value}`)
}

const ABOUT = `
A job is JSON with its operations under "data", all of which read or all of which write:

  {"data": [
    {"operationId": "du-1", "op": "read", "path": "/ManagedElement=RAN001/GNBDUFunction=1"},
    {"operationId": "du-2", "op": "read", "path": "/ManagedElement=RAN002/GNBDUFunction=1"}]}

The service's page at /docs has all of its spellings. --via kafka takes them, too, and the form of the command topic,
which has "operations" for "data".

Examples:
  $ datajob submit job.json --destination kafka:my-results
  $ datajob submit job.json --destination s3:my-bucket --job-id replan-7 --watch
  $ datajob submit job.json --strict --dry-run
  $ generate-job | datajob submit - --via kafka --destination kafka:my-results

Prints the job's id. Exits with 0 once the job is durable in Kafka; with --watch as "watch" does; 2 when the job is
refused, 4 when the service or Kafka does not answer. Then submit it again: under the same --job-id it is taken once.`
