/**
 * Sorts a stretch of a job's operations by producer. A job's parts are split one by one, so that a thousand producers in turn
 * would make a thousand subjobs of a few operations in each part: what is sorted makes few and full ones.
 */
import { encodeOperation, encodedBytesMax } from '../../codec/operation-bytes.ts'
import type { Operation } from '../../domain/operation.ts'
import type { MemoryBudget } from './memory-budget.ts'

export interface OperationWindowOptions {
  /** Bytes of the encoded operations; at least one is taken, whatever its size. */
  readonly bytesMax: number
  readonly memory: MemoryBudget
}

const SLAB_BYTES = 2 * 1024 * 1024
/** Bounds what is held beside the operations' own bytes. */
const OPERATIONS_MAX = 256 * 1024
const PLACE_WORDS = 4

export class OperationWindow {
  readonly #options: OperationWindowOptions
  /** All but the last are full; they are used again after each drain. */
  readonly #slabs: Buffer[] = []
  #slab = 0
  #at = 0
  #bytes = 0
  #held = 0
  readonly #producers = new Map<string, number>()
  #count = 0
  /** Of each operation: its producer's number, its slab, where it begins there and ends. */
  #places = new Uint32Array(PLACE_WORDS * 1024)

  constructor(options: OperationWindowOptions) {
    this.#options = options
  }

  get isFull(): boolean {
    return this.#bytes >= this.#options.bytesMax || this.#count >= OPERATIONS_MAX
  }

  /** Throws a 503 when there is no memory left. */
  add(producer: string, operation: Operation): void {
    const slab = this.#roomFor(encodedBytesMax(operation))
    const end = encodeOperation(operation, slab, this.#at)
    if (end < 0) throw new Error(`broken invariant: an operation takes ${-end} bytes more than at most`)
    this.#place(this.#numberOf(producer), end)
    this.#bytes += end - this.#at
    this.#at = end
  }

  /** The encoded operations, producer by producer, each producer's in the order in which they came. Empty afterwards. */
  *drain(): Generator<Buffer> {
    const places = this.#places
    for (const operation of this.#sorted()) {
      const at = operation * PLACE_WORDS
      const slab = this.#slabs[places[at + 1] as number] as Buffer
      yield slab.subarray(places[at + 2], places[at + 3])
    }
    this.#producers.clear()
    this.#count = 0
    this.#slab = 0
    this.#at = 0
    this.#bytes = 0
  }

  /** Gives the memory back. */
  close(): void {
    this.#slabs.length = 0
    this.#options.memory.release(this.#held)
    this.#held = 0
  }

  #place(producer: number, end: number): void {
    const at = this.#count * PLACE_WORDS
    if (at === this.#places.length) {
      const places = new Uint32Array(at * 2)
      places.set(this.#places)
      this.#places = places
    }
    this.#places[at] = producer
    this.#places[at + 1] = this.#slab
    this.#places[at + 2] = this.#at
    this.#places[at + 3] = end
    this.#count += 1
  }

  #numberOf(producer: string): number {
    const known = this.#producers.get(producer)
    if (known !== undefined) return known
    const number = this.#producers.size
    this.#producers.set(producer, number)
    return number
  }

  #roomFor(bytes: number): Buffer {
    for (;;) {
      const slab = this.#slabs[this.#slab] ?? this.#newSlab(bytes)
      if (this.#at + bytes <= slab.length) return slab
      this.#slab += 1
      this.#at = 0
    }
  }

  #newSlab(bytes: number): Buffer {
    const size = Math.max(bytes, SLAB_BYTES)
    this.#options.memory.hold(size)
    this.#held += size
    const slab = Buffer.allocUnsafeSlow(size)
    this.#slabs.push(slab)
    return slab
  }

  /** The operations' places, by producer: a counting sort, which keeps the order of equals. */
  #sorted(): Uint32Array {
    const places = this.#places
    const next = new Uint32Array(this.#producers.size + 1)
    const producerOf = (operation: number): number => places[operation * PLACE_WORDS] as number
    for (let operation = 0; operation < this.#count; operation += 1) {
      const behind = producerOf(operation) + 1
      next[behind] = (next[behind] as number) + 1
    }
    for (let producer = 1; producer < next.length; producer += 1) {
      next[producer] = (next[producer] as number) + (next[producer - 1] as number)
    }
    const sorted = new Uint32Array(this.#count)
    for (let operation = 0; operation < this.#count; operation += 1) {
      const producer = producerOf(operation)
      const place = next[producer] as number
      sorted[place] = operation
      next[producer] = place + 1
    }
    return sorted
  }
}
