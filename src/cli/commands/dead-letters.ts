import { type Command, InvalidArgumentError } from 'commander'
import { createCodec } from '../../codec/codec.ts'
import { RegistryFailure } from '../../codec/registry.ts'
import type { Config } from '../../config/config.ts'
import { parseLetterId } from '../../kafka/dead-letters.ts'
import { parseInstant } from '../../rest/instant.ts'
import type { AsAction, Cli } from '../cli.ts'
import { brokersOption, brokersOverride, type BrokersOptions, kafkaClient, loadSettings, registryAddress } from '../connections.ts'
import { type LetterFilter, LetterLog } from '../dead-letters/letter-log.ts'
import { type DecodeAvro, showValue } from '../dead-letters/letter-value.ts'
import { factsOf, fullLetterOf, letterColumns, renderLetter } from '../dead-letters/letter-view.ts'
import { Redrive, type RedriveReport } from '../dead-letters/redrive-letters.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'
import { note, outputOption, printJson, wholeNumber, type OutputFormat } from '../options.ts'
import { printLines } from '../output/screen.ts'
import { renderTable } from '../output/table.ts'
import { formatNumberOf } from '../output/units.ts'
import { oneLine } from '../output/width.ts'

interface LetterOptions extends BrokersOptions {
  readonly output: OutputFormat
}

interface ListOptions extends LetterOptions, LetterFilter {
  readonly limit: number
}

interface RedriveOptions extends LetterOptions, Pick<LetterFilter, 'cause' | 'topic'> {
  readonly all?: boolean
  readonly again?: boolean
  readonly dryRun?: boolean
}

const LIMIT_DEFAULT = 20
const LIMIT_MAX = 10_000
const CAUSE = ['--cause <text>', 'only those whose cause holds this text, in capitals or not'] as const
const TOPIC = ['--topic <topic>', 'only those that came from there, as in commands or datajob.commands'] as const

/** `datajob dead-letters list|show|redrive` */
export function addDeadLetters(program: Command, cli: Cli, asAction: AsAction): void {
  const letters = program.command('dead-letters').description('what the service could not understand, and set aside')
  const add = (name: string, description: string): Command =>
    letters.command(name).description(description).addOption(brokersOption()).addOption(outputOption())
  add('list', 'list dead letters, the newest first')
    .option('--limit <number>', 'how many to list at most', wholeNumber(1, LIMIT_MAX), LIMIT_DEFAULT)
    .option('--since <instant>', 'only those set aside then or later, as in 2026-03-01T12:00:00Z', instant)
    .option(...TOPIC)
    .option(...CAUSE)
    .addHelpText('after', ABOUT_LIST)
    .action(asAction((options: ListOptions) => list(cli, options)))
  add('show', 'show one: why it is there, and what it holds')
    .argument('<id>', 'as "list" prints it')
    .addHelpText('after', ABOUT_SHOW)
    .action(asAction((id: string, options: LetterOptions) => show(cli, id, options)))
  add('redrive', 'put letters back to where they came from, after what was wrong is put right')
    .argument('[ids...]', 'as "list" prints them')
    .option('--all', 'all that were not re-driven yet, instead of some by their ids')
    .option(...TOPIC)
    .option(...CAUSE)
    .option('--again', 'also those that were re-driven before')
    .option('--dry-run', 'print which they are, and do nothing')
    .addHelpText('after', ABOUT_REDRIVE)
    .action(asAction((ids: string[], options: RedriveOptions) => redrive(cli, ids, options)))
}

function instant(text: string): number {
  const epochMs = parseInstant(text)
  if (epochMs === null) throw new InvalidArgumentError('It has to be an instant with a zone, as in 2026-03-01T12:00:00Z.')
  return epochMs
}

async function list(cli: Cli, options: ListOptions): Promise<ExitCode> {
  const config = await loadSettings(cli, brokersOverride(options))
  const items = (await logOf(cli, config).last(options.limit, options)).map(factsOf)
  const { out } = cli.screen
  if (options.output === 'json') printJson(out, { items })
  else if (items.length === 0) note(cli, 'no dead letters')
  else printLines(out, renderTable(letterColumns, items, out.paint))
  if (items.length === options.limit) note(cli, 'there may be more: --limit')
  return ExitCode.Ok
}

async function show(cli: Cli, id: string, options: LetterOptions): Promise<ExitCode> {
  requireIds([id])
  const config = await loadSettings(cli, brokersOverride(options))
  const known = await logOf(cli, config).get(id)
  if (known === null) throw new CommandFailure(ExitCode.NotFound, `there is no dead letter ${id}`)
  const letter = fullLetterOf(known, await showValue(known.letter.record.value, avroDecoder(cli, config)))
  const { out } = cli.screen
  if (options.output === 'json') printJson(out, letter)
  else printLines(out, renderLetter(letter, out))
  return ExitCode.Ok
}

/** Without a schema registry the letter can still be shown, if not read. */
function avroDecoder(cli: Cli, config: Config): DecodeAvro {
  return async (value) => {
    try {
      const codec = await createCodec(registryAddress(config), { schemas: 'lookUp', clock: cli.clock })
      return await codec.decode(value)
    } catch (error) {
      if (error instanceof RegistryFailure) return { ok: false, cause: error.message }
      throw error
    }
  }
}

async function redrive(cli: Cli, ids: readonly string[], options: RedriveOptions): Promise<ExitCode> {
  const { all = false, again = false, dryRun = false, output, cause, topic } = options
  if (all === ids.length > 0) throw new CommandFailure(ExitCode.Usage, 'name letters by their ids, or say --all')
  if (!all && (cause !== undefined || topic !== undefined)) {
    throw new CommandFailure(ExitCode.Usage, '--cause and --topic choose among --all; letters that are named are chosen already')
  }
  requireIds(ids)
  const config = await loadSettings(cli, brokersOverride(options))
  const { application } = config
  const work = new Redrive({ cli, kafka: kafkaClient(config), log: logOf(cli, config), application })
  const report = await work.run({ ids, filter: options, again, dryRun })
  if (output === 'json') printJson(cli.screen.out, { dryRun, ...report })
  else printReport(cli, report, dryRun)
  return ExitCode.Ok
}

function printReport(cli: Cli, { letters, redrivenBefore, foreign }: RedriveReport, dryRun: boolean): void {
  const { out } = cli.screen
  printLines(
    out,
    letters.map(({ id, key, topic }) => oneLine(`${id}  ${topic}  ${key ?? ''}`.trimEnd())),
  )
  note(cli, `${dryRun ? 'would be re-driven' : 're-driven'}: ${formatNumberOf(letters.length, 'letter')}`)
  if (redrivenBefore > 0) note(cli, `re-driven before: ${redrivenBefore}; --again takes those, too`)
  if (foreign > 0) note(cli, `from topics that no stage reads: ${foreign}; they stay`)
}

function requireIds(ids: readonly string[]): void {
  const [wrong] = ids.filter((id) => parseLetterId(id) === null)
  if (wrong !== undefined) throw new CommandFailure(ExitCode.Usage, `"${wrong}" is no dead letter's id, which is as 0-17`)
}

function logOf(cli: Cli, config: Config): LetterLog {
  return new LetterLog(kafkaClient(config), cli.timers, config)
}

const ABOUT_LIST = `
A record that the service can't understand goes to the topic dead-letters, with the cause; the records behind it go on.

Examples:
  $ datajob dead-letters list --limit 100
  $ datajob dead-letters list --since 2026-03-01T00:00:00Z --topic commands --cause "longer than"
  $ datajob dead-letters list -o json | jq -r '.items[] | select(.redriven == null) | .id'

As JSON it is {"items": [...]}. Exits with 0, also when there are none; 3 when there is no such topic, 4 when Kafka
does not answer.`

const ABOUT_SHOW = `
Avro is shown as JSON, JSON and text as they came, anything else as a dump of its first 1,024 bytes. Credentials are
left out; in a dump so is every word of 16 characters and more, which may be one. Of a text the first 16,384 characters
are shown.

Examples:
  $ datajob dead-letters show 0-17
  $ datajob dead-letters show 0-17 -o json | jq -r .cause

Exits with 0 when there is such a letter, 3 when there is none (they are kept for 30 days), 4 when Kafka does not
answer.`

const ABOUT_REDRIVE = `
A letter is written to the topic that it came from once more, with its key, headers and value, and in the same
transaction is noted as re-driven. A second time it is refused, unless --again says so; of two people who re-drive at
the same time, the one who began first stops. A job has one id, under which it runs once, however often its command is
re-driven; a command without an id is given one by its new place. What can still not be understood is set aside again,
as a new letter. A job in parts is several letters of one key: re-drive them together, they go in their old order.

Examples:
  $ datajob dead-letters redrive 0-17 0-18
  $ datajob dead-letters redrive --all --cause "longer than" --dry-run
  $ datajob dead-letters redrive --all --topic commands -o json

Exits with 0 when all of them were re-driven, 2 when one was before, 3 when there is no such letter, 4 when Kafka does
not answer: then run it again for the rest.`
