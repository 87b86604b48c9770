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

/** Where some packed operations are. */
type Place = { readonly packed: Buffer } | { readonly segment: Segment; readonly extent: Extent }

/** Operations can neither be written to a file nor stay in memory, or not be read back. The lane starts again, and later. */
export class SpillFailure extends Error {
  override readonly name = 'SpillFailure'
  readonly disposition = 'restart'
}

/** While files can't be written, memory takes this many times its budget before lanes are failed. */
const TROUBLED_MEMORY_FACTOR = 4
const SEGMENT_BYTES = 64 * 1024 * 1024
// What a buffer, and the object that knows where it is, take beside the bytes.
const PLACE_OVERHEAD_BYTES = 256

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
    const places = new Map<number, Place>()
    let ids = 0
    let isClosed = false
    const keptAs = <Content>(place: Place, read: (bytes: Buffer) => Content): Kept<Content> => {
      const id = ids++
      places.set(id, place)
      return {
        load: () => read(this.#read(places.get(id))),
        release: () => {
          this.#release(places, id)
        },
      }
    }
    return {
      keep: (operations: readonly RoutedOperation[]): KeptOperations => {
        if (isClosed) return new HeapOperations(operations)
        const packed = packOperations(operations)
        return { count: operations.length, bytes: packed.length, ...keptAs(this.#place(packed), unpackOperations) }
      },
      keepBytes: (bytes: Buffer): Kept<Buffer> => {
        if (isClosed) return new HeapKept(copyOf(bytes))
        return keptAs(this.#place(bytes, copyOf), (kept) => kept)
      },
      close: () => {
        isClosed = true
        for (const id of [...places.keys()]) this.#release(places, id)
      },
    }
  }

  /** `own` makes what stays in memory of what is only lent. */
  #place(packed: Buffer, own = (bytes: Buffer): Buffer => bytes): Place {
    const { memoryBytesMax } = this.#options
    const bytes = packed.length + PLACE_OVERHEAD_BYTES
    if (this.#memoryBytes + bytes > memoryBytesMax) {
      const written = this.#write(packed, this.#memoryBytes + bytes > memoryBytesMax * TROUBLED_MEMORY_FACTOR)
      if (written !== null) return written
    }
    this.#memoryBytes += bytes
    return { packed: own(packed) }
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

  #read(place: Place | undefined): Buffer {
    if (place === undefined) throw new OperationsReleased()
    if ('packed' in place) return place.packed
    try {
      return place.segment.read(place.extent)
    } catch (cause) {
      throw this.#failure('be read back', cause)
    }
  }

  #release(places: Map<number, Place>, id: number): void {
    const place = places.get(id)
    if (place === undefined) return
    places.delete(id)
    if ('packed' in place) {
      this.#memoryBytes -= place.packed.length + PLACE_OVERHEAD_BYTES
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
