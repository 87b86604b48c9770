import type { Message } from '../domain/messages.ts'
import type { PublishOptions, StageTopic, Turn } from '../stages/stage.ts'
import type { StageTimer } from '../stages/timer-queue.ts'
import type { InputRecord, OutputRecord } from './port.ts'
import type { TopicNames } from './topics.ts'

/** Turns a message into the bytes of a record's value. */
export type Encode = (message: Message) => Buffer

/** Headers of a dead letter that say where the record came from and why it is here. */
export const DEAD_LETTER_HEADERS = {
  topic: 'datajob_origin_topic',
  partition: 'datajob_origin_partition',
  offset: 'datajob_origin_offset',
  timestamp: 'datajob_origin_timestamp',
  stage: 'datajob_stage',
  cause: 'datajob_cause',
} as const

const CAUSE_LENGTH_MAX = 2_000

/** Where the records of a turn go. */
export interface TurnPlace {
  readonly topics: TopicNames
  readonly changelog: string
  readonly partition: number
  readonly stage: string
  readonly encode: Encode
}

/** Collects what a stage says during one turn, as the records of one transaction. */
export class TurnRecorder<Effect> implements Turn<Effect> {
  readonly now: number
  readonly effects: Effect[] = []
  /** Those that need not wait for the commit. */
  readonly questions: Effect[] = []
  readonly deadLetters: { readonly record: InputRecord; readonly cause: string }[] = []
  /** Timers in the order in which they were set, or were not to ring any more. */
  readonly timers: { readonly timer: StageTimer; readonly at: number | null }[] = []
  readonly #place: TurnPlace
  // State is what is true after the turn: of several changes to a key, only the last is worth writing.
  readonly #stored = new Map<string, Message | null>()
  readonly #jobs = new Map<string, Message | null>()
  readonly #records: OutputRecord[] = []

  constructor(now: number, place: TurnPlace) {
    this.now = now
    this.#place = place
  }

  store(key: string, entry: Message | null): void {
    this.#stored.set(key, entry)
  }

  publish(to: StageTopic, key: string, message: Message | null, options: PublishOptions = {}): void {
    if (to === 'jobs') {
      this.#jobs.set(key, message)
      return
    }
    this.#records.push({ topic: this.#place.topics[to], key, value: this.#encode(message), ...options })
  }

  deliver(records: readonly OutputRecord[]): void {
    for (const record of records) this.#records.push(record)
  }

  deadLetter(record: InputRecord, cause: string): void {
    this.deadLetters.push({ record, cause })
    this.#records.push({
      topic: this.#place.topics.deadLetters,
      key: record.key === null ? null : record.key.toString('utf8'),
      value: record.value,
      headers: {
        ...record.headers,
        [DEAD_LETTER_HEADERS.topic]: record.topic,
        [DEAD_LETTER_HEADERS.partition]: String(record.partition),
        [DEAD_LETTER_HEADERS.offset]: String(record.offset),
        [DEAD_LETTER_HEADERS.timestamp]: String(record.timestampMs),
        [DEAD_LETTER_HEADERS.stage]: this.#place.stage,
        [DEAD_LETTER_HEADERS.cause]: cause.slice(0, CAUSE_LENGTH_MAX),
      },
    })
  }

  start(effect: Effect): void {
    this.effects.push(effect)
  }

  ask(effect: Effect): void {
    this.questions.push(effect)
  }

  wake(timer: StageTimer, at: number): void {
    this.timers.push({ timer, at })
  }

  unset(timer: StageTimer): void {
    this.timers.push({ timer, at: null })
  }

  /** All records of the turn: what others read first, the state behind it last. */
  records(): readonly OutputRecord[] {
    const { topics, changelog, partition } = this.#place
    const state = [
      ...entriesOf(this.#jobs, topics.jobs, partition, (message) => this.#encode(message)),
      ...entriesOf(this.#stored, changelog, partition, (message) => this.#encode(message)),
    ]
    return [...this.#records, ...state]
  }

  #encode(message: Message | null): Buffer | null {
    return message === null ? null : this.#place.encode(message)
  }
}

function entriesOf(
  entries: ReadonlyMap<string, Message | null>,
  topic: string,
  partition: number,
  encode: (message: Message | null) => Buffer | null,
): OutputRecord[] {
  return Array.from(entries, ([key, message]) => ({ topic, key, value: encode(message), partition }))
}
