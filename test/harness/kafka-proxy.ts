import { type Random, seededRandom } from '../../src/runtime/random.ts'
import { FaultProxy, type ProxyCounts } from './fault-proxy.ts'
import type { Faults } from './link-faults.ts'
import type { Inspector, Passage } from './faulty-link.ts'
import { type Addresses, FrameReader, type KafkaApi, nameOf, readRequestHeader, withAddresses } from './kafka-frames.ts'

/** What becomes of the answer to a request that the broker has executed. */
export type Fate =
  /** It never comes; the connection stays as it is. */
  | 'lost'
  /** The connection is reset instead. */
  | 'reset'
  /** It comes that much later, and so does all that follows on the connection. */
  | { readonly delayMs: number }

export interface ReplyRule {
  readonly apis: readonly KafkaApi[]
  readonly fate: Fate
  /** Holds for so many requests; for all of them by default. */
  readonly times?: number
  /** Of a request to be hit, 1 by default. */
  readonly chance?: number
}

/** A rule that holds until it is ended. */
export interface RunningRule {
  /** Answers that it has met with so far. */
  readonly hits: number
  end(): void
}

/**
 * A proxy in front of each broker of a cluster. Clients that begin with its addresses are told no others: what the brokers say
 * about where they and the coordinators are is rewritten. A client that speaks newer versions of those answers than we do is
 * reset, and named in {@link problems}.
 */
export class KafkaProxy {
  readonly #addresses = new Map<string, string>()
  readonly #rules = new Set<Rule>()
  readonly #random: Random
  #links: readonly FaultProxy[] = []

  private constructor(random: Random) {
    this.#random = random
  }

  /** @param brokers all of the cluster, `host:port`, separated by commas, as they advertise themselves */
  static async start(brokers: string, random: Random = seededRandom(1)): Promise<KafkaProxy> {
    const proxy = new KafkaProxy(random)
    const targets = brokers.split(',')
    const inspect = (reset: () => void): Inspector => new Conversation(proxy.#addresses, (api) => proxy.#judge(api), reset)
    proxy.#links = await Promise.all(targets.map((target) => FaultProxy.start({ target, random, inspect })))
    targets.forEach((target, index) => proxy.#addresses.set(target, proxy.#links[index]?.address ?? ''))
    return proxy
  }

  /** `host:port` for clients, separated by commas, in the order of the brokers. */
  get brokers(): string {
    return this.#links.map(({ address }) => address).join()
  }

  /** The link to each broker, in their order. */
  get links(): readonly FaultProxy[] {
    return this.#links
  }

  get counts(): ProxyCounts {
    const sum = (name: keyof ProxyCounts): number => this.#links.reduce((total, { counts }) => total + counts[name], 0)
    return { open: sum('open'), opened: sum('opened'), swallowedBytes: sum('swallowedBytes') }
  }

  get problems(): readonly string[] {
    return this.#links.flatMap(({ problems }) => problems)
  }

  /** What is wrong with the links to all brokers from now on. */
  async set(faults: Faults): Promise<void> {
    await Promise.all(this.#links.map((link) => link.set(faults)))
  }

  /** Nothing is wrong any more, and no rule holds. */
  async heal(): Promise<void> {
    this.#rules.clear()
    await this.set({})
  }

  reset(): number {
    return this.#links.reduce((total, link) => total + link.reset(), 0)
  }

  /** The rule that was there first decides where several are met. */
  rule(rule: ReplyRule): RunningRule {
    const running = new Rule(rule, () => this.#rules.delete(running))
    this.#rules.add(running)
    return running
  }

  async close(): Promise<void> {
    await Promise.all(this.#links.map((link) => link.close()))
  }

  #judge(api: KafkaApi): Verdict | null {
    for (const rule of this.#rules) if (rule.applies(api, this.#random)) return rule.verdict()
    return null
  }
}

interface Verdict {
  readonly fate: Fate
  readonly met: () => void
}

class Rule implements RunningRule {
  hits = 0
  readonly end: () => void
  readonly #rule: ReplyRule
  #left: number

  constructor(rule: ReplyRule, end: () => void) {
    this.#rule = rule
    this.#left = rule.times ?? Infinity
    this.end = end
  }

  applies(api: KafkaApi, random: Random): boolean {
    return this.#left > 0 && this.#rule.apis.includes(api) && random() < (this.#rule.chance ?? 1)
  }

  verdict(): Verdict {
    this.#left -= 1
    return {
      fate: this.#rule.fate,
      met: () => {
        this.hits += 1
      },
    }
  }
}

interface Asked {
  readonly api: KafkaApi | null
  readonly version: number
  readonly verdict: Verdict | null
}

/** The requests on one connection that are to be answered, and what becomes of their answers. */
class Conversation implements Inspector {
  readonly #addresses: Addresses
  readonly #judge: (api: KafkaApi) => Verdict | null
  readonly #reset: () => void
  readonly #requests = new FrameReader()
  readonly #replies = new FrameReader()
  readonly #asked = new Map<number, Asked>()

  constructor(addresses: Addresses, judge: (api: KafkaApi) => Verdict | null, reset: () => void) {
    this.#addresses = addresses
    this.#judge = judge
    this.#reset = reset
  }

  up(chunk: Buffer): readonly Passage[] {
    return this.#requests.read(chunk).map((frame) => {
      const { apiKey, version, correlationId } = readRequestHeader(frame)
      const api = nameOf(apiKey)
      this.#asked.set(correlationId, { api, version, verdict: api === null ? null : this.#judge(api) })
      return { bytes: frame }
    })
  }

  down(chunk: Buffer): readonly Passage[] {
    return this.#replies.read(chunk).flatMap((frame) => {
      const correlationId = frame.readInt32BE(4)
      const asked = this.#asked.get(correlationId)
      this.#asked.delete(correlationId)
      if (asked === undefined) throw new Error(`nobody asked for answer ${correlationId}`)
      const bytes = asked.api === null ? frame : withAddresses(frame, asked.api, asked.version, this.#addresses)
      return this.#meet(asked.verdict, bytes)
    })
  }

  #meet(verdict: Verdict | null, bytes: Buffer): readonly Passage[] {
    if (verdict === null) return [{ bytes }]
    verdict.met()
    if (verdict.fate === 'lost') return []
    if (verdict.fate === 'reset') {
      this.#reset()
      return []
    }
    return [{ bytes, delayMs: verdict.fate.delayMs }]
  }
}
