/**
 * Operations as they are kept: the Avro of a subjob's operations by itself. Measured for a subjob of 2,000, it takes half of the time to
 * write that JSON without names takes, and a third of the time to read.
 */
import { routedOperations } from '../codec/operation-bytes.ts'
import type { RoutedOperation } from '../domain/operation.ts'

const SCRATCH_BYTES = 64 * 1024

let scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)

/** Lent until the next call. */
export function packOperations(operations: readonly RoutedOperation[]): Buffer {
  for (;;) {
    const end = routedOperations.encode(operations, scratch)
    if (end >= 0) return scratch.subarray(0, end)
    scratch = Buffer.allocUnsafeSlow(scratch.length * 2 - end)
  }
}

export function unpackOperations(packed: Buffer): readonly RoutedOperation[] {
  const { value } = routedOperations.decode(packed) as { readonly value: readonly RoutedOperation[] }
  return value
}

/** Of its own size: a slice of the pool that small buffers share would hold on to all of it. */
export function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(copy)
  return copy
}
