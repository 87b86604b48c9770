/**
 * How far a lane has taken its inputs. The group has it, committed with each turn; but a group that has had no members for a week
 * forgets (offsets.retention.minutes), and a lane that began at the first record would do once more what is done and forgotten. So
 * each turn writes it into the lane's changelog as well, which is where a lane finds it then (ADR 9).
 *
 * A stage may keep records of its first input for later in memory only (Stage.keptFrom). The position then stays before them, so
 * that they are read again after a restart, and the changelog says up to where all others are done with (ADR 10).
 *
 * A position is worth nothing in another topic that was made under the same name: that is begun with its first record. So the
 * changelog says of which topics it speaks.
 */
import type { InputRecord, KafkaAdmin, OutputRecord, Position, TopicIds } from './port.ts'

/** Offsets of the next record to take, by topic. */
export type OffsetsByTopic = ReadonlyMap<string, number>

interface TopicOffset {
  readonly topic: string
  readonly offset: number
}

export interface InputPositionsOptions {
  readonly admin: KafkaAdmin
  readonly groupId: string
  readonly inputs: readonly [string, ...string[]]
  readonly changelog: string
  readonly partition: number
  /** Of the inputs, as they were before anything was read of them. */
  readonly topicIds: TopicIds
}

/** What a changelog says of the inputs; empty where no turn has said so yet. */
export interface StoredPositions {
  readonly offsets: OffsetsByTopic
  readonly topicIds: TopicIds
}

const POSITIONS_KEY = '!positions'
const TOPIC_IDS_KEY = '!topics'
/** Beside the topics: up to where records of the first input were taken, where some before that are kept. No topic's name. */
const TAKEN = '!taken'

/** What the changelog says once it has said this, too; null for an entry that is about something else. */
export function positionsWith(stored: StoredPositions, key: string, value: Buffer | null): StoredPositions | null {
  if (key === POSITIONS_KEY) return { ...stored, offsets: new Map(membersOf<number>(value)) }
  return key === TOPIC_IDS_KEY ? { ...stored, topicIds: new Map(membersOf<string>(value)) } : null
}

function membersOf<Member>(value: Buffer | null): [string, Member][] {
  return Object.entries(JSON.parse(value?.toString('utf8') ?? '{}') as Record<string, Member>)
}

export class InputPositions {
  readonly #options: InputPositionsOptions
  readonly #offsets = new Map<string, number>()
  #committed: OffsetsByTopic = new Map()
  /** What an earlier life of the lane has taken of the first input, though its position is before that. */
  #again = { from: 0, to: 0 }
  /** The next record of the first input, where its position is that of one that is kept. */
  #next = 0
  /** Whether there were turns after the last that was written. */
  #isBehind = false
  /** Whether the changelog has yet to say which topics are read. */
  #isUntold = false

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
  async begin(stored: StoredPositions): Promise<readonly TopicOffset[]> {
    const { inputs, topicIds } = this.#options
    const known = new Map(inputs.filter((topic) => !this.#isAnother(topic, stored)).map((topic) => [topic, stored.offsets.get(topic)]))
    for (const topic of inputs) {
      const committed = known.has(topic) ? this.#committed.get(topic) : undefined
      this.#offsets.set(topic, committed ?? (await this.#within(topic, known.get(topic) ?? 0)))
    }
    const [first] = inputs
    if (known.has(first)) this.#again = { from: known.get(first) ?? 0, to: stored.offsets.get(TAKEN) ?? 0 }
    this.#next = this.#offsets.get(first) ?? 0
    this.#isUntold = [...topicIds].some(([topic, id]) => stored.topicIds.get(topic) !== id)
    if (this.#isUntold) return this.all()
    return this.all().filter(({ topic, offset }) => known.get(topic) !== offset || this.#committed.get(topic) !== offset)
  }

  all(): readonly TopicOffset[] {
    return Array.from(this.#offsets, ([topic, offset]) => ({ topic, offset }))
  }

  /** Whether an earlier life of the lane has taken the record: it is there again for what is kept. */
  wasTaken({ topic, offset }: InputRecord): boolean {
    return topic === this.#options.inputs[0] && offset >= this.#again.from && offset < this.#again.to
  }

  /**
   * Whether a turn that takes its input up to there, and says nothing, need not be written at all: it has only kept what comes behind
   * other records that are kept, and a life that begins again would keep the same. Any turn that is written has it as well.
   */
  skips(taken: readonly TopicOffset[], keptFrom: number | null): boolean {
    const [first] = this.#options.inputs
    if (this.#isUntold) return false
    if (keptFrom === null || keptFrom !== this.#offsets.get(first) || taken.some(({ topic }) => topic !== first)) return false
    this.#next = taken[0]?.offset ?? this.#next
    this.#isBehind = true
    return true
  }

  /** What a turn that takes its input up to there commits and writes for it, if its stage keeps the first input from `keptFrom` on. */
  advance(
    taken: readonly TopicOffset[],
    keptFrom: number | null = null,
  ): { readonly offsets: readonly Position[]; readonly records: readonly OutputRecord[] } {
    const { changelog, partition, inputs } = this.#options
    const [first] = inputs
    this.#next = taken.find(({ topic }) => topic === first)?.offset ?? this.#next
    const position = { topic: first, offset: Math.min(this.#next, keptFrom ?? this.#next) }
    const isNews = this.#isBehind || taken.some(({ topic }) => topic === first) || position.offset !== this.#offsets.get(first)
    this.#isBehind = false
    const moved = [...taken.filter(({ topic }) => topic !== first), ...(isNews ? [position] : [])]
    if (moved.length === 0) return { offsets: [], records: [] }
    for (const { topic, offset } of moved) this.#offsets.set(topic, offset)
    const done = Math.max(this.#next, this.#again.to)
    const entry = { ...Object.fromEntries(this.#offsets), ...(done > position.offset ? { [TAKEN]: done } : {}) }
    const told = this.#isUntold ? [[TOPIC_IDS_KEY, Object.fromEntries(this.#options.topicIds)] as const] : []
    this.#isUntold = false
    return {
      offsets: moved.map(({ topic, offset }) => ({ topic, partition, offset })),
      records: [[POSITIONS_KEY, entry] as const, ...told].map(([key, members]) => {
        return { topic: changelog, key, value: Buffer.from(JSON.stringify(members)), partition }
      }),
    }
  }

  #isAnother(topic: string, stored: StoredPositions): boolean {
    const [before, now] = [stored.topicIds.get(topic), this.#options.topicIds.get(topic)]
    return before !== undefined && now !== undefined && before !== now
  }

  // A topic that ends before the position is another one under the same name: some brokers give topics no ids.
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
