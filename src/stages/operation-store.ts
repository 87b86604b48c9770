/** Where a stage keeps the operations of subjobs that wait, outside of its heap: they may be a million. */
import type { RoutedOperation } from '../domain/operation.ts'

/** Belongs to one life of a lane and ends with it; a cache, never a source. */
export interface OperationStore {
  keep(operations: readonly RoutedOperation[]): KeptOperations
}

export interface KeptOperations {
  readonly count: number
  /** The operations again, in their order. Throws when they, or all of the store, were released. */
  load(): readonly RoutedOperation[]
  /** They are not needed any more. */
  release(): void
}

class HeapOperations implements KeptOperations {
  readonly #operations: readonly RoutedOperation[]

  constructor(operations: readonly RoutedOperation[]) {
    this.#operations = operations
  }

  get count(): number {
    return this.#operations.length
  }

  load(): readonly RoutedOperation[] {
    return this.#operations
  }

  // Who drops it frees it.
  release(): void {
    return
  }
}

/** Operations that stay where they are: a handful of them, and those of tests. */
export const heapStore: OperationStore = {
  keep: (operations) => new HeapOperations(operations),
}
