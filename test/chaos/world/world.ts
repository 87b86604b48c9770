/** What a chaos run happens to: servers, service processes with their supervisors, producers, and clients. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Codec, createCodec } from '../../../src/codec/codec.ts'
import { systemClock } from '../../../src/runtime/clock.ts'
import { ensureStack, type StackOptions, stopStack } from '../../../stack/stack.ts'
import { QUICK_SESSIONS } from '../../harness/chaos.ts'
import { CallbackReceiver } from '../../harness/callback-receiver.ts'
import type { Exit } from '../../harness/children.ts'
import { FaultProxy } from '../../harness/fault-proxy.ts'
import { Installation, type SimulatedProducer, type StackAddresses } from '../../harness/installation.ts'
import { KafkaProxy } from '../../harness/kafka-proxy.ts'
import { FAILING_CELLS, handlesOf } from '../../harness/planned-job.ts'
import type { TopicLog } from '../../harness/topic-log.ts'
import { ChaosClient } from './chaos-client.ts'
import type { JobPlaces } from './chaos-job.ts'
import { answerOf, ExecutionClient } from './execution-client.ts'
import type { PoisonRecord } from './poison.ts'
import { ServiceSlot } from './service-slot.ts'
import { ODD_SERVICE, oddHandles, UnreliablePlugin } from './unreliable-plugin.ts'

export interface WorldOptions {
  readonly brokers: 1 | 3
  readonly processes: number
  readonly say: (line: string) => void
}

const CALLBACK_SECRET = 'what-callbacks-of-chaos-are-signed-with'

/** Small limits, so that what they bound is reached; short waits, so that a round ends. */
const SETTINGS = {
  ...QUICK_SESSIONS,
  DATAJOB_SUBJOB_OPERATIONS_MAX: '100',
  DATAJOB_OPERATIONS_MEMORY_BYTES_MAX: String(256 * 1024),
  // Ten of at most a second each are at times used up within an outage of a producer, and as often by one that fails now and then.
  DATAJOB_ATTEMPTS_MAX: '20',
  DATAJOB_CALL_TIMEOUT_MS: '1500',
  DATAJOB_CALL_FAILURES_MAX: '1',
  DATAJOB_RESULT_TIMEOUT_MS: '3000',
  DATAJOB_RETRY_DELAY_MIN_MS: '100',
  DATAJOB_RETRY_DELAY_MAX_MS: '1000',
  DATAJOB_POLL_DELAY_MAX_MS: '1000',
  DATAJOB_CANCEL_TIMEOUT_MS: '3000',
  DATAJOB_CALLBACK_ALLOWED_ADDRESSES: '127.0.0.1',
  DATAJOB_CALLBACK_SECRET: CALLBACK_SECRET,
  DATAJOB_CALLBACK_TIMEOUT_MS: '1500',
  DATAJOB_CALLBACK_DELAY_MIN_MS: '100',
  DATAJOB_CALLBACK_DELAY_MAX_MS: '1000',
} as const

const READY_MS_MAX = 180_000
// EX_TEMPFAIL (src/cli/exit-codes.ts): nothing is wrong with the next process.
const STUCK = 75
const TRUE_SERVICES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  quick: { 'delay-ms': '20..300', 'fail-operations': FAILING_CELLS },
  slow: { 'delay-ms': '1000..5000', 'latency-ms': '100', 'fail-operations': FAILING_CELLS },
  failing: { 'delay-ms': '50..800', 'fail-operations': FAILING_CELLS, 'fail-submits': '0.15', 'fail-status': '0.05' },
}

/** What stands between the service processes and others. Clients and judges have links of their own. */
interface Wires {
  readonly kafka: KafkaProxy
  readonly registry: FaultProxy
  readonly registryPath: string
  readonly store: FaultProxy
  /** The first of the producers. */
  readonly producer: FaultProxy
}

interface Parts {
  readonly options: WorldOptions
  readonly folder: string
  readonly stack: StackOptions
  readonly installation: Installation
  readonly codec: Codec
  readonly bucket: string
  readonly deadLetters: TopicLog
  readonly plugin: UnreliablePlugin
  readonly receiver: CallbackReceiver
  readonly producers: readonly SimulatedProducer[]
  readonly wires: Wires
}

export class World {
  readonly options: WorldOptions
  readonly folder: string
  readonly stack: StackOptions
  readonly installation: Installation
  readonly codec: Codec
  readonly client: ChaosClient
  readonly executions: ExecutionClient
  /** Where executions are told of. */
  readonly receiver: CallbackReceiver
  readonly slots: readonly ServiceSlot[]
  readonly producers: readonly SimulatedProducer[]
  readonly wires: Wires
  readonly bucket: string
  readonly deadLetters: TopicLog
  /** Written by faults since the last judgement. */
  readonly poison: PoisonRecord[] = []
  /** Processes that ended though nobody asked them to, since the last judgement. */
  readonly endings: string[] = []
  readonly #plugin: UnreliablePlugin

  private constructor(parts: Parts) {
    const { options, installation, codec, wires } = parts
    this.options = options
    this.folder = parts.folder
    this.stack = parts.stack
    this.installation = installation
    this.codec = codec
    this.bucket = parts.bucket
    this.deadLetters = parts.deadLetters
    this.producers = parts.producers
    this.wires = wires
    this.#plugin = parts.plugin
    this.receiver = parts.receiver
    const ended = (slot: ServiceSlot, exit: Exit, wasAsked: boolean): void => {
      this.#ended(slot, exit, wasAsked)
    }
    this.slots = Array.from({ length: options.processes }, (_, n) => {
      return new ServiceSlot(`service-${n}`, installation, { ended, settings: settingsBy(wires) })
    })
    this.client = new ChaosClient({ installation, slots: this.slots, codec })
    this.executions = new ExecutionClient({ installation, slots: this.slots, receiver: this.receiver })
  }

  /** Starts everything; resolves once all of it is ready. */
  static async open(options: WorldOptions): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'datajob-chaos-world-'))
    const stackFolder = join(folder, 'stack')
    mkdirSync(stackFolder)
    const { PATH, HOME } = process.env
    const stack: StackOptions = { folder: stackFolder, lifetime: 'process', brokers: options.brokers, env: { PATH, HOME } }
    const addresses = await ensureStack({ ...stack, say: options.say })
    const installation = await Installation.open('chaos', addresses, SETTINGS)
    const registry = { url: addresses.registryUrl, requestTimeoutMs: 5_000, retriesMax: 3 }
    const codec = await createCodec(registry, { schemas: 'register', clock: systemClock })
    const bucket = await installation.bucket('objects')
    const deadLetters = await installation.follow(`${installation.prefix}dead-letters`)
    const plugin = await UnreliablePlugin.start()
    const receiver = await CallbackReceiver.open(CALLBACK_SECRET)
    receiver.answer = answerOf
    const producers: SimulatedProducer[] = []
    for (const [name, flags] of Object.entries(TRUE_SERVICES)) producers.push(await installation.producer(name, flags))
    const wires = await wiresTo(addresses, producers[0]?.url ?? '')
    const servers = { plugin, receiver, producers, wires }
    const world = new World({ options, folder, stack, installation, codec, bucket, deadLetters, ...servers })
    await world.#start()
    return world
  }

  get places(): Omit<JobPlaces, 'topic'> {
    return { bucket: this.bucket, services: Object.keys(TRUE_SERVICES) }
  }

  /** Waits until every process has its lanes. */
  async ready(waitMsMax: number): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.ready(waitMsMax)))
  }

  /** Between rounds: nothing of what has ended is needed any more. */
  forget(): void {
    this.#plugin.forget()
    this.receiver.received.length = 0
    this.poison.length = 0
    this.endings.length = 0
  }

  async close({ keepFiles = false } = {}): Promise<void> {
    await this.client.close()
    await Promise.all(this.slots.map((slot) => slot.end()))
    await this.installation.close({ keepFiles })
    await this.#plugin.close()
    await this.receiver.close()
    const { kafka, registry, store, producer } = this.wires
    await Promise.all([kafka, registry, store, producer].map((wire) => wire.close()))
    await stopStack({ ...this.stack, discard: !keepFiles })
    if (!keepFiles) rmSync(this.folder, { recursive: true, force: true })
  }

  async #start(): Promise<void> {
    for (const slot of this.slots) slot.start()
    await this.ready(READY_MS_MAX)
    const client = this.slots[0]?.client
    if (client === null || client === undefined) throw new Error('broken invariant: a service is ready and gone')
    for (const { name, url } of this.producers) {
      await client.registerService(name, name === this.producers[0]?.name ? `http://${this.wires.producer.address}` : url)
      await client.registerHandles(name, handlesOf(name))
    }
    await client.registerService(ODD_SERVICE, this.#plugin.url)
    await client.registerHandles(ODD_SERVICE, oddHandles)
    await this.client.connect()
  }

  #ended(slot: ServiceSlot, { code, signal }: Exit, wasAsked: boolean): void {
    if (wasAsked) return
    const how = signal ?? `code ${code ?? 'unknown'}`
    this.options.say(`${slot.name} ended with ${how}`)
    // A failpoint kills by SIGKILL, and the watchdog ends what stands still.
    if (signal !== 'SIGKILL' && code !== STUCK) this.endings.push(`${slot.name} ended by itself with ${how}`)
  }
}

async function wiresTo({ kafkaBrokers, registryUrl, s3Endpoint }: StackAddresses, producerUrl: string): Promise<Wires> {
  const [kafka, registry, store, producer] = await Promise.all([
    KafkaProxy.start(kafkaBrokers),
    ...[registryUrl, s3Endpoint, producerUrl].map((url) => FaultProxy.start({ target: new URL(url).host })),
  ])
  if (registry === undefined || store === undefined || producer === undefined) throw new Error('broken invariant: four are started')
  return { kafka, registry, store, producer, registryPath: new URL(registryUrl).pathname }
}

function settingsBy({ kafka, registry, registryPath, store }: Wires): Readonly<Record<string, string>> {
  return {
    DATAJOB_KAFKA_BROKERS: kafka.brokers,
    DATAJOB_REGISTRY_URL: `http://${registry.address}${registryPath}`,
    DATAJOB_S3_ENDPOINT: `http://${store.address}`,
  }
}
