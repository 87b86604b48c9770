import { randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import kafkajs, { Kafka, logLevel } from 'kafkajs'
import { Client } from 'minio'
import { amendKafkajs } from '../../src/kafka/kafkajs/amendments.ts'
import { type Child, Children, type Exit } from './children.ts'
import { ExecProducerProcess } from './exec-producer.ts'
import { handlesOf } from './planned-job.ts'
import { ServiceClient } from './service-client.ts'
import { TopicLog } from './topic-log.ts'
import { until } from './until.ts'

export interface StackAddresses {
  readonly kafkaBrokers: string
  readonly registryUrl: string
  readonly s3Endpoint: string
  readonly s3AccessKey: string
  readonly s3SecretKey: string
}

/** A running `datajob serve`. */
export interface Service {
  readonly child: Child
  readonly client: ServiceClient
}

/** A running `datajob producer simulate`. */
export interface SimulatedProducer {
  readonly child: Child
  readonly name: string
  readonly url: string
}

export interface ServiceOptions {
  /** The processes of a suite share everything but their data folder and what is said here. */
  readonly dataFolder?: string
  readonly roles?: string
  readonly port?: number
  readonly settings?: Readonly<Record<string, string>>
  /** bin/datajob.js of another build. */
  readonly program?: string
  /** Hears of the process before it listens. */
  readonly onSpawn?: (child: Child) => void
}

/** Of each stage topic. */
export const PARTITIONS = 4

/**
 * An installation of datajob of its own on the stack: topics, consumer groups, folders, processes and destinations that no
 * other suite touches. What was started ends with {@link close}.
 */
export class Installation {
  readonly prefix: string
  readonly folder: string
  readonly kafka: Kafka
  readonly s3: Client
  readonly #settings: Readonly<Record<string, string>>
  readonly #children: Children
  readonly #logs: TopicLog[] = []

  private constructor(name: string, stack: StackAddresses, settings: Readonly<Record<string, string>>) {
    const id = `${name}-${randomUUID().slice(0, 8)}`
    this.prefix = `${id}.`
    this.folder = mkdtempSync(join(tmpdir(), `datajob-${id}-`))
    this.#settings = settingsOf(id, this.folder, stack, settings)
    this.#children = new Children(this.folder)
    // kafkajs by itself shows records of some aborted transactions. The port's contract suite holds the correction to that.
    amendKafkajs()
    this.kafka = new Kafka({
      ...{ clientId: id, brokers: stack.kafkaBrokers.split(','), logLevel: logLevel.NOTHING },
      retry: { initialRetryTime: 50, multiplier: 1.5, maxRetryTime: 500, retries: 60 },
    })
    this.s3 = clientOf(stack)
  }

  /** Creates the topics and registers the schemas, as an operator does. */
  static async open(name: string, stack: StackAddresses, settings: Readonly<Record<string, string>> = {}): Promise<Installation> {
    const installation = new Installation(name, stack, settings)
    try {
      await installation.applyTopics()
      return installation
    } catch (error) {
      await installation.close()
      throw error
    }
  }

  /** Creates those of its topics that are not there. */
  async applyTopics(): Promise<void> {
    const applied = this.#children.spawn('topics', ['topics', 'apply', '-o', 'json'], this.#settings)
    const { code } = await applied.exited
    if (code !== 0) throw new Error(`the topics were not created: ${applied.log().join('\n')}`)
  }

  /** What every process of the installation is started with: a command line needs it to find the same topics. */
  get settings(): Readonly<Record<string, string>> {
    return this.#settings
  }

  /** Starts a service; it may still be restoring its lanes. */
  async service(name: string, options: ServiceOptions = {}): Promise<Service> {
    const { dataFolder = join(this.folder, name), roles, port = 0, settings = {}, program, onSpawn } = options
    const args = ['serve', '-o', 'json', '--port', String(port), '--data-folder', dataFolder]
    const all = roles === undefined ? args : [...args, '--roles', roles]
    const child = this.#children.spawn(name, all, { ...this.#settings, ...settings }, program)
    onSpawn?.(child)
    const { url } = (await child.firstLine()) as { readonly url: string }
    return { child, client: new ServiceClient(url) }
  }

  /** Starts a service that is to refuse: how it ended, and what it said. */
  async refusedService(
    name: string,
    settings: Readonly<Record<string, string>>,
  ): Promise<{ readonly exit: Exit; readonly said: string }> {
    const child = this.#children.spawn(name, ['serve', '-o', 'json', '--port', '0'], { ...this.#settings, ...settings })
    const exit = await child.exited
    return { exit, said: child.log().join('\n') }
  }

  async producer(name: string, options: Readonly<Record<string, string>> = {}): Promise<SimulatedProducer> {
    const flags = Object.entries({ port: '0', 'delay-ms': '20..80', ...options, name }).flatMap(([flag, value]) => [`--${flag}`, value])
    const { DATAJOB_KAFKA_BROKERS = '', DATAJOB_STACK_FOLDER = '' } = this.#settings
    const settings = { DATAJOB_KAFKA_BROKERS, DATAJOB_STACK_FOLDER }
    const child = this.#children.spawn(name, ['producer', 'simulate', '-o', 'json', ...flags], settings)
    const { url } = (await child.firstLine()) as { readonly url: string }
    return { child, name, url }
  }

  /** Starts a producer that runs commands, as it is configured; one of the same name takes up what another has left. */
  async execProducer(name: string, config: object): Promise<ExecProducerProcess> {
    const child = this.spawnExecProducer(name, config)
    const { url } = (await child.firstLine()) as { readonly url: string }
    return new ExecProducerProcess(child, url)
  }

  /** The same, without waiting for it to listen. */
  spawnExecProducer(name: string, config: object): Child {
    const folder = join(this.folder, name)
    mkdirSync(folder, { recursive: true })
    const file = join(folder, 'exec.json')
    writeFileSync(file, JSON.stringify({ dataFolder: 'data', ...config }))
    return this.#children.spawn(name, ['producer', 'exec', '--config', file, '-o', 'json'], this.#settings)
  }

  /** Starts a producer, and registers it with everything that plans expect to be behind it. */
  async network(client: ServiceClient, name: string, options: Readonly<Record<string, string>> = {}): Promise<SimulatedProducer> {
    const producer = await this.producer(name, options)
    await client.registerService(name, producer.url)
    await client.registerHandles(name, handlesOf(name))
    return producer
  }

  /** A topic for a client's results, and what a client sees of it. */
  async resultTopic(name: string, config: Readonly<Record<string, string>> = {}, numPartitions = 3): Promise<TopicLog> {
    const topic = `client-${this.prefix}${name}`
    await this.withAdmin(async (admin) => {
      const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }))
      await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions, configEntries }] })
      // The broker knows of it some milliseconds later.
      await until(`${topic} is there`, () => admin.fetchTopicOffsets(topic).catch(() => null))
    })
    return this.follow(topic)
  }

  /** Changes the largest record that the topic takes. */
  async limitTopic(topic: string, maxMessageBytes: number): Promise<void> {
    const configEntries = [{ name: 'max.message.bytes', value: String(maxMessageBytes) }]
    const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries }]
    await this.withAdmin((admin) => admin.alterConfigs({ validateOnly: false, resources }))
  }

  async follow(topic: string): Promise<TopicLog> {
    const log = await TopicLog.open(this.kafka, topic)
    this.#logs.push(log)
    return log
  }

  async bucket(name: string): Promise<string> {
    const bucket = `${this.prefix.replace('.', '-')}${name}`
    await this.s3.makeBucket(bucket)
    return bucket
  }

  async withAdmin<T>(work: (admin: ReturnType<Kafka['admin']>) => Promise<T>): Promise<T> {
    const admin = this.kafka.admin()
    await admin.connect()
    try {
      return await work(admin)
    } finally {
      await admin.disconnect()
    }
  }

  /** Ends all processes that were started here, and forgets their files unless somebody is to look at them. */
  async close({ keepFiles = false } = {}): Promise<void> {
    await this.#children.end()
    await Promise.all(this.#logs.map((log) => log.close()))
    if (!keepFiles) rmSync(this.folder, { recursive: true, force: true })
  }
}

function settingsOf(
  id: string,
  folder: string,
  stack: StackAddresses,
  settings: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return {
    DATAJOB_KAFKA_BROKERS: stack.kafkaBrokers,
    DATAJOB_REGISTRY_URL: stack.registryUrl,
    DATAJOB_S3_ENDPOINT: stack.s3Endpoint,
    DATAJOB_S3_ACCESS_KEY: stack.s3AccessKey,
    DATAJOB_S3_SECRET_KEY: stack.s3SecretKey,
    DATAJOB_APPLICATION: id,
    DATAJOB_TOPIC_PREFIX: `${id}.`,
    DATAJOB_PARTITIONS: String(PARTITIONS),
    // No stack is here: the service does not leave its address for the commands of this machine.
    DATAJOB_STACK_FOLDER: join(folder, 'no-stack'),
    ...settings,
  }
}

function clientOf({ s3Endpoint, s3AccessKey, s3SecretKey }: StackAddresses): Client {
  const { hostname, port, protocol } = new URL(s3Endpoint)
  return new Client({
    ...{ endPoint: hostname, port: Number(port), useSSL: protocol === 'https:' },
    ...{ accessKey: s3AccessKey, secretKey: s3SecretKey, region: 'us-east-1' },
  })
}
