import { delay, type Timers } from '../../runtime/clock.ts'
import { dispositionOf } from '../error-dispositions.ts'
import { KafkaFailure } from '../port.ts'

const MISSING = 'UNKNOWN_TOPIC_OR_PARTITION'

// A topic that was just created is known to all brokers some milliseconds later; whoever created it knows that it will come,
// and waits for it longer than whoever was only told its name.
const CHECKS_MAX = 4
const CREATED_CHECKS_MAX = 100
const CHECK_INTERVAL_MS = 100

/**
 * Refuses a topic that does not exist before anything is sent to it. kafkajs would ask for its metadata for as long as all of
 * its retries last, and with it everything else in the request would wait.
 */
export class KnownTopics {
  readonly #exists: (topic: string) => Promise<boolean>
  readonly #timers: Timers
  readonly #known = new Map<string, Promise<void>>()

  constructor(exists: (topic: string) => Promise<boolean>, timers: Timers) {
    this.#exists = exists
    this.#timers = timers
  }

  /** Throws KafkaFailure UNKNOWN_TOPIC_OR_PARTITION with the name of the first topic that is not there. */
  async require(topics: Iterable<string>): Promise<void> {
    for (const topic of new Set(topics)) await (this.#known.get(topic) ?? this.#ask(topic))
  }

  /** Waits for topics that the cluster has agreed to create. Throws as {@link require} does when one does not come to be. */
  async awaitCreated(topics: Iterable<string>): Promise<void> {
    for (const topic of topics) await this.#check(topic, CREATED_CHECKS_MAX)
  }

  /**
   * Finds out which of the topics is missing after a failure that says only that one is. If none is, it was one that the
   * producer has written to long ago, and asks about ever since: another producer does not.
   */
  async explain(failure: KafkaFailure, topics: readonly string[]): Promise<KafkaFailure> {
    const { code, message } = failure
    if (code !== MISSING) return failure
    for (const topic of topics) this.#known.delete(topic)
    try {
      await this.require(topics)
    } catch (error) {
      return error instanceof KafkaFailure ? error : failure
    }
    return new KafkaFailure(message, { code, disposition: 'restart', cause: failure })
  }

  // Callers at the same time share one question; only the answer that the topic is there is kept.
  #ask(topic: string): Promise<void> {
    const asked = this.#check(topic, CHECKS_MAX)
    this.#known.set(topic, asked)
    asked.catch(() => {
      if (this.#known.get(topic) === asked) this.#known.delete(topic)
    })
    return asked
  }

  async #check(topic: string, checksMax: number): Promise<void> {
    for (let check = 1; !(await this.#exists(topic)); check += 1) {
      if (check >= checksMax) throw missing(topic)
      await delay(this.#timers, CHECK_INTERVAL_MS)
    }
  }
}

function missing(topic: string): KafkaFailure {
  const details = { code: MISSING, disposition: dispositionOf(MISSING), topic }
  return new KafkaFailure(`topic ${topic} does not exist: create it first`, details)
}
