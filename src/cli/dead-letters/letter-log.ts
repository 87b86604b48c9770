/** The dead-letter topic as the commands read it. */
import type { Config } from '../../config/config.ts'
import { type DeadLetter, deadLetterOf, letterIdOf, parseLetterId, redrivenLetterOf } from '../../kafka/dead-letters.ts'
import type { InputRecord, Position } from '../../kafka/port.ts'
import { type TopicNames, topicNames } from '../../kafka/topics.ts'
import type { Timers } from '../../runtime/clock.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'
import { readTopic, type ReadTopicOptions } from '../results/read-topic.ts'

/** Which letters are meant; all when nothing is said. */
export interface LetterFilter {
  /** Milliseconds since the epoch. */
  readonly since?: number
  /** The origin, with the prefix of our topics or without. */
  readonly topic?: string
  /** What the cause holds, in capitals or not. */
  readonly cause?: string
}

/** That a letter was put back: how often, and when last. */
export interface Redriven {
  readonly times: number
  readonly lastMs: number
}

export interface KnownLetter {
  readonly letter: DeadLetter
  readonly redriven: Redriven | null
}

// Letters are written by several machines, whose clocks differ: so much earlier, none has come that counts as later.
const CLOCKS_DIFFER_MS = 60_000
const WINDOW_RECORDS_MIN = 1_000
const WINDOW_GROWTH = 8

export class LetterLog {
  readonly topics: TopicNames
  readonly #kafka: ReadTopicOptions['kafka']
  readonly #timers: Timers
  readonly #prefix: string

  constructor(kafka: ReadTopicOptions['kafka'], timers: Timers, { topicPrefix }: Pick<Config, 'topicPrefix'>) {
    this.topics = topicNames(topicPrefix)
    this.#kafka = kafka
    this.#timers = timers
    this.#prefix = topicPrefix
  }

  matches({ record, origin, cause }: DeadLetter, filter: LetterFilter): boolean {
    if (filter.since !== undefined && record.timestampMs < filter.since) return false
    if (filter.topic !== undefined && ![filter.topic, this.#prefix + filter.topic].includes(origin.topic)) return false
    return filter.cause === undefined || cause.toLowerCase().includes(filter.cause.toLowerCase())
  }

  /** Reads what is there now. Throws a CommandFailure `NotFound` without the topic; KafkaFailure. */
  read(from: readonly Position[], take: (record: InputRecord) => void | Promise<void>): Promise<void> {
    const topic = this.topics.deadLetters
    return readTopic({ kafka: this.#kafka, topic, from, timers: this.#timers, timeoutMs: null, take, isEnough: () => true })
  }

  /** The last letters that the filter lets through, the newest first. Reads no more than the end of a long topic. */
  async last(limit: number, filter: LetterFilter): Promise<readonly KnownLetter[]> {
    const { starts, ends } = await this.#bounds()
    for (let window = Math.max(WINDOW_RECORDS_MIN, 4 * limit); ; window *= WINDOW_GROWTH) {
      const from = ends.map((end) => ({ ...end, offset: Math.max(offsetIn(starts, end), end.offset - window) }))
      const { letters, firstMs } = await this.#newest(from, { limit, filter })
      const isAll = from.every((begin) => begin.offset <= offsetIn(starts, begin))
      const isPastSince = filter.since !== undefined && firstMs < filter.since - CLOCKS_DIFFER_MS
      if (isAll || isPastSince || letters.length >= limit) return letters
    }
  }

  /** What a letter's marks say, read together with it; null when there is no such letter. */
  async get(id: string): Promise<KnownLetter | null> {
    const place = parseLetterId(id)
    if (place === null) return null
    const seen: { letter: DeadLetter | null; redriven: Redriven | null } = { letter: null, redriven: null }
    await this.read([{ topic: this.topics.deadLetters, ...place }], (record) => {
      if (letterIdOf(record) === id) seen.letter = deadLetterOf(record)
      if (redrivenLetterOf(record) === id) seen.redriven = redrivenAgain(seen.redriven, record)
    })
    return seen.letter === null ? null : { letter: seen.letter, redriven: seen.redriven }
  }

  async #newest(
    from: readonly Position[],
    { limit, filter }: { readonly limit: number; readonly filter: LetterFilter },
  ): Promise<{ readonly letters: readonly KnownLetter[]; readonly firstMs: number }> {
    const known = new Map<string, KnownLetter>()
    const firstMs = new Map<number, number>()
    await this.read(from, (record) => {
      if (!firstMs.has(record.partition)) firstMs.set(record.partition, record.timestampMs)
      const letter = deadLetterOf(record)
      if (letter !== null && this.matches(letter, filter)) known.set(letter.id, { letter, redriven: null })
      const marked = known.get(redrivenLetterOf(record) ?? '')
      if (marked !== undefined) {
        known.set(marked.letter.id, { ...marked, redriven: redrivenAgain(marked.redriven, record) })
      }
      const [oldest] = known.keys()
      if (known.size > limit && oldest !== undefined) known.delete(oldest)
    })
    const letters = [...known.values()].reverse().sort((one, other) => other.letter.record.timestampMs - one.letter.record.timestampMs)
    return { letters, firstMs: firstMs.size === 0 ? Infinity : Math.max(...firstMs.values()) }
  }

  async #bounds(): Promise<{ readonly starts: readonly Position[]; readonly ends: readonly Position[] }> {
    const topic = this.topics.deadLetters
    const admin = await this.#kafka.admin()
    try {
      if (!(await admin.topicExists(topic))) throw new CommandFailure(ExitCode.NotFound, `there is no topic ${topic}`)
      return { starts: await admin.startOffsets(topic), ends: await admin.endOffsets(topic) }
    } finally {
      await admin.close()
    }
  }
}

/** What is known once one more mark was read. */
export function redrivenAgain(before: Redriven | null, { timestampMs }: InputRecord): Redriven {
  return { times: (before?.times ?? 0) + 1, lastMs: timestampMs }
}

function offsetIn(positions: readonly Position[], { partition }: Position): number {
  return positions.find((each) => each.partition === partition)?.offset ?? 0
}
