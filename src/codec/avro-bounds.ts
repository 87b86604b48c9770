import avro from 'avsc'
import { Undecodable } from './undecodable.ts'

/**
 * Walks over one value of a writer's schema without reading it, and returns where it ends.
 *
 * avsc trusts the counts and lengths in a record: an array that claims 2^50 items keeps it busy for good, long after the
 * record's bytes have run out. Anyone may produce to the command topic, so the bytes are walked first.
 * @throws Undecodable when the bytes end too soon, or claim what they can't hold
 */
export type BoundsCheck = (bytes: Buffer, from: number) => number

interface Cursor {
  readonly bytes: Buffer
  position: number
  depth: number
  /** Items of arrays and maps that may still be claimed: those of zero bytes must end as well. */
  itemsLeft: number
}

type Walk = (cursor: Cursor) => void

// Schemas of ours are not recursive; a writer's may be.
const DEPTH_MAX = 64
const VARINT_BYTES_MAX = 10
// Eight bytes of seven bits are the first that reach the limits.
const LARGE_LONG_BYTES = 8
export const LONG_MIN = -(2 ** 52)
export const LONG_MAX = 2 ** 53 - 2

export function boundsCheckOf(type: avro.Type): BoundsCheck {
  const walk = walkOf(type, new Map())
  return (bytes, from) => {
    const cursor = { bytes, position: from, depth: 0, itemsLeft: bytes.length }
    walk(cursor)
    return cursor.position
  }
}

const { types } = avro

function walkOf(type: avro.Type, records: Map<avro.Type, Walk>): Walk {
  if (type instanceof types.RecordType) return fieldsOf(type, records)
  if (type instanceof types.ArrayType) return blocksOf(walkOf(type.itemsType, records))
  if (type instanceof types.MapType) {
    const walkValue = walkOf(type.valuesType as avro.Type, records)
    return blocksOf((cursor) => {
      walkText(cursor)
      walkValue(cursor)
    })
  }
  if (type instanceof types.UnwrappedUnionType || type instanceof types.WrappedUnionType) {
    return branchesOf(type.types.map((branch) => walkOf(branch, records)))
  }
  if (type instanceof types.LogicalType) return walkOf(type.underlyingType, records)
  if (type instanceof types.FixedType) return sized(type.size)
  const walk = primitives[type.typeName]
  if (walk === undefined) throw new Undecodable(`its schema holds a type that is not known: ${type.typeName}`)
  return walk
}

const primitives: Readonly<Record<string, Walk | undefined>> = {
  null: sized(0),
  boolean: sized(1),
  int: walkVarint,
  long: walkLong,
  enum: walkVarint,
  float: sized(4),
  double: sized(8),
  bytes: walkText,
  string: walkText,
}

function sized(bytes: number): Walk {
  return (cursor) => {
    advance(cursor, bytes)
  }
}

function walkText(cursor: Cursor): void {
  advance(cursor, readLong(cursor))
}

function fieldsOf(type: avro.types.RecordType, records: Map<avro.Type, Walk>): Walk {
  const known = records.get(type)
  if (known !== undefined) return known
  const fields: Walk[] = []
  const walk: Walk = (cursor) => {
    cursor.depth += 1
    if (cursor.depth > DEPTH_MAX) throw new Undecodable(`its records are nested deeper than ${DEPTH_MAX}`)
    for (const field of fields) field(cursor)
    cursor.depth -= 1
  }
  records.set(type, walk)
  for (const field of type.fields) fields.push(walkOf(field.type, records))
  return walk
}

function blocksOf(item: Walk): Walk {
  return (cursor) => {
    for (;;) {
      let count = readLong(cursor)
      if (count === 0) return
      if (count < 0) {
        count = -count
        walkVarint(cursor)
      }
      cursor.itemsLeft -= count
      if (cursor.itemsLeft < 0) throw new Undecodable('an array or map of it claims more items than the record has bytes')
      for (let i = 0; i < count; i += 1) item(cursor)
    }
  }
}

function branchesOf(branches: readonly Walk[]): Walk {
  return (cursor) => {
    const index = readLong(cursor)
    const branch = branches[index]
    if (branch === undefined) throw new Undecodable(`a union of it has no branch ${index}`)
    branch(cursor)
  }
}

function advance(cursor: Cursor, count: number): void {
  if (count < 0) throw new Undecodable('a text of it has a negative length')
  cursor.position += count
  if (cursor.position > cursor.bytes.length) throw endsTooSoon()
}

function walkVarint(cursor: Cursor): void {
  const { bytes } = cursor
  const end = Math.min(bytes.length, cursor.position + VARINT_BYTES_MAX)
  while (cursor.position < end) {
    const byte = bytes[cursor.position] as number
    cursor.position += 1
    if (byte < 0x80) return
  }
  throw end === bytes.length ? endsTooSoon() : new Undecodable('a number of it has more than 64 bits')
}

/**
 * avsc reads numbers exactly from -2^52 to 2^53 - 2. Some beyond that it refuses, and others come out as another number.
 * @throws Undecodable beyond those limits
 */
function walkLong(cursor: Cursor): void {
  const start = cursor.position
  walkVarint(cursor)
  if (cursor.position - start < LARGE_LONG_BYTES) return
  let zigzag = 0n
  for (let i = cursor.position - 1; i >= start; i -= 1) zigzag = (zigzag << 7n) | BigInt((cursor.bytes[i] as number) & 0x7f)
  const number = zigzag & 1n ? -(zigzag + 1n) / 2n : zigzag / 2n
  if (number < LONG_MIN || number > LONG_MAX) throw new Undecodable(`a number of it, ${number}, is not between ${LONG_MIN} and ${LONG_MAX}`)
}

/** Exact up to 2^53, and beyond that large enough to fail every check that it is put to. */
function readLong(cursor: Cursor): number {
  const start = cursor.position
  const first = cursor.bytes[start]
  if (first !== undefined && first < 0x80) {
    cursor.position += 1
    return (first >>> 1) ^ -(first & 1)
  }
  walkVarint(cursor)
  let zigzag = 0
  for (let i = cursor.position - 1; i >= start; i -= 1) zigzag = zigzag * 0x80 + ((cursor.bytes[i] as number) & 0x7f)
  return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
}

function endsTooSoon(): Undecodable {
  return new Undecodable('it ends before its last field does')
}
