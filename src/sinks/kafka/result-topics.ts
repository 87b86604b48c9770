/** What is known of clients' topics: whether they are there, how large a record they take, and which of them take none. */
import { type KafkaAdmin, KafkaFailure } from '../../kafka/port.ts'
import type { Clock } from '../../runtime/clock.ts'
import { KnownDestinations } from '../known-destinations.ts'
import { SinkFailure } from '../sink.ts'

export interface ResultTopic {
  /** Its max.message.bytes; null where we may not know. */
  readonly batchBytesMax: number | null
}

export interface TopicRefusal {
  readonly topic: string
  readonly failure: KafkaFailure
  /** Whose turn it was: two refusals of one lane are two tries. */
  readonly lane: string
}

interface Refused {
  readonly at: number
  readonly lanes: ReadonlySet<string>
}

interface Closed {
  readonly until: number
  readonly failure: SinkFailure
}

const MISSING = 'UNKNOWN_TOPIC_OR_PARTITION'
// How long a topic counts as closed. It is short where waiting may help: results wait meanwhile.
const CLOSED_MS = { retry: 5_000, reject: 30_000 } as const
const REFUSALS_MAX = 10_000

/**
 * A record that its topic refuses fails the lane's whole transaction, and everybody's results with it. So what can be known
 * beforehand is asked for; and a topic that refuses all the same is asked about anew, then closed for a while: results for it
 * fail one by one, before they get into a transaction.
 */
export class ResultTopics {
  readonly #admin: Pick<KafkaAdmin, 'describeTopics'>
  readonly #clock: Clock
  readonly #keptMs: number
  readonly #known: KnownDestinations<ResultTopic>
  readonly #refused = new Map<string, Refused>()
  readonly #closed = new Map<string, Closed>()

  constructor(admin: Pick<KafkaAdmin, 'describeTopics'>, options: { keptMs: number; clock: Clock }) {
    this.#admin = admin
    this.#clock = options.clock
    this.#keptMs = options.keptMs
    this.#known = new KnownDestinations((topic) => this.#ask(topic), options)
  }

  /** Throws SinkFailure when it can't be asked for. */
  async isThere(topic: string): Promise<boolean> {
    return (await this.#known.find(topic)) !== null
  }

  /** Throws SinkFailure when it is not there, is closed, or can't be asked for. */
  async require(topic: string): Promise<ResultTopic> {
    const closed = this.#closed.get(topic)
    if (closed !== undefined && closed.until > this.#clock.now()) throw closed.failure
    this.#closed.delete(topic)
    const found = await this.#known.find(topic)
    if (found !== null) return found
    throw new SinkFailure(`topic "${topic}" does not exist`, { disposition: 'reject', code: MISSING })
  }

  /** A transaction failed because of the topic. The lane tries once more with what is known of the topic then. */
  refused({ topic, failure, lane }: TopicRefusal): void {
    this.#known.forget(topic)
    if (failure.code === MISSING) return
    const now = this.#clock.now()
    const before = this.#refused.get(topic)
    const isRecent = before !== undefined && now - before.at < this.#keptMs
    if (isRecent && before.lanes.has(lane)) {
      const disposition = failure.disposition === 'reject' ? 'reject' : 'retry'
      const message = `topic "${topic}" refuses records: ${failure.message}`
      const closing = new SinkFailure(message, { disposition, code: failure.code, cause: failure })
      this.#closed.set(topic, { until: now + CLOSED_MS[disposition], failure: closing })
      this.#refused.delete(topic)
      return
    }
    if (this.#refused.size >= REFUSALS_MAX) this.#refused.clear()
    this.#refused.set(topic, { at: now, lanes: new Set([...(isRecent ? before.lanes : []), lane]) })
  }

  async #ask(topic: string): Promise<ResultTopic | null> {
    try {
      const [described] = await this.#admin.describeTopics([topic])
      if (described === undefined) return null
      const bytes = Number(described.config['max.message.bytes'])
      return { batchBytesMax: Number.isSafeInteger(bytes) ? bytes : null }
    } catch (error) {
      if (!(error instanceof KafkaFailure)) throw error
      if (error.code === MISSING) return null
      // Who may write to a topic need not be allowed to read its settings.
      if (error.code === 'TOPIC_AUTHORIZATION_FAILED') return { batchBytesMax: null }
      const disposition = error.disposition === 'reject' ? 'reject' : 'retry'
      throw new SinkFailure(`topic "${topic}" can't be looked up: ${error.message}`, { disposition, code: error.code, cause: error })
    }
  }
}
