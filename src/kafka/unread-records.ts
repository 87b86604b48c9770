/**
 * Finds readers that no longer read, though there is something to read: a client library may lose a connection, a partition or
 * itself without a word. And those that wait for records behind the end of a topic, which was made anew under its name. Kafka is asked
 * seldom, and over connections of its own.
 */
import type { KafkaAdmin, KafkaClient, PartitionReader, Position } from './port.ts'

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
  #admin: KafkaAdmin | null = null
  #reader: PartitionReader | null = null
  // Where each reading stood when Kafka was asked last, and which of that could have been read on.
  #stood = new Map<Reading, ReadonlyMap<string, number>>()
  #unread = new Map<Reading, Unread>()

  constructor(kafka: Pick<KafkaClient, 'admin' | 'partitionReader'>) {
    this.#kafka = kafka
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
