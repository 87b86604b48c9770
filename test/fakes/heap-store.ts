import type { RoutedOperation } from '../../src/domain/operation.ts'
import { HeapOperations, type KeptOperations, type OperationStore } from '../../src/stages/operation-store.ts'

/** Keeps the operations of one life of a lane where they are, and forgets them when it ends, as the service's store does. */
export function openHeapStore(): OperationStore {
  const all = new Set<KeptOperations>()
  let isClosed = false
  const keep = (operations: readonly RoutedOperation[]): KeptOperations => {
    const kept = new HeapOperations(operations)
    if (!isClosed) all.add(kept)
    return kept
  }
  const close = (): void => {
    isClosed = true
    for (const kept of all) kept.release()
    all.clear()
  }
  return { keep, close }
}
