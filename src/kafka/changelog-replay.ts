/**
 * Reads a lane's changelog partition to its end. The end is a record that the lane itself has just written with the producer
 * that fenced all others: whatever stands before it is settled and was seen. Offsets could not tell as much, because the last
 * thing in the log may be the marker of an ended transaction, which readers are not shown.
 */
import type { LaneInput } from './inbox.ts'
import { positionsWith, type StoredPositions } from './input-positions.ts'
import { type InputRecord, KafkaFailure, type OutputRecord } from './port.ts'

const OWNER_KEY = '!owner'
const OWNER_HEADER = 'datajob_owner'

/** The record that says who owns the partition from here on. */
export function ownerRecord(topic: string, partition: number, ownerId: string): OutputRecord {
  return { topic, key: OWNER_KEY, value: Buffer.from(ownerId), headers: { [OWNER_HEADER]: ownerId }, partition }
}

export interface ChangelogReplayOptions {
  readonly topic: string
  readonly input: LaneInput
  readonly restore: (record: InputRecord) => void
}

/** The record to stop at, and a position behind it. */
export interface ReplayEnd {
  readonly ownerId: string
  readonly offset: number
}

interface Waiting extends ReplayEnd {
  readonly resolve: (entries: number) => void
  readonly reject: (error: unknown) => void
}

export class ChangelogReplay {
  readonly #options: ChangelogReplayOptions
  #waiting: Waiting | undefined
  #stopped: { readonly reason: unknown } | undefined
  #next = 0
  #entries = 0
  #positions: StoredPositions = { offsets: new Map(), topicIds: new Map() }

  constructor(options: ChangelogReplayOptions) {
    this.#options = options
  }

  /** How far the input had been taken for what is in the changelog; empty where no turn has said so yet. */
  get positions(): StoredPositions {
    return this.#positions
  }

  /** Resolves to the number of entries restored once the owner's record was read. Throws KafkaFailure `fenced` if it is gone. */
  until(end: ReplayEnd): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting = { ...end, resolve, reject }
      if (this.#stopped === undefined) this.reposition()
      else this.stop(this.#stopped.reason)
    })
  }

  /** Where to read next. */
  get position(): number {
    return this.#next
  }

  get isReading(): boolean {
    return this.#waiting !== undefined
  }

  /** Sets the consumer's position again, if the replay is under way. */
  reposition(): void {
    if (this.#waiting === undefined) return
    this.#options.input.seek(this.#options.topic, this.#next)
    this.#options.input.resume(this.#options.topic)
  }

  offer(records: readonly InputRecord[], nextOffset: number): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    try {
      for (const record of records) {
        if (record.offset < this.#next) continue
        this.#next = record.offset + 1
        if (this.#take(record, waiting)) return
      }
      this.#next = Math.max(this.#next, nextOffset)
      if (this.#next >= waiting.offset) throw ownerRecordGone(this.#options.topic)
    } catch (error) {
      this.stop(error)
    }
  }

  stop(reason: unknown): void {
    this.#stopped = { reason }
    this.#waiting?.reject(reason)
    this.#waiting = undefined
  }

  /** Whether that was the record to stop at. */
  #take(record: InputRecord, waiting: Waiting): boolean {
    if (record.headers[OWNER_HEADER] === waiting.ownerId) {
      this.#waiting = undefined
      this.#options.input.pause(this.#options.topic)
      waiting.resolve(this.#entries)
      return true
    }
    const key = record.key?.toString('utf8') ?? ''
    const positions = positionsWith(this.#positions, key, record.value)
    if (positions !== null) {
      this.#positions = positions
    } else if (key !== OWNER_KEY) {
      this.#entries += 1
      this.#options.restore(record)
    }
    return false
  }
}

// Compaction removes it only once a later owner has written its own: a lane that stood still for that long would wait for ever.
function ownerRecordGone(topic: string): KafkaFailure {
  return new KafkaFailure(`the record that claimed a partition of ${topic} was replaced by a later owner's`, {
    code: 'OWNER_RECORD_GONE',
    disposition: 'fenced',
  })
}
