/**
 * How far a lane has taken its inputs. The group has it, committed with each turn; but a group that has had no members for a week
 * forgets (offsets.retention.minutes), and a lane that began at the first record would do once more what is done and forgotten. So
 * each turn writes it into the lane's changelog as well, which is where a lane finds it then (ADR 9).
 */
import type { KafkaAdmin, OutputRecord, Position } from './port.ts'

/** Offsets of the next record to take, by topic. */
export type OffsetsByTopic = ReadonlyMap<string, number>

interface TopicOffset {
  readonly topic: string
  readonly offset: number
}

export interface InputPositionsOptions {
  readonly admin: KafkaAdmin
  readonly groupId: string
  readonly inputs: readonly string[]
  readonly changelog: string
  readonly partition: number
}

const POSITIONS_KEY = '!positions'

/** What an entry of the changelog says of positions; null for one that is about something else. */
export function positionsIn(key: string, value: Buffer | null): OffsetsByTopic | null {
  if (key !== POSITIONS_KEY) return null
  return new Map(Object.entries(JSON.parse(value?.toString('utf8') ?? '{}') as Record<string, number>))
}

export class InputPositions {
  readonly #options: InputPositionsOptions
  readonly #offsets = new Map<string, number>()
  #committed: OffsetsByTopic = new Map()

  constructor(options: InputPositionsOptions) {
    this.#options = options
  }

  async readCommitted(): Promise<void> {
    const { admin, groupId, inputs } = this.#options
    const committed = this.#here(await admin.committedOffsets(groupId, inputs))
    this.#committed = new Map(committed.filter(({ offset }) => offset >= 0).map(({ topic, offset }) => [topic, offset]))
  }

  /**
   * Where to begin, given what the changelog says. What neither it nor the group knows was never read. Returns those positions that
   * one of the two does not know yet.
   */
  async begin(stored: OffsetsByTopic): Promise<readonly TopicOffset[]> {
    for (const topic of this.#options.inputs) {
      const offset = this.#committed.get(topic) ?? (await this.#within(topic, stored.get(topic) ?? 0))
      this.#offsets.set(topic, offset)
    }
    return this.all().filter(({ topic, offset }) => stored.get(topic) !== offset || this.#committed.get(topic) !== offset)
  }

  all(): readonly TopicOffset[] {
    return Array.from(this.#offsets, ([topic, offset]) => ({ topic, offset }))
  }

  /** What a turn that takes its input up to there commits and writes for it. */
  advance(taken: readonly TopicOffset[]): { readonly offsets: readonly Position[]; readonly records: readonly OutputRecord[] } {
    if (taken.length === 0) return { offsets: [], records: [] }
    const { changelog, partition } = this.#options
    for (const { topic, offset } of taken) this.#offsets.set(topic, offset)
    const value = Buffer.from(JSON.stringify(Object.fromEntries(this.#offsets)))
    return {
      offsets: taken.map(({ topic, offset }) => ({ topic, partition, offset })),
      records: [{ topic: changelog, key: POSITIONS_KEY, value, partition }],
    }
  }

  // A topic that ends before the position is another one under the same name.
  async #within(topic: string, stored: number): Promise<number> {
    const { admin } = this.#options
    const start = this.#here(await admin.startOffsets(topic))[0]?.offset ?? 0
    const end = this.#here(await admin.endOffsets(topic))[0]?.offset ?? 0
    return stored > end ? start : Math.max(stored, start)
  }

  #here(positions: readonly Position[]): readonly Position[] {
    return positions.filter(({ partition }) => partition === this.#options.partition)
  }
}
