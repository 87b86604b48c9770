import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pullImages, removeContainers, startContainers, whyNoDocker, type DockerOptions } from './docker.ts'
import { endpointsOf, type GivenEndpoints, givenEndpoints, type StackEndpoints } from './endpoints.ts'
import { StackError } from './errors.ts'
import { stackHome } from './home.ts'
import { startServers, type JvmContext } from './jvm.ts'
import { withLock } from './lock.ts'
import { ownerId, startWatchdog } from './owner.ts'
import { choosePorts, untilFree } from './ports.ts'
import { untilAnswers, answers } from './probes.ts'
import { endProcesses, findProcesses } from './processes.ts'
import {
  type Backend, brokerNames, brokersOf, controllerOf, isBroker, type NodeName, type PortName, readState, type ServerName,
  serverNames, type StackState, writeState,
} from './state.ts'

export type { StackEndpoints } from './endpoints.ts'
export { asEnvironment } from './endpoints.ts'

export interface StackOptions {
  /** Holds the data, the logs and the state of one stack. Default: `.stack/run` in the project. */
  readonly folder?: string
  /** Throw away the data of earlier runs first; a stack that runs is ended. */
  readonly fresh?: boolean
  /**
   * `detached` (default): the servers stay when this process ends. `process`: they end with it, even if it is killed, and
   * their data goes with them; their ports are arbitrary. A stack that runs already keeps the lifetime it was started with.
   */
  readonly lifetime?: 'detached' | 'process'
  /** Of Kafka; three, of which one may be away, run on the JVM only. Default: as many as the stack has, else one. */
  readonly brokers?: 1 | 3
  /** Gets one line for each thing that a person waiting would like to know. */
  readonly say?: (line: string) => void
  readonly env?: NodeJS.ProcessEnv
}

export interface ServerStatus {
  readonly name: NodeName
  /** `host:port` for Kafka, else an address. */
  readonly endpoint: string | undefined
  /** What carries it; `given` is a server that the environment names. */
  readonly carriedBy: Backend | 'given' | undefined
  readonly pid: number | undefined
  readonly answers: boolean
}

/** The ports a stack has when nobody else has them: those that people expect. */
const usualPorts: Partial<Record<PortName, number>> = { kafka: 9092, registry: 8081, s3: 9000 }

const lockMsMax = 20 * 60_000
const stopGraceMs = 15_000
/** How long a server that is there may take to answer before it is taken for hung and started again. */
const answerMsMax = 10_000
/** How long the system may take to give back the port of a server that ended. */
const releaseMsMax = 3_000

const defaultFolder = join(stackHome, 'run')

interface Context {
  readonly folder: string
  readonly brokers: 1 | 3 | undefined
  readonly lifetime: 'detached' | 'process'
  readonly say: (line: string) => void
  readonly env: NodeJS.ProcessEnv
}

/**
 * Makes sure that Kafka, the registry and the S3 server run, and answers where. What runs is reused, what died is started
 * again on its old port with its data; servers that the environment names (`DATAJOB_KAFKA_BROKERS`, `DATAJOB_REGISTRY_URL`,
 * `DATAJOB_S3_ENDPOINT`) are taken as they are. Safe to call from several processes at once.
 * Throws a StackError whose message says what to do.
 */
export async function ensureStack(options: StackOptions = {}): Promise<StackEndpoints> {
  const context = contextOf(options)
  const given = givenEndpoints(context.env)
  const wanted = serverNames.filter((name) => given[name] === undefined)
  if (wanted.length === 0) return endpointsOf(given, {})
  return underLock(context, async () => {
    if (options.fresh === true) await end(context, true)
    const missing = await missingServers(context, wanted.flatMap((name) => nodesOf(context, name)))
    const ports = missing.length === 0 ? readState(context.folder)?.ports : await start(context, missing)
    return endpointsOf(given, ports ?? {})
  })
}

/** Ends what runs in the folder; `discard` throws its data away as well. Nothing to end is no error. */
export async function stopStack(options: StackOptions & { readonly discard?: boolean } = {}): Promise<void> {
  const context = contextOf(options)
  await underLock(context, () => end(context, options.discard === true))
}

/** What runs, without starting or waiting for anything. */
export async function stackStatus(options: StackOptions = {}): Promise<ServerStatus[]> {
  const context = contextOf(options)
  const given = givenEndpoints(context.env)
  const state = readState(context.folder)
  const processes = await findProcesses(context.folder)
  return Promise.all(
    nodesIn(given, state).map(async (name): Promise<ServerStatus> => {
      const kind = kindOf(name)
      const carriedBy = given[kind] !== undefined ? 'given' : state?.ports[name] === undefined ? undefined : state.backend
      const endpoints = carriedBy === undefined ? undefined : endpointsOf(given, portsOf(name, state?.ports[name] ?? 0))
      return {
        name,
        endpoint: endpoints === undefined ? undefined : endpointOf(endpoints, kind),
        carriedBy,
        pid: processes.find((found) => found.name === name)?.pid,
        answers: endpoints !== undefined && (await answers(endpoints, kind)),
      }
    }),
  )
}

function contextOf(options: StackOptions): Context {
  return {
    folder: resolve(options.folder ?? defaultFolder),
    lifetime: options.lifetime ?? 'detached',
    brokers: options.brokers,
    say: options.say ?? ((): void => undefined),
    env: options.env ?? process.env,
  }
}

/** One lock for all folders: stacks that start at the same time only slow each other down, and no lock files pile up. */
function underLock<T>(context: Context, work: () => Promise<T>): Promise<T> {
  const onWait = (): void => {
    context.say('waiting for another process that starts or stops the stack…')
  }
  return withLock({ file: join(stackHome, 'stack.lock'), waitMsMax: lockMsMax, onWait }, work)
}

/** The wanted servers that have to be started. One that is there but hangs is ended. */
async function missingServers(context: Context, wanted: readonly NodeName[]): Promise<NodeName[]> {
  const state = readState(context.folder)
  const processes = await findProcesses(context.folder)
  const checked = wanted.map(async (name) => {
    const pids = processes.filter((found) => found.name === name).map(({ pid }) => pid)
    const port = state?.ports[name]
    if (port !== undefined && (state?.backend === 'docker' || pids.length > 0)) {
      const endpoints = endpointsOf({}, portsOf(name, port))
      if (await untilAnswers(endpoints, kindOf(name), state?.backend === 'docker' ? 0 : answerMsMax)) return []
    }
    await endProcesses(pids, 0)
    return [name]
  })
  return (await Promise.all(checked)).flat()
}

/** Starts servers where they were before, else on Docker if that works, else on the JVM. Answers all ports. */
async function start(context: Context, missing: readonly NodeName[]): Promise<StackState['ports']> {
  const forced = forcedBackend(context.env)
  const before = readState(context.folder)
  const running = before !== undefined && (await findProcesses(context.folder)).length > 0
  const backend = running ? before.backend : forced
  if (backend !== 'jvm') {
    const onDocker = await startOnDocker(context, missing.filter(isServer), { forced: backend === 'docker', wanted: missing })
    if (onDocker !== undefined) return onDocker
  }
  return startOnJvm(context, missing)
}

async function startOnDocker(
  context: Context,
  missing: readonly ServerName[],
  { forced, wanted }: { readonly forced: boolean; readonly wanted: readonly NodeName[] },
): Promise<StackState['ports'] | undefined> {
  const why = wanted.length > missing.length ? 'three brokers run on the JVM only' : await whyNoDocker(context.env)
  if (why !== undefined) {
    if (forced) throw new StackError('docker-failed', `DATAJOB_STACK=docker, but ${why}`)
    context.say(`${why}: the servers run on the JVM`)
    return undefined
  }
  const ports = await portsFor(context, missing)
  const docker: DockerOptions = { folder: context.folder, env: context.env, ports }
  try {
    context.say('starting Kafka, the registry and the S3 server on Docker…')
    claim(context, 'docker', ports)
    await pullImages(docker, missing)
    await startContainers(docker, missing)
    const endpoints = endpointsOf({}, { kafka: 0, registry: 0, s3: 0, ...ports })
    const ready = await Promise.all(missing.map((name) => untilAnswers(endpoints, name, 90_000)))
    const silent = missing.filter((_, index) => ready[index] === false)
    if (silent.length > 0) throw new StackError('docker-failed', `no answer within 90 s from ${silent.join(', ')}`)
    return ports
  } catch (error) {
    if (forced || !(error instanceof StackError)) throw error
    context.say(`Docker can't run the servers (${error.message}): they run on the JVM`)
    await removeContainers(docker, false).catch(() => undefined)
    return undefined
  }
}

async function startOnJvm(context: Context, missing: readonly NodeName[]): Promise<StackState['ports']> {
  const jvm: JvmContext = {
    folder: context.folder,
    env: context.env,
    say: context.say,
    choosePorts: async () => {
      const ports = await portsFor(context, missing)
      claim(context, 'jvm', ports)
      return ports
    },
  }
  return startServers(jvm, missing)
}

/** Ports for the servers to start: those they had, else the usual ones, else free ones; the others keep theirs. */
async function portsFor(context: Context, missing: readonly NodeName[]): Promise<StackState['ports']> {
  const before = readState(context.folder)?.ports ?? {}
  const names: readonly PortName[] = [...missing, ...missing.filter(isBroker).map(controllerOf)]
  const usual = (name: PortName): number | undefined => (context.lifetime === 'process' ? undefined : usualPorts[name])
  await Promise.all(names.map((name) => untilFree(before[name], releaseMsMax)))
  const wishes = names.map((name) => before[name] ?? usual(name))
  const chosen = await choosePorts(wishes)
  const ports = { ...before }
  names.forEach((name, index) => {
    const port = chosen[index]
    const wish = wishes[index]
    if (port === undefined) return
    ports[name] = port
    if (wish !== undefined && wish !== port && !name.startsWith('controller')) {
      context.say(`port ${wish} is taken: ${name} gets ${port}`)
    }
  })
  return ports
}

/** Writes down what is about to be started and, for a stack that shall end with this process, who owns it. */
function claim(context: Context, backend: Backend, ports: StackState['ports']): void {
  const owner = readState(context.folder)?.owner
  if (context.lifetime === 'detached') {
    writeState(context.folder, { backend, ports, ...(owner === undefined ? {} : { owner }) })
    return
  }
  writeState(context.folder, { backend, ports, owner: ownerId })
  if (owner !== ownerId) startWatchdog(context.folder, context.env)
}

async function end(context: Context, discard: boolean): Promise<void> {
  const state = readState(context.folder)
  if (state?.backend === 'docker') {
    await removeContainers({ folder: context.folder, env: context.env, ports: state.ports }, discard)
  }
  const processes = await findProcesses(context.folder)
  const pids = processes.map(({ pid }) => pid)
  await endProcesses(pids, discard ? 0 : stopGraceMs)
  if (discard) rmSync(context.folder, { recursive: true, force: true })
  else if (state !== undefined) writeState(context.folder, { backend: state.backend, ports: state.ports })
}

/** How many brokers there are is said when the first of them starts. Throws a StackError `bad-setting` for another number. */
function nodesOf(context: Context, name: ServerName): readonly NodeName[] {
  if (name !== 'kafka') return [name]
  const before = brokersOf(readState(context.folder)?.ports ?? {})
  const { brokers = before.length || 1 } = context
  if (before.length > 0 && before.length !== brokers) {
    throw new StackError('bad-setting', `the stack in ${context.folder} has ${before.length} brokers, not ${brokers}: start it fresh`)
  }
  return brokerNames.slice(0, brokers)
}

function nodesIn(given: GivenEndpoints, state: StackState | undefined): readonly NodeName[] {
  const further = given.kafka === undefined ? brokersOf(state?.ports ?? {}).slice(1) : []
  return ['kafka', ...further, 'registry', 's3']
}

function kindOf(name: NodeName): ServerName {
  return isBroker(name) ? 'kafka' : name
}

function isServer(name: NodeName): name is ServerName {
  return kindOf(name) === name
}

/** Ports by which {@link endpointsOf} names this one server of its kind. */
function portsOf(name: NodeName, port: number): StackState['ports'] {
  return { kafka: 0, registry: 0, s3: 0, [kindOf(name)]: port }
}

function forcedBackend(env: NodeJS.ProcessEnv): Backend | undefined {
  const value = env['DATAJOB_STACK']
  if (value === undefined || value === '') return undefined
  if (value === 'jvm' || value === 'docker') return value
  throw new StackError('bad-setting', `DATAJOB_STACK is ${value}: it has to be jvm or docker`)
}

function endpointOf(endpoints: StackEndpoints, name: ServerName): string {
  const { kafkaBrokers, registryUrl, s3Endpoint } = endpoints
  return { kafka: kafkaBrokers, registry: registryUrl, s3: s3Endpoint }[name]
}
