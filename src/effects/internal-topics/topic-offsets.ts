import { type KafkaAdmin, KafkaFailure, type Position } from '../../kafka/port.ts'

export type TopicAdmin = Pick<KafkaAdmin, 'offsetsAt' | 'endOffsets' | 'topicExists'>

// What a time's position is rounded down to, so that subjobs that began together share an answer.
const TIME_STEP_MS = 5_000
const TIMES_MAX = 1_000

/** Where times and ends are in a topic. Many ask at once, so that they share answers. */
export class TopicOffsets {
  readonly #topic: string
  readonly #admin: TopicAdmin
  readonly #times = new Map<number, Promise<readonly Position[]>>()
  #endsRunning: Promise<readonly Position[]> | null = null
  #endsNext: Promise<readonly Position[]> | null = null

  constructor(topic: string, admin: TopicAdmin) {
    this.#topic = topic
    this.#admin = admin
  }

  /** Before the first record of that time or later, by some seconds at the most. Rejects with KafkaFailure. */
  at(timestampMs: number): Promise<readonly Position[]> {
    const time = Math.max(0, Math.floor(timestampMs / TIME_STEP_MS) * TIME_STEP_MS)
    const known = this.#times.get(time)
    if (known !== undefined) return known
    if (this.#times.size >= TIMES_MAX) this.#times.clear()
    // An answer stays true: what is written from now on is behind it.
    const asked = this.#admin.offsetsAt(this.#topic, time)
    this.#times.set(time, asked)
    asked.catch(() => this.#times.delete(time))
    return asked
  }

  /** Throws KafkaFailure `reject` when the topic is not there any more: to ask that is quick, to ask for its ends is not. */
  async requireTopic(): Promise<void> {
    if (await this.#admin.topicExists(this.#topic)) return
    const details = { code: 'UNKNOWN_TOPIC_OR_PARTITION', disposition: 'reject', topic: this.#topic } as const
    throw new KafkaFailure(`topic ${this.#topic} does not exist any more`, details)
  }

  /** The ends of all partitions, asked for after the call. Callers that come while a question is on its way share the next one. */
  ends(): Promise<readonly Position[]> {
    if (this.#endsRunning === null) return this.#askForEnds()
    this.#endsNext ??= this.#endsRunning.then(
      () => this.#askForEnds(),
      () => this.#askForEnds(),
    )
    return this.#endsNext
  }

  #askForEnds(): Promise<readonly Position[]> {
    this.#endsNext = null
    const asked = this.#admin.endOffsets(this.#topic).finally(() => {
      if (this.#endsRunning === asked) this.#endsRunning = null
    })
    this.#endsRunning = asked
    return asked
  }
}
