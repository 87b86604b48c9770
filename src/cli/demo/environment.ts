/** Everything that the jobs of the demo need: the local stack, topics, producers, the service. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { asEnvironment, type StackEndpoints } from '../../../stack/endpoints.ts'
import { choosePorts } from '../../../stack/ports.ts'
import { endProcesses, findProcesses } from '../../../stack/processes.ts'
import { ensureStack, type ServerStatus, stackStatus, stopStack } from '../../../stack/stack.ts'
import { type Config, loadConfig } from '../../config/config.ts'
import { ROLES, settings } from '../../config/settings.ts'
import { delay } from '../../runtime/clock.ts'
import type { Cli } from '../cli.ts'
import { applyAll } from '../commands/topics.ts'
import { kafkaClient } from '../connections.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'
import { note } from '../options.ts'
import { formatNumberOf } from '../output/units.ts'
import { BucketStore } from '../results/bucket-store.ts'
import { ServiceClient } from '../service/service-client.ts'
import { stackFolder } from '../stack-folder.ts'
import { Children } from './children.ts'
import type { DemoNames } from './demo-jobs.ts'
import {
  DMI_SERVICES,
  type DmiServiceName,
  FAULTY_PATHS,
  FAULTY_SERVICE,
  HANDLES,
  handleOf,
  serviceOf,
} from './network.ts'
import type { Steps } from './steps.ts'

type Environment = Cli['env']

export interface DemoEnvironment {
  readonly endpoints: StackEndpoints
  readonly config: Config
  readonly client: ServiceClient
  readonly store: BucketStore
}

const READ_MODEL = 'read-model'
const READY_MS_MAX = 60_000
const READY_PAUSE_MS = 50
const DESTINATION_PARTITIONS = 3

/** How long producers take for a subjob: long enough to see the bars move. */
const PRODUCER_DELAY_MS = '300..3500'

/** Starts what is not there, and stops what it started. */
export class DemoSetup {
  readonly children: Children
  readonly #cli: Cli
  readonly #names: DemoNames
  readonly #folder: string
  #stack: 'untouched' | 'found' | 'started' = 'untouched'
  #starting: Promise<unknown> = Promise.resolve()

  constructor(cli: Cli, names: DemoNames) {
    this.#cli = cli
    this.#names = names
    this.#folder = join(stackFolder(cli.env), 'demo', names.run)
    this.children = new Children(this.#folder, cli.timers)
  }

  async start(steps: Steps, signal: AbortSignal): Promise<DemoEnvironment> {
    const [endpoints, addresses] = await Promise.all([this.#startStack(steps), this.#startProducers(steps)])
    const env = this.#environment(endpoints)
    const config = configOf(env)
    await steps.run('topics', () => applyTopics(config))
    const store = new BucketStore(config)
    const [client] = await Promise.all([
      this.#startService(steps, env, signal),
      this.#createDestinations(steps, config, store),
    ])
    await steps.run('inventory', () => register(client, addresses))
    return { endpoints, config, client, store }
  }

  /** Stops all that was started; what ran before goes on. `keepLogs` is for whoever looks into a failure. */
  async stop({ keepLogs }: { readonly keepLogs: boolean }): Promise<void> {
    await this.children.stop()
    // A start that was interrupted has to come to its end first, or servers would appear after we are gone.
    await this.#starting.catch(() => undefined)
    const stack = { folder: stackFolder(this.#cli.env), env: this.#cli.env }
    if (this.#stack === 'started' && isUp(await stackStatus(stack))) {
      note(this.#cli, 'stopping the local stack…')
      await stopStack(stack)
    }
    rmSync(keepLogs ? join(this.#folder, READ_MODEL) : this.#folder, { recursive: true, force: true })
  }

  /** The same at once, without asking anyone to finish what is under way. */
  async kill(): Promise<void> {
    this.children.kill()
    if (this.#stack !== 'started') return
    const servers = await findProcesses(stackFolder(this.#cli.env))
    await endProcesses(
      servers.map(({ pid }) => pid),
      0,
    )
  }

  #startStack(steps: Steps): Promise<StackEndpoints> {
    const { env } = this.#cli
    const options = { folder: stackFolder(env), env }
    return steps.run('stack', async (say) => {
      const before = await stackStatus(options)
      this.#stack = isUp(before) ? 'found' : 'started'
      const starting = ensureStack({ ...options, say })
      this.#starting = starting
      const endpoints = await starting
      return {
        text: `${describeEndpoints(endpoints)}${this.#stack === 'found' ? ' (ran already)' : ''}`,
        value: endpoints,
      }
    })
  }

  #startProducers(steps: Steps): Promise<ReadonlyMap<DmiServiceName, string>> {
    return steps.run('producers', async () => {
      const started = DMI_SERVICES.map(async (name, index): Promise<[DmiServiceName, string]> => {
        const faults = name === FAULTY_SERVICE ? ['--fail-operations', FAULTY_PATHS] : []
        const args = [
          'producer',
          'simulate',
          '--name',
          name,
          '--delay-ms',
          PRODUCER_DELAY_MS,
          '--seed',
          String(index + 1),
          ...faults,
        ]
        return [name, urlOf(await this.children.start({ name, args, env: this.#cli.env }))]
      })
      const addresses = new Map(await Promise.all(started))
      const shown = [...addresses].map(([name, url]) => `${name} :${new URL(url).port}`).join(', ')
      return { text: shown, value: addresses }
    })
  }

  #startService(steps: Steps, env: Environment, signal: AbortSignal): Promise<ServiceClient> {
    return steps.run('service', async (say) => {
      const [port = settings.port.fallback] = await choosePorts([settings.port.fallback])
      const args = ['serve', '--roles', ROLES.join(','), '--host', '127.0.0.1', '--port', String(port)]
      const folder = ['--data-folder', join(this.#folder, READ_MODEL)]
      const url = urlOf(await this.children.start({ name: 'serve', args: [...args, ...folder], env }))
      const client = new ServiceClient({ url, token: null })
      say(`${url} listens; its lanes are being restored…`)
      await this.#untilReady(client, signal)
      return { text: `datajob serve on ${url}`, value: client }
    })
  }

  async #untilReady(client: ServiceClient, signal: AbortSignal): Promise<void> {
    const { clock, timers } = this.#cli
    const giveUpAt = clock.now() + READY_MS_MAX
    for (;;) {
      try {
        await client.send({ method: 'GET', path: '/readyz' })
        return
      } catch (error) {
        if (!(error instanceof CommandFailure) || error.exitCode !== ExitCode.Unreachable || clock.now() > giveUpAt)
          throw error
      }
      await delay(timers, READY_PAUSE_MS, signal)
    }
  }

  #createDestinations(steps: Steps, config: Config, store: BucketStore): Promise<undefined> {
    const { topic, bucket } = this.#names
    return steps.run('destinations', async () => {
      const admin = await kafkaClient(config).admin()
      try {
        const spec = { name: topic, partitions: DESTINATION_PARTITIONS, replicationFactor: -1, config: {} }
        await Promise.all([admin.createTopics([spec]), store.create(bucket)])
      } finally {
        await admin.close()
      }
      return { text: `topic ${topic}, bucket ${bucket}`, value: undefined }
    })
  }

  /** The service's settings: those of the environment, but for who may ask it and where it listens. */
  #environment(endpoints: StackEndpoints): Environment {
    const own = { DATAJOB_CLIENT_TOKENS: '', DATAJOB_OPERATOR_TOKENS: '', DATAJOB_API_ROOT: '', DATAJOB_INSECURE: '' }
    return { ...this.#cli.env, ...asEnvironment(endpoints), ...own }
  }
}

/** Whether any server of the stack is there, hung ones too. */
function isUp(servers: readonly ServerStatus[]): boolean {
  return servers.some(({ pid, answers }) => pid !== undefined || answers)
}

/** Hosts are named once where they are the same. */
function describeEndpoints({ kafkaBrokers, registryUrl, s3Endpoint }: StackEndpoints): string {
  const host = kafkaBrokers.split(':')[0] ?? ''
  const short = (url: string): string => (new URL(url).hostname === host ? `:${new URL(url).port}` : new URL(url).host)
  return `Kafka ${kafkaBrokers}, registry ${short(registryUrl)}, S3 ${short(s3Endpoint)}`
}

function configOf(env: Environment): Config {
  const loaded = loadConfig({ env })
  if (loaded.ok) return loaded.config
  throw new CommandFailure(ExitCode.Usage, ['the settings are wrong:', ...loaded.problems].join('\n'))
}

async function applyTopics(config: Config): Promise<{ text: string; value: undefined }> {
  const { topics, schemas } = await applyAll(config)
  const created = topics.filter(({ state }) => state === 'created').length
  const registered = schemas.filter(({ outcome }) => outcome === 'registered').length
  const [all, known] = [formatNumberOf(topics.length, 'topic'), formatNumberOf(schemas.length, 'schema')]
  const text = `${all} (${created} created), ${known} (${registered} registered)`
  return { text, value: undefined }
}

async function register(
  client: ServiceClient,
  addresses: ReadonlyMap<DmiServiceName, string>,
): Promise<{ text: string; value: undefined }> {
  const elements = Array.from({ length: HANDLES }, (_, element) => element)
  await Promise.all(
    [...addresses].map(async ([name, baseUrl]) => {
      const service = JSON.stringify({ baseUrl, contract: 'dataJob' })
      await client.send({ method: 'PUT', path: `/ncmpInventory/v1/dmi/${name}`, body: service })
      const createdCmHandles = elements.filter((element) => serviceOf(element) === name).map(handleOf)
      const handles = JSON.stringify({ dmiPlugin: name, createdCmHandles })
      await client.send({ method: 'POST', path: '/ncmpInventory/v1/ch', body: handles })
    }),
  )
  return {
    text: `${formatNumberOf(addresses.size, 'DMI service')}, ${formatNumberOf(HANDLES, 'handle')}`,
    value: undefined,
  }
}

function urlOf(printed: unknown): string {
  if (typeof printed === 'object' && printed !== null && 'url' in printed && typeof printed.url === 'string')
    return printed.url
  throw new Error(`broken invariant: a process said ${JSON.stringify(printed)} instead of where it listens`)
}
