/** What waits for a lane: records in order per topic, completed effects, rung timers. Bounded by pausing the topic. */
import type { InputRecord } from './port.ts'

/** The consumer as a lane sees it: its own partition of each topic. */
export interface LaneInput {
  seek(topic: string, offset: number): void
  pause(topic: string): void
  resume(topic: string): void
}

interface TopicQueue {
  readonly batches: { records: readonly InputRecord[]; taken: number; readonly nextOffset: number }[]
  /** Where the consumer reads next: records below were offered already. */
  readNext: number
  /** Up to where the lane has taken records. */
  takenNext: number
  waiting: number
  full: boolean
  throttled: boolean
}

export interface Taken<Completion> {
  readonly records: readonly InputRecord[]
  readonly completions: readonly Completion[]
  /** Positions after this taking, of every topic that moved. */
  readonly offsets: readonly { readonly topic: string; readonly offset: number }[]
}

export class Inbox<Completion> {
  readonly #input: LaneInput
  readonly #recordsMax: number
  readonly #topics = new Map<string, TopicQueue>()
  #completions: Completion[] = []
  #rung = false
  #closed = false
  #failure: { readonly error: unknown } | undefined
  #wake: (() => void) | undefined

  constructor(options: { readonly input: LaneInput; readonly recordsMax: number }) {
    this.#input = options.input
    this.#recordsMax = options.recordsMax
  }

  /** Begins to read a topic at that offset. */
  open(topic: string, offset: number): void {
    const queue = { batches: [], readNext: offset, takenNext: offset, waiting: 0, full: false, throttled: false }
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

  offer(topic: string, records: readonly InputRecord[], nextOffset: number): void {
    const queue = this.#topics.get(topic)
    if (queue === undefined || this.#closed || nextOffset <= queue.readNext) return
    const fresh = (records[0]?.offset ?? 0) >= queue.readNext ? records : records.filter((each) => each.offset >= queue.readNext)
    queue.readNext = nextOffset
    queue.batches.push({ records: fresh, taken: 0, nextOffset })
    queue.waiting += fresh.length
    if (queue.waiting >= this.#recordsMax && !queue.full) {
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
    while (!this.#hasWork()) {
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

  /** Up to `max` records, an equal share for each topic, and all completions. Records of a throttled topic stay. */
  take(max: number): Taken<Completion> {
    const records: InputRecord[] = []
    const offsets: { topic: string; offset: number }[] = []
    const share = Math.ceil(max / Math.max(1, this.#topics.size))
    for (const [topic, queue] of this.#topics) {
      if (queue.throttled) continue
      const before = queue.takenNext
      takeFrom(queue, share, records)
      if (queue.takenNext > before) offsets.push({ topic, offset: queue.takenNext })
      if (queue.full && queue.waiting < this.#recordsMax / 2) {
        queue.full = false
        this.#input.resume(topic)
      }
    }
    const completions = this.#completions
    this.#completions = []
    return { records, completions, offsets }
  }

  #hasWork(): boolean {
    if (this.#closed || this.#rung || this.#failure !== undefined || this.#completions.length > 0) return true
    for (const queue of this.#topics.values()) if (queue.waiting > 0 && !queue.throttled) return true
    return false
  }

  #ringBell(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}

function takeFrom(queue: TopicQueue, max: number, into: InputRecord[]): void {
  let left = max
  for (let batch = queue.batches[0]; batch !== undefined; batch = queue.batches[0]) {
    const slice = batch.records.slice(batch.taken, batch.taken + left)
    for (const record of slice) into.push(record)
    batch.taken += slice.length
    left -= slice.length
    queue.waiting -= slice.length
    if (batch.taken < batch.records.length) {
      const last = slice.at(-1)
      if (last !== undefined) queue.takenNext = last.offset + 1
      return
    }
    queue.takenNext = batch.nextOffset
    queue.batches.shift()
  }
}
