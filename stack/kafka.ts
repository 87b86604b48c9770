import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Installation } from './install.ts'
import { dataFolderOf, isFormatted } from './kafka-storage.ts'
import { launch, stackMark, untilReady } from './processes.ts'
import { type BrokerName, brokerNames } from './state.ts'

export interface KafkaOptions {
  /** The stack's folder; the broker keeps all in the folder of its name inside. */
  readonly folder: string
  readonly name: BrokerName
  readonly installation: Installation
  readonly port: number
  /** Where the controllers listen: one in each broker, in the order of their names. */
  readonly controllerPorts: readonly number[]
}

/** Writes the broker's settings, and makes its storage unless it is there. */
export async function prepareKafka(options: KafkaOptions, makeStorage: (config: string) => Promise<void>): Promise<void> {
  const { cwd, dataFolder, config } = pathsOf(options)
  mkdirSync(join(cwd, 'tmp'), { recursive: true })
  writeFileSync(config, renderProperties(kafkaProperties(options, dataFolder)))
  if (!isFormatted(dataFolder)) await makeStorage(config)
}

/**
 * Starts a KRaft node on 127.0.0.1 and waits until it serves requests; answers its pid. It starts with the data that it has,
 * also after a `kill -9`. Throws a StackError `server-failed` with the end of its log.
 */
export async function startKafka(options: KafkaOptions): Promise<number> {
  const { cwd, config } = pathsOf(options)
  const logFile = join(cwd, `${options.name}.out`)
  const launched = launch({
    name: options.name,
    command: options.installation.java,
    cwd,
    logFile,
    args: [
      '-Xms128m',
      '-Xmx384m',
      '-XX:+UseSerialGC',
      '-XX:+ExitOnOutOfMemoryError',
      ...kafkaJvmArgs(options),
      stackMark(options.folder, options.name),
      'kafka.Kafka',
      config,
    ],
  })
  const answers = (): Promise<boolean> => kafkaAnswers(options.port, '127.0.0.1', nodeIdOf(options.name))
  await untilReady({ name: options.name, launched, logFile, waitMsMax: 60_000, answers })
  return launched.pid
}

/** Node ids begin with 1. */
export function nodeIdOf(name: BrokerName): number {
  return brokerNames.indexOf(name) + 1
}

/**
 * True when the broker on that port answers a Metadata request and knows of a broker that is up: of any, or of the one with
 * that id, which may be itself.
 */
export function kafkaAnswers(port: number, host = '127.0.0.1', nodeId?: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2_000 })
    const finish = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    let received = Buffer.alloc(0)
    socket.once('connect', () => socket.write(metadataRequest()))
    socket.once('timeout', () => {
      finish(false)
    })
    socket.once('error', () => {
      finish(false)
    })
    socket.once('close', () => {
      finish(false)
    })
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      const size = received.length < 4 ? Infinity : received.readInt32BE(0)
      if (received.length >= 4 + size) finish(isUp(received, nodeId))
    })
  })
}

function isUp(answer: Buffer, nodeId: number | undefined): boolean {
  const ids: number[] = []
  let at = 12
  for (let left = answer.readInt32BE(8); left > 0; left -= 1) {
    ids.push(answer.readInt32BE(at))
    const portAt = at + 6 + answer.readInt16BE(at + 4)
    at = portAt + 6 + Math.max(0, answer.readInt16BE(portAt + 4))
  }
  return nodeId === undefined ? ids.length > 0 : ids.includes(nodeId)
}

/** Metadata v1 for no topics: size, key 3, version 1, correlation 0, no client id, an empty list. */
function metadataRequest(): Buffer {
  return Buffer.from('0000000e' + '0003' + '0001' + '00000000' + 'ffff' + '00000000', 'hex')
}

/** The settings of a node: sized for one machine, quick to start, to fail over and to come back after a crash. */
export function kafkaProperties(
  { name, port, controllerPorts }: Pick<KafkaOptions, 'name' | 'port' | 'controllerPorts'>,
  dataFolder: string,
): Record<string, string | number | boolean> {
  const client = `CLIENT://127.0.0.1:${port}`
  const nodeId = nodeIdOf(name)
  const voters = controllerPorts.map((controllerPort, index) => `${index + 1}@127.0.0.1:${controllerPort}`)
  const replicas = controllerPorts.length
  // One broker of three may be away: what is acknowledged is on two.
  const inSync = Math.max(1, replicas - 1)
  return {
    'process.roles': 'broker,controller',
    'node.id': nodeId,
    'controller.quorum.voters': voters.join(),
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'CLIENT',
    'listener.security.protocol.map': 'CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    listeners: `${client},CONTROLLER://127.0.0.1:${controllerPorts[nodeId - 1] ?? 0}`,
    'advertised.listeners': client,
    'log.dirs': dataFolder,
    'auto.create.topics.enable': false,
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    // A controller that was the leader waits that long before it stands for election again, though it is the only voter.
    'controller.quorum.election.timeout.ms': 100,
    // A broker that was killed may register again only after its old session ended.
    'broker.heartbeat.interval.ms': 250,
    'broker.session.timeout.ms': 2_000,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,
    'metric.reporters': '',
  }
}

/** Java's properties format; backslashes (in a path) are doubled. */
export function renderProperties(properties: Readonly<Record<string, string | number | boolean>>): string {
  const lines = Object.entries(properties).map(([key, value]) => `${key}=${String(value).replaceAll('\\', '\\\\')}`)
  return `${lines.join('\n')}\n`
}

/** What every program of Kafka's is started with. */
export function kafkaJvmArgs(options: Pick<KafkaOptions, 'folder' | 'name' | 'installation'>): string[] {
  const { cwd } = pathsOf(options)
  return [
    `-Djava.io.tmpdir=${join(cwd, 'tmp')}`,
    `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'log4j2.properties')}`,
    `-Ddatajob.log=${join(cwd, `${options.name}.log`)}`,
    '-cp',
    join(options.installation.libraries, 'kafka', '*'),
  ]
}

function pathsOf({ folder, name }: Pick<KafkaOptions, 'folder' | 'name'>): Record<'cwd' | 'dataFolder' | 'config', string> {
  const cwd = join(folder, name)
  return { cwd, dataFolder: dataFolderOf(folder, name), config: join(cwd, 'server.properties') }
}
