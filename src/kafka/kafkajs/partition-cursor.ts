import type { Position, TopicPartition } from '../port.ts'

/** What to do with a batch that kafkajs has read: show it from `from` on, or read again from `seek`. */
export type Verdict = { readonly type: 'show'; readonly from: number } | { readonly type: 'seek'; readonly offset: number }

/**
 * Where the reader of one partition stands. kafkajs may still come with a batch that it had read before a seek, or read
 * twice while the partition moved to another broker. A batch that does not fit is asked for once more; when it comes again
 * it is what stands in the log now: after retention, or a topic that was deleted and created anew.
 */
export class PartitionCursor {
  readonly at: TopicPartition
  paused = true
  /** The offset of the next record to show; null until a seek or the first batch, when the group's position counts. */
  next: number | null
  /** Sought, and nothing read since. */
  #isFresh: boolean
  #hasAskedAgain = false

  constructor(at: TopicPartition, next: number | null) {
    this.at = at
    this.next = next
    this.#isFresh = next !== null
  }

  seek(offset: number): void {
    this.next = offset
    this.#isFresh = true
    this.#hasAskedAgain = false
  }

  /** Judges a batch that ends before `nextOffset`. One without records comes unasked, even if it was read before a seek. */
  judge(nextOffset: number, isEmpty: boolean): Verdict {
    const expected = this.next
    const isBehind = expected !== null && nextOffset <= expected
    if (expected !== null && (isBehind || (isEmpty && this.#isFresh)) && !this.#hasAskedAgain) {
      this.#hasAskedAgain = true
      return { type: 'seek', offset: expected }
    }
    this.next = nextOffset
    this.#isFresh = false
    this.#hasAskedAgain = false
    return { type: 'show', from: isBehind ? 0 : (expected ?? 0) }
  }
}

/** The cursors of all partitions that a consumer owns. */
export class PartitionCursors {
  readonly #begin: ReadonlyMap<string, number>
  #cursors = new Map<string, PartitionCursor>()

  /** Where partitions begin that come to be owned for the first time. */
  constructor(begin: readonly Position[] = []) {
    this.#begin = new Map(begin.map((position) => [keyOf(position), position.offset]))
  }

  get(at: TopicPartition): PartitionCursor | undefined {
    return this.#cursors.get(keyOf(at))
  }

  /** Makes exactly these the owned ones, all paused, and gives them. Those that were owned before keep their place. */
  own(assignment: Readonly<Record<string, readonly number[]>>): readonly PartitionCursor[] {
    const places = Object.entries(assignment).flatMap(([topic, partitions]) => partitions.map((partition) => ({ topic, partition })))
    const cursors = places.map((at) => {
      const known = this.#cursors.get(keyOf(at))?.next ?? null
      return new PartitionCursor(at, known ?? this.#begin.get(keyOf(at)) ?? null)
    })
    this.#cursors = new Map(cursors.map((cursor) => [keyOf(cursor.at), cursor]))
    return cursors
  }
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}
