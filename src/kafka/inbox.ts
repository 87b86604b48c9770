/** What waits for a lane: records in order per topic, completed effects, rung timers. Bounded by pausing the topic. */
import type { InputRecord } from './port.ts'

/** The consumer as a lane sees it: its own partition of each topic. */
export interface LaneInput {
  seek(topic: string, offset: number): void
  pause(topic: string): void
  resume(topic: string): void
}

/** Records and their bytes: what may wait of one topic, or be taken at a time. */
export interface RecordAmount {
  readonly records: number
  readonly bytes: number
}

export interface TopicOffset {
  readonly topic: string
  readonly offset: number
}

interface TopicQueue {
  readonly batches: { records: readonly InputRecord[]; taken: number; readonly nextOffset: number }[]
  /** Where the consumer reads next: records below were offered already. */
  readNext: number
  /** Up to where the lane has taken records. */
  takenNext: number
  waiting: number
  waitingBytes: number
  full: boolean
  throttled: boolean
}

export interface Taken<Completion> {
  readonly records: readonly InputRecord[]
  readonly completions: readonly Completion[]
  /** Positions after this taking, of every topic that moved. */
  readonly offsets: readonly TopicOffset[]
}

export class Inbox<Completion> {
  readonly #input: LaneInput
  readonly #waitingMax: RecordAmount
  readonly #sizeOf: (completion: Completion) => number
  readonly #topics = new Map<string, TopicQueue>()
  readonly #completions: Completion[] = []
  #rung = false
  #closed = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  /** `sizeOf` tells the bytes that a completion brings along. */
  constructor(options: {
    readonly input: LaneInput
    readonly waitingMax: RecordAmount
    readonly sizeOf: (completion: Completion) => number
  }) {
    this.#input = options.input
    this.#waitingMax = options.waitingMax
    this.#sizeOf = options.sizeOf
  }

  /** Begins to read a topic at that offset. */
  open(topic: string, offset: number): void {
    const queue = { batches: [], readNext: offset, takenNext: offset, waiting: 0, waitingBytes: 0, full: false, throttled: false }
    this.#topics.set(topic, queue)
    this.#input.seek(topic, offset)
    this.#input.resume(topic)
  }

  /** Seeks and pauses every topic anew; what the consumer reads again of the rest is recognised by its offset. */
  reposition(): void {
    for (const [topic, queue] of this.#topics) {
      this.#input.seek(topic, queue.readNext)
      if (queue.full || queue.throttled) this.#input.pause(topic)
      else this.#input.resume(topic)
    }
  }

  /** Where the consumer is to read next, of each topic that is not paused. */
  positions(): readonly TopicOffset[] {
    const positions: TopicOffset[] = []
    for (const [topic, { readNext, full, throttled }] of this.#topics) {
      if (!full && !throttled && !this.#closed) positions.push({ topic, offset: readNext })
    }
    return positions
  }

  offer(topic: string, records: readonly InputRecord[], nextOffset: number): void {
    const queue = this.#topics.get(topic)
    if (queue === undefined || this.#closed || nextOffset <= queue.readNext) return
    const fresh = (records[0]?.offset ?? 0) >= queue.readNext ? records : records.filter((each) => each.offset >= queue.readNext)
    queue.readNext = nextOffset
    queue.batches.push({ records: fresh, taken: 0, nextOffset })
    queue.waiting += fresh.length
    for (const record of fresh) queue.waitingBytes += bytesOf(record)
    if (!queue.full && this.#fills(queue, 1)) {
      queue.full = true
      this.#input.pause(topic)
    }
    if (fresh.length > 0) this.#ringBell()
  }

  complete(completion: Completion): void {
    if (this.#closed) return
    this.#completions.push(completion)
    this.#ringBell()
  }

  /** A timer is due. */
  ring(): void {
    this.#rung = true
    this.#ringBell()
  }

  /** Makes the next {@link arrival} throw. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#ringBell()
  }

  close(): void {
    this.#closed = true
    this.#ringBell()
  }

  /** Resolves as soon as there is something to take, or the inbox was closed. */
  async arrival(): Promise<void> {
    while (!this.hasWork()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#failure !== undefined) throw this.#failure.error
    this.#rung = false
  }

  /** Holds a topic back, or lets it go on, for a reason other than its own length. */
  throttle(topic: string, held: boolean): void {
    const queue = this.#topics.get(topic)
    if (queue === undefined || queue.throttled === held) return
    queue.throttled = held
    if (held) {
      this.#input.pause(topic)
      return
    }
    if (!queue.full) this.#input.resume(topic)
    this.#ringBell()
  }

  /**
   * Up to `max` of records, an equal share for each topic, and up to `max` of completions, but at least one of each. Records of
   * a throttled topic stay.
   */
  take(max: RecordAmount): Taken<Completion> {
    const records: InputRecord[] = []
    const offsets: TopicOffset[] = []
    const topics = Math.max(1, this.#topics.size)
    const share = { records: Math.ceil(max.records / topics), bytes: max.bytes / topics }
    for (const [topic, queue] of this.#topics) {
      if (queue.throttled) continue
      const before = queue.takenNext
      takeFrom(queue, share, records)
      if (queue.takenNext > before) offsets.push({ topic, offset: queue.takenNext })
      if (queue.full && !this.#fills(queue, 0.5)) {
        queue.full = false
        this.#input.resume(topic)
      }
    }
    return { records, completions: this.#takeCompletions(max), offsets }
  }

  #takeCompletions(max: RecordAmount): readonly Completion[] {
    let bytes = 0
    const end = this.#completions.findIndex((completion, at) => {
      bytes += this.#sizeOf(completion)
      return at > 0 && (at >= max.records || bytes > max.bytes)
    })
    return this.#completions.splice(0, end === -1 ? this.#completions.length : end)
  }

  #fills(queue: TopicQueue, part: number): boolean {
    const { records, bytes } = this.#waitingMax
    return queue.waiting >= records * part || queue.waitingBytes >= bytes * part
  }

  /** Whether {@link arrival} resolves at once. */
  hasWork(): boolean {
    if (this.#closed || this.#rung || this.#failure !== undefined || this.#completions.length > 0) return true
    for (const queue of this.#topics.values()) if (queue.waiting > 0 && !queue.throttled) return true
    return false
  }

  #ringBell(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}

function takeFrom(queue: TopicQueue, share: RecordAmount, into: InputRecord[]): void {
  let records = 0
  let bytes = 0
  for (let batch = queue.batches[0]; batch !== undefined; batch = queue.batches[0]) {
    for (let next = batch.records[batch.taken]; next !== undefined; next = batch.records[batch.taken]) {
      const size = bytesOf(next)
      if (records > 0 && (records >= share.records || bytes + size > share.bytes)) return
      into.push(next)
      records += 1
      bytes += size
      batch.taken += 1
      queue.waiting -= 1
      queue.waitingBytes -= size
      queue.takenNext = next.offset + 1
    }
    queue.takenNext = batch.nextOffset
    queue.batches.shift()
  }
}

function bytesOf(record: InputRecord): number {
  return (record.value?.length ?? 0) + (record.key?.length ?? 0)
}
