/**
 * Finds readers that no longer read, though there is something to read: a client library may lose a connection, a partition or
 * itself without a word. And topics that are not those that were read, but others of their names: by their ids, or because they end
 * before what was read. Kafka is asked seldom, and over connections of its own.
 */
import type { KafkaAdmin, KafkaClient, PartitionReader, Position, TopicIds } from './port.ts'

export interface Reading {
  readonly name: string
  /** Where it reads next, of each partition that it is to read now. */
  positions(): readonly Position[]
}

export interface Unread {
  readonly position: Position
  /** The offset at which the partition ends, if that is before the position: it is not the topic that was read. Else null. */
  readonly end: number | null
}

export class UnreadRecords {
  readonly #kafka: Pick<KafkaClient, 'admin' | 'partitionReader'>
  readonly #topicIds: TopicIds
  #replaced: readonly string[] = []
  #admin: KafkaAdmin | null = null
  #reader: PartitionReader | null = null
  // Where each reading stood when Kafka was asked last, and which of that could have been read on.
  #stood = new Map<Reading, ReadonlyMap<string, number>>()
  #unread = new Map<Reading, Unread>()

  /** @param topicIds of the topics, from before anything was read of them */
  constructor(kafka: Pick<KafkaClient, 'admin' | 'partitionReader'>, topicIds: TopicIds) {
    this.#kafka = kafka
    this.#topicIds = topicIds
  }

  /** Those in whose place another one is, in the order of their names. */
  get replacedTopics(): readonly string[] {
    return this.#replaced
  }

  /** Looks at all of them; resolves to whether Kafka answered. Never rejects. */
  async ask(readings: readonly Reading[]): Promise<boolean> {
    try {
      const unread = new Map<Reading, Unread>()
      const stood = new Map<Reading, ReadonlyMap<string, number>>()
      const asked = new Map(readings.map((reading) => [reading, reading.positions()]))
      const topics = new Set([...asked.values()].flatMap((positions) => positions.map(({ topic }) => topic)))
      const ends = await this.#endsOf(topics)
      for (const [reading, before] of asked) {
        const positions = reading.positions()
        const first = await this.#firstUnread(positions.filter((at) => this.#isBehind(reading, at, ends)))
        const found = firstBeyond(before, ends) ?? (first === null ? null : { position: first, end: null })
        if (found !== null) unread.set(reading, found)
        stood.set(reading, new Map(positions.map((at) => [keyOf(at), at.offset])))
      }
      this.#unread = unread
      this.#stood = stood
      this.#replaced = await this.#findReplaced()
      return true
    } catch {
      await this.close()
      return false
    }
  }

  /** What the reading has left unread for as long as it is known, if it has; the same while it stands. */
  of(reading: Reading): Unread | null {
    const found = this.#unread.get(reading)
    if (found === undefined) return null
    const { position } = found
    return reading.positions().some((at) => keyOf(at) === keyOf(position) && at.offset === position.offset) ? found : null
  }

  async close(): Promise<void> {
    const [admin, reader] = [this.#admin, this.#reader]
    this.#admin = null
    this.#reader = null
    await Promise.all([admin?.close(), reader?.close()])
  }

  async #endsOf(topics: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
    this.#admin ??= await this.#kafka.admin()
    const admin = this.#admin
    // With nothing to ask about, it is still of interest whether anybody answers.
    if (topics.size === 0) await admin.clusterId()
    const ends = await Promise.all([...topics].map((topic) => admin.endOffsets(topic)))
    return new Map(ends.flat().map((end) => [keyOf(end), end.offset]))
  }

  async #findReplaced(): Promise<readonly string[]> {
    this.#admin ??= await this.#kafka.admin()
    const now = await this.#admin.topicIds([...this.#topicIds.keys()])
    return [...now].filter(([topic, id]) => id !== this.#topicIds.get(topic)).map(([topic]) => topic).sort()
  }

  #isBehind(reading: Reading, at: Position, ends: ReadonlyMap<string, number>): boolean {
    return this.#stood.get(reading)?.get(keyOf(at)) === at.offset && at.offset < (ends.get(keyOf(at)) ?? 0)
  }

  // What is behind the position may be of a transaction that is still open: nobody can read that.
  async #firstUnread(positions: readonly Position[]): Promise<Position | null> {
    for (const at of positions) {
      this.#reader ??= this.#kafka.partitionReader()
      const { nextOffset } = await this.#reader.read(at, { bytesMax: 1 })
      if (nextOffset > at.offset) return at
    }
    return null
  }
}

// The ends are those of later than the positions.
function firstBeyond(positions: readonly Position[], ends: ReadonlyMap<string, number>): Unread | null {
  for (const position of positions) {
    const end = ends.get(keyOf(position))
    if (end !== undefined && end < position.offset) return { position, end }
  }
  return null
}

function keyOf({ topic, partition }: Position): string {
  return `${topic}/${partition}`
}
