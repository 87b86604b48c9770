import type { Random } from '../../src/runtime/random.ts'
import type { FaultProxy } from './fault-proxy.ts'
import { HttpProxy } from './http-proxy.ts'
import type { StackAddresses } from './installation.ts'
import { KafkaProxy } from './kafka-proxy.ts'

/** A proxy before each server that a service calls. Tests themselves go past them. */
export class Network {
  readonly kafka: KafkaProxy
  readonly s3: HttpProxy
  readonly registry: HttpProxy
  readonly plugins: HttpProxy[] = []
  readonly #random: Random

  private constructor(parts: Pick<Network, 'kafka' | 's3' | 'registry'>, random: Random) {
    this.kafka = parts.kafka
    this.s3 = parts.s3
    this.registry = parts.registry
    this.#random = random
  }

  /** @param random decides which requests rules hit, and on jitter */
  static async open(stack: StackAddresses, random: Random): Promise<Network> {
    const [kafka, s3, registry] = await Promise.all([
      KafkaProxy.start(stack.kafkaBrokers, random),
      HttpProxy.start(stack.s3Endpoint, random),
      HttpProxy.start(stack.registryUrl, random),
    ])
    return new Network({ kafka, s3, registry }, random)
  }

  /** What a service is started with to find the proxies instead of the servers. */
  get settings(): Readonly<Record<string, string>> {
    return {
      DATAJOB_KAFKA_BROKERS: this.kafka.brokers,
      DATAJOB_S3_ENDPOINT: this.s3.url,
      DATAJOB_REGISTRY_URL: this.registry.url,
    }
  }

  /** Puts a proxy before a plugin; answers the address to register it with. */
  async plugin(url: string): Promise<string> {
    const proxy = await HttpProxy.start(url, this.#random)
    this.plugins.push(proxy)
    return proxy.url
  }

  /** Links that clients spoke something else on than the proxies understand. None is to be expected. */
  get problems(): readonly string[] {
    return [...this.kafka.problems, ...this.#links().flatMap(({ problems }) => problems)]
  }

  async heal(): Promise<void> {
    await Promise.all([this.kafka, ...this.#http()].map((proxy) => proxy.heal()))
  }

  async close(): Promise<void> {
    await Promise.all([this.kafka, ...this.#http()].map((proxy) => proxy.close()))
  }

  #http(): readonly HttpProxy[] {
    return [this.s3, this.registry, ...this.plugins]
  }

  #links(): readonly FaultProxy[] {
    return this.#http().map(({ link }) => link)
  }
}
