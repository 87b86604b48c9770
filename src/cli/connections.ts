/** Where everything is: what options say wins over the environment, and that over the local stack. */
import { Option } from 'commander'
import { asEnvironment, endpointsOf } from '../../stack/endpoints.ts'
import { findProcesses } from '../../stack/processes.ts'
import { readState, serverNames, type ServerName } from '../../stack/state.ts'
import { type Config, loadConfig } from '../config/config.ts'
import { settings } from '../config/settings.ts'
import { createKafkaClient } from '../kafka/kafkajs/client.ts'
import type { KafkaClient } from '../kafka/port.ts'
import type { RegistryAddress } from '../codec/registry.ts'
import type { Cli } from './cli.ts'
import { CommandFailure, ExitCode } from './exit-codes.ts'
import { ServiceClient } from './service/service-client.ts'
import { rememberedService } from './service/service-record.ts'
import { stackFolder } from './stack-folder.ts'

export interface UrlOptions {
  readonly url?: string
}

export interface BrokersOptions {
  readonly brokers?: string
}

export function urlOption(): Option {
  return new Option('--url <url>', 'where the service is (DATAJOB_URL; else the one on this machine)')
}

export function brokersOption(): Option {
  return new Option('--brokers <list>', 'host:port, separated by commas (DATAJOB_KAFKA_BROKERS; else the local stack)')
}

const DEFAULT_URL = 'http://127.0.0.1:8080'

/** Throws a CommandFailure `Usage` for a URL that is none. */
export function serviceClient(cli: Cli, { url }: UrlOptions): ServiceClient {
  const given = url ?? filled(cli.env['DATAJOB_URL'])
  const chosen = given ?? rememberedService(stackFolder(cli.env)) ?? DEFAULT_URL
  if (!/^https?:$/.test(URL.parse(chosen)?.protocol ?? '')) {
    throw new CommandFailure(ExitCode.Usage, `"${chosen}" is not an http or https URL`)
  }
  return new ServiceClient({ url: chosen.replace(/\/+$/, ''), token: filled(cli.env['DATAJOB_TOKEN']) ?? null })
}

/** The environment, with the endpoints of the local stack where it says nothing about them. */
export async function environmentWithStack(cli: Cli): Promise<Cli['env']> {
  const given = Object.fromEntries(Object.entries(cli.env).filter(([, value]) => filled(value) !== undefined))
  const stack = Object.entries(await stackEnvironment(stackFolder(cli.env))).filter(
    // An S3 server and its keys belong together.
    ([name]) => !(name.startsWith('DATAJOB_S3_') && given['DATAJOB_S3_ENDPOINT'] !== undefined),
  )
  return { ...Object.fromEntries(stack), ...given }
}

/** All settings; throws a CommandFailure `Usage` that names everything that is wrong with them. */
export async function loadSettings(cli: Cli, overrides: Partial<Config> = {}): Promise<Config> {
  const loaded = loadConfig({ env: await environmentWithStack(cli), overrides })
  if (loaded.ok) return loaded.config
  throw new CommandFailure(
    ExitCode.Usage,
    ['the settings are wrong:', ...loaded.problems.map((line) => `  ${line}`)].join('\n'),
  )
}

/** What `--brokers` says as a setting. */
export function brokersOverride({ brokers }: BrokersOptions): Partial<Config> {
  if (brokers === undefined) return {}
  const parsed = settings.kafkaBrokers.parse(brokers)
  if (parsed === undefined || parsed.length === 0) {
    throw new CommandFailure(ExitCode.Usage, `--brokers is "${brokers}", but must be host:port, separated by commas`)
  }
  return { kafkaBrokers: parsed }
}

const silent = {
  debug: (): void => undefined,
  info: (): void => undefined,
  warn: (): void => undefined,
}

export function kafkaClient(config: Config): KafkaClient {
  return createKafkaClient({ brokers: config.kafkaBrokers, clientId: `${config.application}.cli`, logger: silent })
}

const REGISTRY_TIMEOUT_MS = 10_000
const REGISTRY_RETRIES_MAX = 3

export function registryAddress({ registryUrl }: Config): RegistryAddress {
  return { url: registryUrl, requestTimeoutMs: REGISTRY_TIMEOUT_MS, retriesMax: REGISTRY_RETRIES_MAX }
}

const variablesOf: Record<ServerName, string> = {
  kafka: 'DATAJOB_KAFKA_',
  registry: 'DATAJOB_REGISTRY_',
  s3: 'DATAJOB_S3_',
}

/** Variables for those servers of the local stack that run. */
async function stackEnvironment(folder: string): Promise<Record<string, string>> {
  const state = readState(folder)
  if (state === undefined) return {}
  const { backend, ports } = state
  const processes = backend === 'docker' ? [] : await findProcesses(folder)
  const running = serverNames.filter(
    (name) => ports[name] !== undefined && (backend === 'docker' || processes.some((found) => found.name === name)),
  )
  const all = asEnvironment(endpointsOf({}, { kafka: 0, registry: 0, s3: 0, ...ports }))
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => running.some((server) => name.startsWith(variablesOf[server]))),
  )
}

function filled(value: string | undefined): string | undefined {
  const trimmed = value?.trim()
  return trimmed === '' ? undefined : trimmed
}
