/**
 * Operations as they are kept: JSON without the names of members. Measured against JSON with names, Avro and V8's own format
 * for a subjob of 1,000: all take 0.4 ms to write; this one is as quick to read as Avro, and needs no schema.
 */
import type { RoutedOperation } from '../domain/operation.ts'

type Row = readonly [
  RoutedOperation['operationId'],
  RoutedOperation['op'],
  RoutedOperation['path'],
  RoutedOperation['value'],
  RoutedOperation['options'],
  RoutedOperation['moduleSetTag'],
]

export function packOperations(operations: readonly RoutedOperation[]): Buffer {
  const rows = operations.map(({ operationId, op, path, value, options, moduleSetTag }): Row => {
    return [operationId, op, path, value, options, moduleSetTag]
  })
  const text = JSON.stringify(rows)
  // Of its own size: a slice of the pool that small buffers share would hold on to all of it.
  const packed = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  packed.write(text)
  return packed
}

export function unpackOperations(packed: Buffer): readonly RoutedOperation[] {
  const rows = JSON.parse(packed.toString()) as readonly Row[]
  return rows.map(([operationId, op, path, value, options, moduleSetTag]) => ({ operationId, op, path, value, options, moduleSetTag }))
}
