/** Where a stage keeps the operations of subjobs that wait, outside of its heap: they may be a million. */
import { operationBytes, type RoutedOperation } from '../domain/operation.ts'

/** Belongs to one life of a lane and ends with it; a cache, never a source: what it loses, the changelog has. */
export interface OperationStore {
  keep(operations: readonly RoutedOperation[]): KeptOperations
  /** Releases all that is kept. What is kept afterwards stays on the heap: its lane has ended, and nobody holds on to it. */
  close(): void
}

export interface KeptOperations {
  readonly count: number
  /** About what they take in a record. */
  readonly bytes: number
  /** The operations again, in their order. Throws OperationsReleased when they, or all of the store, were released. */
  load(): readonly RoutedOperation[]
  /** They are not needed any more. */
  release(): void
}

/** Asked for by somebody for whom it is too late: the subjob that they belonged to has ended, or its lane. */
export class OperationsReleased extends Error {
  override readonly name = 'OperationsReleased'
  readonly disposition = 'restart'

  constructor() {
    super('the operations of a subjob that has ended are kept no more')
  }
}

/** Operations that stay where they are until they are released: a handful of them, and those of tests. */
export class HeapOperations implements KeptOperations {
  readonly count: number
  readonly bytes: number
  #operations: readonly RoutedOperation[] | null

  constructor(operations: readonly RoutedOperation[]) {
    this.count = operations.length
    this.bytes = operations.reduce((sum, operation) => sum + operationBytes(operation), 0)
    this.#operations = operations
  }

  load(): readonly RoutedOperation[] {
    if (this.#operations === null) throw new OperationsReleased()
    return this.#operations
  }

  release(): void {
    this.#operations = null
  }
}
