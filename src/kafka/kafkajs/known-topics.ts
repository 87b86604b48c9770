import { delay, type Timers } from '../../runtime/clock.ts'
import { dispositionOf } from '../error-dispositions.ts'
import { KafkaFailure } from '../port.ts'

// A topic that was just created is known to all brokers some milliseconds later.
const CHECKS_MAX = 4
const CHECK_INTERVAL_MS = 100

/**
 * Refuses a topic that does not exist before anything is sent to it. kafkajs would ask for its metadata for as long as all of
 * its retries last, and with it everything else in the request would wait.
 */
export class KnownTopics {
  readonly #exists: (topic: string) => Promise<boolean>
  readonly #timers: Timers
  readonly #known = new Set<string>()

  constructor(exists: (topic: string) => Promise<boolean>, timers: Timers) {
    this.#exists = exists
    this.#timers = timers
  }

  /** Throws KafkaFailure UNKNOWN_TOPIC_OR_PARTITION with the name of the first topic that is not there. */
  async require(topics: Iterable<string>): Promise<void> {
    for (const topic of new Set(topics)) if (!this.#known.has(topic)) await this.#check(topic)
  }

  /** A topic that was there may have been deleted: the next {@link require} looks again. */
  forget(topics: Iterable<string>): void {
    for (const topic of topics) this.#known.delete(topic)
  }

  async #check(topic: string): Promise<void> {
    for (let check = 1; !(await this.#exists(topic)); check += 1) {
      if (check >= CHECKS_MAX) throw unknown(topic)
      await delay(this.#timers, CHECK_INTERVAL_MS)
    }
    this.#known.add(topic)
  }
}

function unknown(topic: string): KafkaFailure {
  const code = 'UNKNOWN_TOPIC_OR_PARTITION'
  return new KafkaFailure(`topic ${topic} does not exist: create it first`, { code, disposition: dispositionOf(code), topic })
}
