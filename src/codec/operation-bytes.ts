/** Operations in Avro by themselves: for parts of jobs that are put together from such (Codec.encodePart), and for what waits. */
import avro from 'avsc'
import type { Operation } from '../domain/operation.ts'
import { messageSchemas } from './schemas.ts'

const operationType = itemsOf(messageSchemas.AddOperations.type.field('operations').type)

/** The operations of a subjob, by themselves. */
export const routedOperations: avro.Type = messageSchemas.DispatchSubjob.type.field('operations').type

/** Writes the operation to `target` at `at`. Returns where it ends, or how many bytes that lacks, as a negative number. */
export function encodeOperation(operation: Operation, target: Buffer, at: number): number {
  return operationType.encode(operation, target, at)
}

// The lengths of four texts, two choices, a kind.
const OVERHEAD_BYTES = 24

/** At least the bytes that {@link encodeOperation} needs, and at most some 24 more. */
export function encodedBytesMax({ operationId, path, value, options }: Operation): number {
  const id = typeof operationId === 'string' ? Buffer.byteLength(operationId) : 0
  const texts = (value === null ? 0 : Buffer.byteLength(value)) + (options === null ? 0 : Buffer.byteLength(options))
  return OVERHEAD_BYTES + id + Buffer.byteLength(path) + texts
}

function itemsOf(type: avro.Type): avro.Type {
  if (!(type instanceof avro.types.ArrayType)) throw new Error('broken invariant: operations are no array')
  return type.itemsType
}
