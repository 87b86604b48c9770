import { Option, type Command } from 'commander'
import { lookUpSchemas, registerSchemas, RegistryFailure, type RegisteredSchema } from '../../codec/registry.ts'
import type { Config } from '../../config/config.ts'
import type { KafkaAdmin } from '../../kafka/port.ts'
import { applyTopics, describeTopics, type TopicReport } from '../../kafka/topics.ts'
import type { AsAction, Cli } from '../cli.ts'
import {
  brokersOption,
  brokersOverride,
  type BrokersOptions,
  kafkaClient,
  loadSettings,
  registryAddress,
} from '../connections.ts'
import { ExitCode } from '../exit-codes.ts'
import { note, outputOption, printJson, wholeNumber, type OutputFormat } from '../options.ts'
import { printLines } from '../output/screen.ts'
import { type Column, renderTable } from '../output/table.ts'

interface TopicsOptions extends BrokersOptions {
  readonly partitions?: number
  readonly replicationFactor?: number
  readonly output: OutputFormat
}

export interface TopicsApplied {
  readonly topics: readonly TopicReport[]
  readonly schemas: readonly RegisteredSchema[]
}

const RESULT_PARTITIONS = 3

/** `datajob topics apply|create|describe` */
export function addTopics(program: Command, cli: Cli, asAction: AsAction): void {
  const topics = program.command('topics').description("the service's own topics and schemas, and topics for results")
  const add = (name: string, description: string): Command =>
    topics.command(name).description(description).addOption(brokersOption()).addOption(outputOption())
  add('apply', 'create the topics that are missing and register the schemas')
    .addOption(countOption('--partitions', 'of each stage topic (DATAJOB_PARTITIONS)', 1_024))
    .addOption(
      countOption('--replication-factor', 'of each topic (DATAJOB_REPLICATION_FACTOR; else as the broker has it)', 9),
    )
    .addHelpText('after', ABOUT_APPLY)
    .action(
      asAction(async (options: TopicsOptions) => {
        const config = await topicsConfig(cli, options)
        printApplied(cli, await applyAll(config), options.output)
        return ExitCode.Ok
      }),
    )
  add('create <name>', 'create a topic for results, as a destination of jobs')
    .addOption(countOption('--partitions', 'of the topic; default: 3', 10_000))
    .addOption(countOption('--replication-factor', 'of the topic (else as the broker has it)', 9))
    .addHelpText('after', '\nDoes nothing when the topic exists.')
    .action(
      asAction(async (name: string, options: TopicsOptions) => {
        const config = await loadSettings(cli, brokersOverride(options))
        const { partitions = RESULT_PARTITIONS, replicationFactor = -1 } = options
        const topic = { name, partitions, replicationFactor, config: {} }
        const created = await withAdmin(config, async (admin) => {
          if (await admin.topicExists(name)) return false
          await admin.createTopics([topic])
          return true
        })
        if (options.output === 'json') printJson(cli.screen.out, { name, created })
        else printLines(cli.screen.out, [created ? `${name} created` : `${name} exists`])
        return ExitCode.Ok
      }),
    )
  add('describe', 'compare the topics and schemas with what they should be')
    .addHelpText('after', '\nExits with 0 when all are there, 3 when one is missing.')
    .action(
      asAction(async (options: TopicsOptions) => {
        const config = await topicsConfig(cli, options)
        const topics = await withAdmin(config, (admin) => describeTopics(admin, topicSettings(config)))
        const schemas = await knownSchemas(config)
        printApplied(cli, { topics, schemas: schemas ?? [] }, options.output)
        if (schemas === null) note(cli, 'schemas are missing in the registry: "datajob topics apply" registers them')
        return schemas === null || topics.some(({ state }) => state === 'missing') ? ExitCode.NotFound : ExitCode.Ok
      }),
    )
}

/** Creates missing topics and registers schemas. Throws TopicMismatchError, KafkaFailure or RegistryFailure. */
export async function applyAll(config: Config): Promise<TopicsApplied> {
  const [topics, schemas] = await Promise.all([
    withAdmin(config, (admin) => applyTopics(admin, topicSettings(config))),
    registerSchemas(registryAddress(config)),
  ])
  return { topics, schemas }
}

/** Null when one of them is missing. */
async function knownSchemas(config: Config): Promise<readonly RegisteredSchema[] | null> {
  try {
    return await lookUpSchemas(registryAddress(config))
  } catch (error) {
    if (error instanceof RegistryFailure && error.httpStatus === 404) return null
    throw error
  }
}

async function withAdmin<T>(config: Config, work: (admin: KafkaAdmin) => Promise<T>): Promise<T> {
  const admin = await kafkaClient(config).admin()
  try {
    return await work(admin)
  } finally {
    await admin.close()
  }
}

function topicSettings({
  topicPrefix: prefix,
  partitions,
  replicationFactor,
}: Config): Parameters<typeof applyTopics>[1] {
  return { prefix, partitions, replicationFactor }
}

function topicsConfig(cli: Cli, options: TopicsOptions): Promise<Config> {
  const { partitions, replicationFactor } = options
  return loadSettings(cli, {
    ...brokersOverride(options),
    ...(partitions === undefined ? {} : { partitions }),
    ...(replicationFactor === undefined ? {} : { replicationFactor }),
  })
}

function countOption(flag: string, description: string, max: number): Option {
  return new Option(`${flag} <number>`, description).argParser(wholeNumber(1, max))
}

function printApplied(cli: Cli, { topics, schemas }: TopicsApplied, output: OutputFormat): void {
  const { out } = cli.screen
  if (output === 'json') {
    printJson(out, { topics, schemas })
    return
  }
  printLines(out, renderTable(topicColumns, topics, out.paint))
  if (schemas.length > 0) printLines(out, ['', ...renderTable(schemaColumns, schemas, out.paint)])
}

const topicColumns: readonly Column<TopicReport>[] = [
  { title: 'topic', cell: ({ name }) => name },
  {
    title: 'state',
    cell: ({ state }) => state,
    style: ({ state }, text, paint) => (state === 'missing' ? paint('red', text) : text),
  },
  { title: 'partitions', align: 'right', cell: ({ partitions }) => String(partitions) },
  {
    title: 'replicas',
    align: 'right',
    cell: ({ replicationFactor }) => (replicationFactor < 0 ? '' : String(replicationFactor)),
  },
  {
    title: 'differs in',
    cell: ({ differences }) =>
      differences.map(({ setting, found, wanted }) => `${setting}: ${found}, not ${wanted}`).join('; '),
    style: (_, text, paint) => paint('yellow', text),
  },
]

const schemaColumns: readonly Column<RegisteredSchema>[] = [
  { title: 'schema', cell: ({ subject }) => subject },
  { title: 'id', align: 'right', cell: ({ id }) => String(id) },
  { title: 'state', cell: ({ outcome }) => outcome },
]

const ABOUT_APPLY = `
Changes nothing that exists; safe to run again and on several machines at once. Topics that can't be used as they are
(another number of partitions) are named, and then nothing is created.

Example:
  $ datajob topics apply --partitions 12 --replication-factor 3`
