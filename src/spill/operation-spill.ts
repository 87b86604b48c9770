/**
 * Keeps the operations of subjobs and parts that wait: packed in memory up to a budget that all lanes of a process share, beyond it in
 * files. Both are a cache; what a killed process kept is gone, and rebuilt from the changelog.
 */
import type { RoutedOperation } from '../domain/operation.ts'
import {
  HeapKept, HeapOperations, type Kept, type KeptOperations, OperationsReleased, type OperationStore,
} from '../stages/operation-store.ts'
import { copyOf, packOperations, unpackOperations } from './packed-operations.ts'
import { type Extent, Segment } from './segment.ts'

export interface OperationSpillOptions {
  /** Files go here. It is made once one is needed. */
  readonly folder: string
  /** Bytes of packed operations in memory, before files are used. */
  readonly memoryBytesMax: number
  /** About the size of a file. The room of one is given back as a whole, once nothing in it is needed. */
  readonly segmentBytes?: number
  readonly events: OperationSpillEvents
}

export interface OperationSpillEvents {
  /** Files can't be written, for a full disk perhaps; memory takes the operations meanwhile. Told once until it is over. */
  troubled(error: Error): void
  /** Files can be written again. */
  recovered(): void
}

/**
 * Where something packed is. Little of it, most subjobs of a large network have one operation, is a string of its bytes: that takes
 * a third of what a buffer of its own takes, and leaves no holes outside of the heap.
 */
type Place = string | Buffer | { readonly segment: Segment; readonly extent: Extent }

/** Operations can neither be written to a file nor stay in memory, or not be read back. The lane starts again, and later. */
export class SpillFailure extends Error {
  override readonly name = 'SpillFailure'
  readonly disposition = 'restart'
}

/** While files can't be written, memory takes this many times its budget before lanes are failed. */
const TROUBLED_MEMORY_FACTOR = 4
const SEGMENT_BYTES = 64 * 1024 * 1024
const STRING_BYTES_MAX = 4 * 1024
// What a buffer, or a string, and the object that knows where it is, take beside the bytes.
const BUFFER_OVERHEAD_BYTES = 256
const STRING_OVERHEAD_BYTES = 96

export class OperationSpill {
  readonly #options: OperationSpillOptions
  readonly #segments = new Set<Segment>()
  /** The segment that is being written to. */
  #current: Segment | null = null
  #memoryBytes = 0
  #isTroubled = false

  constructor(options: OperationSpillOptions) {
    this.#options = options
  }

  /** Bytes of packed operations in memory, with what they take beside themselves. */
  get memoryBytes(): number {
    return this.#memoryBytes
  }

  /** Bytes of the files. */
  get fileBytes(): number {
    let bytes = 0
    for (const segment of this.#segments) bytes += segment.bytes
    return bytes
  }

  /** A store for one life of a lane. Keeping throws SpillFailure where neither disk nor memory has room, loading where the disk fails. */
  open(): OperationStore {
    return new SpillStore({
      place: (packed) => this.#place(packed),
      read: (place) => this.#read(place),
      release: (place) => {
        this.#release(place)
      },
    })
  }

  /** Keeps a copy: the bytes are only lent. */
  #place(packed: Buffer): Place {
    const { memoryBytesMax } = this.#options
    const bytes = packed.length + overheadOf(packed.length)
    if (this.#memoryBytes + bytes > memoryBytesMax) {
      const written = this.#write(packed, this.#memoryBytes + bytes > memoryBytesMax * TROUBLED_MEMORY_FACTOR)
      if (written !== null) return written
    }
    this.#memoryBytes += bytes
    return packed.length <= STRING_BYTES_MAX ? packed.toString('latin1') : copyOf(packed)
  }

  /** Null if it can't be written; throws then if it must. */
  #write(packed: Buffer, must: boolean): Place | null {
    try {
      const segment = this.#segmentWithRoom()
      const extent = segment.append(packed)
      if (this.#isTroubled) this.#options.events.recovered()
      this.#isTroubled = false
      return { segment, extent }
    } catch (error) {
      const cause = error instanceof Error ? error : new Error(String(error))
      if (must) throw this.#failure('be written', cause)
      if (!this.#isTroubled) this.#options.events.troubled(cause)
      this.#isTroubled = true
      return null
    }
  }

  #segmentWithRoom(): Segment {
    const { folder, segmentBytes = SEGMENT_BYTES } = this.#options
    if (this.#current !== null && this.#current.bytes < segmentBytes) return this.#current
    this.#current = new Segment(folder)
    this.#segments.add(this.#current)
    return this.#current
  }

  #read(place: Place): Buffer {
    if (typeof place === 'string') return Buffer.from(place, 'latin1')
    if (Buffer.isBuffer(place)) return place
    try {
      return place.segment.read(place.extent)
    } catch (cause) {
      throw this.#failure('be read back', cause)
    }
  }

  #release(place: Place): void {
    if (typeof place === 'string' || Buffer.isBuffer(place)) {
      this.#memoryBytes -= place.length + overheadOf(place.length)
      return
    }
    const { segment } = place
    if (!segment.release()) return
    if (this.#current === segment) this.#current = null
    this.#segments.delete(segment)
    segment.close()
  }

  #failure(what: string, cause: unknown): SpillFailure {
    const { folder, memoryBytesMax } = this.#options
    const inMemory = `${this.#memoryBytes} bytes are in memory, ${memoryBytesMax} are meant to be at most`
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new SpillFailure(`operations of waiting subjobs can't ${what} below "${folder}" (${reason}); ${inMemory}`, { cause })
  }
}

function overheadOf(bytes: number): number {
  return bytes <= STRING_BYTES_MAX ? STRING_OVERHEAD_BYTES : BUFFER_OVERHEAD_BYTES
}

/** What a store does with the places of its spill. */
interface Places {
  readonly place: (packed: Buffer) => Place
  readonly read: (place: Place) => Buffer
  readonly release: (place: Place) => void
}

class SpillStore implements OperationStore {
  readonly #places: Places
  readonly #kept = new Set<KeptPlace<unknown>>()
  #isClosed = false

  constructor(places: Places) {
    this.#places = places
  }

  keep(operations: readonly RoutedOperation[]): KeptOperations {
    if (this.#isClosed) return new HeapOperations(operations)
    const packed = packOperations(operations)
    return this.#held(new PackedOperations(this, this.#places.place(packed), { count: operations.length, bytes: packed.length }))
  }

  keepBytes(bytes: Buffer): Kept<Buffer> {
    return this.#isClosed ? new HeapKept(copyOf(bytes)) : this.#held(new KeptBytes(this, this.#places.place(bytes)))
  }

  close(): void {
    this.#isClosed = true
    for (const kept of this.#kept) kept.release()
  }

  read(place: Place): Buffer {
    return this.#places.read(place)
  }

  release(kept: KeptPlace<unknown>, place: Place): void {
    this.#kept.delete(kept)
    this.#places.release(place)
  }

  #held<Held extends KeptPlace<unknown>>(kept: Held): Held {
    this.#kept.add(kept)
    return kept
  }
}

/** There may be a hundred thousand of them: each is one small object. */
abstract class KeptPlace<Content> implements Kept<Content> {
  readonly #store: SpillStore
  /** Null once it was released. */
  #place: Place | null

  constructor(store: SpillStore, place: Place) {
    this.#store = store
    this.#place = place
  }

  abstract load(): Content

  release(): void {
    if (this.#place === null) return
    this.#store.release(this, this.#place)
    this.#place = null
  }

  protected read(): Buffer {
    if (this.#place === null) throw new OperationsReleased()
    return this.#store.read(this.#place)
  }
}

class KeptBytes extends KeptPlace<Buffer> {
  load(): Buffer {
    return this.read()
  }
}

class PackedOperations extends KeptPlace<readonly RoutedOperation[]> implements KeptOperations {
  readonly count: number
  readonly bytes: number

  constructor(store: SpillStore, place: Place, { count, bytes }: { readonly count: number; readonly bytes: number }) {
    super(store, place)
    this.count = count
    this.bytes = bytes
  }

  load(): readonly RoutedOperation[] {
    return unpackOperations(this.read())
  }
}
