import { portOf } from './endpoints.ts'
import { install, type Installation } from './install.ts'
import { kafkaJvmArgs, type KafkaOptions, nodeIdOf, prepareKafka, startKafka } from './kafka.ts'
import { copyStorage, dataFolderOf, formatStorage } from './kafka-storage.ts'
import { choosePorts } from './ports.ts'
import { endProcesses, findProcesses } from './processes.ts'
import { startRegistry } from './registry.ts'
import { startS3 } from './s3.ts'
import { type BrokerName, brokersOf, controllerOf, isBroker, type NodeName, type StackState } from './state.ts'

export interface JvmContext {
  readonly folder: string
  readonly env: NodeJS.ProcessEnv
  readonly say: (line: string) => void
  /** Chooses the ports of the servers to start and writes them down. */
  readonly choosePorts: () => Promise<StackState['ports']>
}

const title: Record<NodeName, string> = {
  kafka: 'Kafka',
  'kafka-2': 'the second broker',
  'kafka-3': 'the third broker',
  registry: 'the registry',
  s3: 'the S3 server',
}
const attemptsMax = 3

/**
 * Starts servers side by side and answers all ports once each of them answers. If one fails, those started with it are
 * ended; if it failed because someone took its port in the meantime, it is tried again on another.
 */
export async function startServers(context: JvmContext, names: readonly NodeName[]): Promise<StackState['ports']> {
  const installation = await install(context)
  for (let attempt = 1; ; attempt++) {
    const ports = await context.choosePorts()
    const jvm = { folder: context.folder, installation, ports, say: context.say }
    const brokers = startBrokers(jvm, names.filter(isBroker))
    const others = names.filter((name) => !isBroker(name)).map((name) => startOne(jvm, name))
    const outcomes = await Promise.allSettled([brokers, ...others])
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed === undefined) return ports
    const started = (await findProcesses(context.folder)).filter((found) => names.some((name) => found.name === name))
    await endProcesses(started.map(({ pid }) => pid), 0)
    if (attempt === attemptsMax || !(await wasPortTaken(names, ports))) throw failed.reason
  }
}

interface Jvm {
  readonly folder: string
  readonly installation: Installation
  readonly ports: StackState['ports']
  readonly say: (line: string) => void
}

/** All of them at once: a controller answers nobody before most of its kind are there. */
async function startBrokers(jvm: Jvm, names: readonly BrokerName[]): Promise<void> {
  for (const name of names) await prepareKafka(brokerOptions(jvm, name), (config) => makeStorage(jvm, name, config))
  await Promise.all(names.map((name) => startOne(jvm, name)))
}

async function makeStorage({ folder, installation }: Jvm, name: BrokerName, config: string): Promise<void> {
  if (name === 'kafka') await formatStorage(installation.java, kafkaJvmArgs({ folder, name, installation }), config)
  else copyStorage(dataFolderOf(folder, 'kafka'), dataFolderOf(folder, name), nodeIdOf(name))
}

function brokerOptions({ folder, installation, ports }: Jvm, name: BrokerName): KafkaOptions {
  const controllerPorts = brokersOf(ports).map((broker) => portOf(ports, controllerOf(broker)))
  return { folder, installation, name, port: portOf(ports, name), controllerPorts }
}

async function startOne(jvm: Jvm, name: NodeName): Promise<void> {
  const began = performance.now()
  const common = { folder: jvm.folder, installation: jvm.installation, port: portOf(jvm.ports, name) }
  if (isBroker(name)) await startKafka(brokerOptions(jvm, name))
  else if (name === 'registry') await startRegistry(common)
  else await startS3(common)
  jvm.say(`${title[name]} is up on 127.0.0.1:${common.port} (${((performance.now() - began) / 1000).toFixed(1)} s)`)
}

async function wasPortTaken(names: readonly NodeName[], ports: StackState['ports']): Promise<boolean> {
  const used = [...names, ...names.filter(isBroker).map(controllerOf)].map((name) => portOf(ports, name))
  const free = await choosePorts(used)
  return free.some((port, index) => port !== used[index])
}
