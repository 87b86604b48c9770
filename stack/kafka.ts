import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { StackError } from './errors.ts'
import type { Installation } from './install.ts'
import { launch, stackMark, untilReady } from './processes.ts'

export interface KafkaOptions {
  /** The stack's folder; the broker keeps all in the folder of its name inside. */
  readonly folder: string
  /** `kafka` for the first node, another name for each extra broker. */
  readonly name: string
  readonly installation: Installation
  readonly nodeId: number
  readonly port: number
  /** Where the controller listens. The node with id 1 is the controller, extra brokers join it. */
  readonly controllerPort: number
  /** Needed for an extra broker: `cluster.id` in the first one's meta.properties. */
  readonly clusterId?: string
  /** More broker settings; they win over ours. */
  readonly properties?: Readonly<Record<string, string | number | boolean>>
}

const controllerId = 1

/**
 * Starts a KRaft node on 127.0.0.1 and waits until it serves requests; answers its pid. A node whose data folder is there
 * starts with that data, also after a `kill -9`. Throws a StackError `server-failed` with the end of its log.
 */
export async function startKafka(options: KafkaOptions): Promise<number> {
  const cwd = join(options.folder, options.name)
  const dataFolder = join(cwd, 'data')
  const config = join(cwd, 'server.properties')
  mkdirSync(join(cwd, 'tmp'), { recursive: true })
  writeFileSync(config, renderProperties({ ...kafkaProperties(options, dataFolder), ...options.properties }))
  if (!existsSync(join(dataFolder, 'meta.properties'))) await format(options, config)
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
      ...kafkaJvmArgs(options, cwd),
      stackMark(options.folder, options.name),
      'kafka.Kafka',
      config,
    ],
  })
  const answers = (): Promise<boolean> => kafkaAnswers(options.port)
  await untilReady({ name: options.name, launched, logFile, waitMsMax: 60_000, answers })
  return launched.pid
}

/** True when the broker on that port answers a Metadata request and knows of a broker that is up. */
export function kafkaAnswers(port: number, host = '127.0.0.1'): Promise<boolean> {
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
      const brokersAt = 8
      if (received.length >= brokersAt + 4) finish(received.readInt32BE(brokersAt) > 0)
    })
  })
}

/** Metadata v1 for no topics: size, key 3, version 1, correlation 0, no client id, an empty list. */
function metadataRequest(): Buffer {
  return Buffer.from('0000000e' + '0003' + '0001' + '00000000' + 'ffff' + '00000000', 'hex')
}

/** The settings of a node: sized for one machine, quick to start, to fail over and to come back after a crash. */
export function kafkaProperties(
  options: Pick<KafkaOptions, 'nodeId' | 'port' | 'controllerPort'>,
  dataFolder: string,
): Record<string, string | number | boolean> {
  const isController = options.nodeId === controllerId
  const client = `CLIENT://127.0.0.1:${options.port}`
  const controller = `CONTROLLER://127.0.0.1:${options.controllerPort}`
  return {
    'process.roles': isController ? 'broker,controller' : 'broker',
    'node.id': options.nodeId,
    'controller.quorum.voters': `${controllerId}@127.0.0.1:${options.controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'CLIENT',
    'listener.security.protocol.map': 'CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    listeners: isController ? `${client},${controller}` : client,
    'advertised.listeners': client,
    'log.dirs': dataFolder,
    'auto.create.topics.enable': false,
    'default.replication.factor': 1,
    'min.insync.replicas': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
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

/** A new cluster id: 16 random bytes in base64url. One that starts with a dash is an option to Kafka's tools. */
export function newClusterId(): string {
  const id = randomBytes(16).toString('base64url')
  return id.startsWith('-') ? `A${id.slice(1)}` : id
}

async function format(options: KafkaOptions, config: string): Promise<void> {
  const args = [
    '-Xmx128m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    ...kafkaJvmArgs(options, join(options.folder, options.name)),
    stackMark(options.folder, `${options.name}-format`),
    'kafka.tools.StorageTool',
    'format',
    '--ignore-formatted',
    '--cluster-id',
    options.clusterId ?? newClusterId(),
    '--config',
    config,
  ]
  try {
    await promisify(execFile)(options.installation.java, args, { timeout: 60_000 })
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new StackError('server-failed', `Kafka's storage could not be formatted: ${why}`, { cause: error })
  }
}

function kafkaJvmArgs(options: KafkaOptions, cwd: string): string[] {
  return [
    `-Djava.io.tmpdir=${join(cwd, 'tmp')}`,
    `-Dlog4j2.configurationFile=${join(import.meta.dirname, 'log4j2.properties')}`,
    `-Ddatajob.log=${join(cwd, `${options.name}.log`)}`,
    '-cp',
    join(options.installation.libraries, 'kafka', '*'),
  ]
}
