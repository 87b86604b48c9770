/** Where a stage keeps the operations of subjobs that wait, outside of its heap: they may be a million. */
import { operationBytes, type RoutedOperation } from '../domain/operation.ts'

/** Belongs to one life of a lane and ends with it; a cache, never a source: what it loses, the changelog has. */
export interface OperationStore {
  keep(operations: readonly RoutedOperation[]): KeptOperations
  /** Keeps a copy: the bytes may be a piece of a larger buffer, which is not held on to. */
  keepBytes(bytes: Buffer): Kept<Buffer>
  /** Releases all that is kept. What is kept afterwards stays on the heap: its lane has ended, and nobody holds on to it. */
  close(): void
}

export interface Kept<Content> {
  /** What was kept, as it was. Throws OperationsReleased when it, or all of the store, was released. */
  load(): Content
  /** It is not needed any more. */
  release(): void
}

export interface KeptOperations extends Kept<readonly RoutedOperation[]> {
  readonly count: number
  /** About what they take in a record. */
  readonly bytes: number
}

/** Asked for by somebody for whom it is too late: the subjob that they belonged to has ended, or its lane. */
export class OperationsReleased extends Error {
  override readonly name = 'OperationsReleased'
  readonly disposition = 'restart'

  constructor() {
    super('the operations of a subjob that has ended are kept no more')
  }
}

/** What stays where it is until it is released: a handful of operations, and what tests keep. */
export class HeapKept<Content> implements Kept<Content> {
  #content: Content | null

  constructor(content: Content) {
    this.#content = content
  }

  load(): Content {
    if (this.#content === null) throw new OperationsReleased()
    return this.#content
  }

  release(): void {
    this.#content = null
  }
}

export class HeapOperations extends HeapKept<readonly RoutedOperation[]> implements KeptOperations {
  readonly count: number
  readonly bytes: number

  constructor(operations: readonly RoutedOperation[]) {
    super(operations)
    this.count = operations.length
    this.bytes = operations.reduce((sum, operation) => sum + operationBytes(operation), 0)
  }
}
