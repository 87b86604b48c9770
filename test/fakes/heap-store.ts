import { HeapKept, HeapOperations, type Kept, type OperationStore } from '../../src/stages/operation-store.ts'

/** Keeps the operations of one life of a lane where they are, and forgets them when it ends, as the service's store does. */
export function openHeapStore(): OperationStore {
  const all = new Set<Kept<unknown>>()
  let isClosed = false
  const kept = <One extends Kept<unknown>>(one: One): One => {
    if (!isClosed) all.add(one)
    return one
  }
  return {
    keep: (operations) => kept(new HeapOperations(operations)),
    keepBytes: (bytes) => kept(new HeapKept(Buffer.from(bytes))),
    close: () => {
      isClosed = true
      for (const one of all) one.release()
      all.clear()
    },
  }
}
