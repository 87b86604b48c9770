import { type KafkaAdmin, KafkaFailure, type Position } from '../../kafka/port.ts'
import { NextAnswer } from '../../runtime/next-answer.ts'

export type TopicAdmin = Pick<KafkaAdmin, 'offsetsAt' | 'endOffsets' | 'topicExists' | 'close'>

// What a time's position is rounded down to, so that subjobs that began together share an answer.
const TIME_STEP_MS = 5_000
const TIMES_MAX = 1_000

/**
 * Where times and ends are in a topic. Many ask at once, so that they share answers. It asks by a connection of its own: a
 * client that has once known a topic which is deleted then is held up by it, whatever it is asked for.
 */
export class TopicOffsets {
  readonly #topic: string
  readonly #connect: () => Promise<TopicAdmin>
  #admin: Promise<TopicAdmin> | null = null
  readonly #times = new Map<number, Promise<readonly Position[]>>()
  readonly #ends = new NextAnswer(() => this.#ask((admin) => admin.endOffsets(this.#topic)))
  #requiring: Promise<void> | null = null

  constructor(topic: string, connect: () => Promise<TopicAdmin>) {
    this.#topic = topic
    this.#connect = connect
  }

  /** Before the first record of that time or later, by some seconds at the most. Rejects with KafkaFailure. */
  at(timestampMs: number): Promise<readonly Position[]> {
    const time = Math.max(0, Math.floor(timestampMs / TIME_STEP_MS) * TIME_STEP_MS)
    const known = this.#times.get(time)
    if (known !== undefined) return known
    if (this.#times.size >= TIMES_MAX) this.#times.clear()
    // An answer stays true: what is written from now on is behind it.
    const asked = this.#ask((admin) => admin.offsetsAt(this.#topic, time))
    this.#times.set(time, asked)
    asked.catch(() => this.#times.delete(time))
    return asked
  }

  /** Throws KafkaFailure `reject` when the topic is not there any more. */
  requireTopic(): Promise<void> {
    this.#requiring ??= this.#requireTopic().finally(() => {
      this.#requiring = null
    })
    return this.#requiring
  }

  /** The ends of all partitions, asked for after the call. Callers that come while a question is on its way share the next one. */
  ends(): Promise<readonly Position[]> {
    return this.#ends.get()
  }

  async close(): Promise<void> {
    const admin = this.#admin
    this.#admin = null
    await admin?.then((opened) => opened.close()).catch(() => undefined)
  }

  // By a new connection: one that knew the topic would take long to see that it is gone.
  async #requireTopic(): Promise<void> {
    await this.close()
    if (await this.#ask((admin) => admin.topicExists(this.#topic))) return
    const details = { code: 'UNKNOWN_TOPIC_OR_PARTITION', disposition: 'reject', topic: this.#topic } as const
    throw new KafkaFailure(`topic ${this.#topic} does not exist any more`, details)
  }

  async #ask<T>(question: (admin: TopicAdmin) => Promise<T>): Promise<T> {
    this.#admin ??= this.#connect().catch((error: unknown) => {
      this.#admin = null
      throw error
    })
    return question(await this.#admin)
  }
}
