import { createRequire } from 'node:module'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { amendKafkajs } from './amendments.ts'

interface Encoder {
  readonly buffer: Buffer
  size(): number
  writeInt8(value: number): Encoder
  writeInt32(value: number): Encoder
  writeString(value: string): Encoder
  writeBytes(value: Buffer | string | null): Encoder
  writeVarIntBytes(value: Buffer | null): Encoder
  writeEncoder(value: Encoder): Encoder
  writeArray(values: readonly Encoder[], type: 'object'): Encoder
  writeVarIntArray(values: readonly Encoder[]): Encoder
}

interface DecodedBatch {
  readonly records: readonly { readonly value: Buffer; readonly headers: { readonly name: Buffer } }[]
}

const require = createRequire(import.meta.url)
const SIZES = [0, 1, 3, 500, 511, 512, 4_095, 4_096, 5_000, 40_000]

function newEncoder(): Encoder {
  const Class = require('kafkajs/src/protocol/encoder') as new () => Encoder
  return new Class()
}

/** What is written, and the bytes that it has to become. */
type Write =
  | { readonly type: 'int'; readonly value: number }
  | { readonly type: 'bytes' | 'varBytes' | 'text'; readonly size: number }
  | { readonly type: 'nested' | 'array'; readonly writes: readonly Write[] }
  | { readonly type: 'look' }

const leaf: fc.Arbitrary<Write> = fc.oneof(
  fc.record({ type: fc.constant('int' as const), value: fc.integer({ min: 0, max: 0x7fffffff }) }),
  fc.record({ type: fc.constantFrom('bytes' as const, 'varBytes' as const, 'text' as const), size: fc.constantFrom(...SIZES) }),
  fc.constant({ type: 'look' as const }),
)
const { writes } = fc.letrec<{ writes: readonly Write[] }>((tie) => ({
  writes: fc.array(
    fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc.record({ type: fc.constantFrom('nested' as const, 'array' as const), writes: tie('writes') }),
    ),
    { maxLength: 6 },
  ),
}))

function bytesOf(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, n) => 97 + ((n * 7 + size) % 26)))
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function varInt(value: number): Buffer {
  const bytes: number[] = []
  let left = value * 2
  for (; left > 0x7f; left = Math.floor(left / 128)) bytes.push((left % 128) | 0x80)
  return Buffer.from([...bytes, left])
}

function write(encoder: Encoder, each: Write): Buffer {
  switch (each.type) {
    case 'int':
      encoder.writeInt32(each.value)
      return int32(each.value)
    case 'bytes':
      encoder.writeBytes(bytesOf(each.size))
      return Buffer.concat([int32(each.size), bytesOf(each.size)])
    case 'varBytes':
      encoder.writeVarIntBytes(bytesOf(each.size))
      return Buffer.concat([varInt(each.size), bytesOf(each.size)])
    case 'text':
      encoder.writeBytes(bytesOf(each.size).toString())
      return Buffer.concat([int32(each.size), bytesOf(each.size)])
    case 'nested': {
      const nested = newEncoder()
      const expected = writeAll(nested, each.writes)
      encoder.writeEncoder(nested)
      return expected
    }
    case 'array': {
      const nested = newEncoder()
      const expected = writeAll(nested, each.writes)
      encoder.writeArray([nested, nested], 'object')
      return Buffer.concat([int32(2), expected, expected])
    }
    case 'look':
      expect(encoder.buffer.length).toBe(encoder.size())
      return Buffer.of()
  }
}

function writeAll(encoder: Encoder, all: readonly Write[]): Buffer {
  return Buffer.concat(all.map((each) => write(encoder, each)))
}

describe("kafkajs's encoder as amended", () => {
  beforeAll(() => {
    amendKafkajs()
  })

  it('gives the bytes that were written, in order, however they are nested and whenever it is asked', () => {
    fc.assert(
      fc.property(writes, (all) => {
        const encoder = newEncoder()
        const expected = writeAll(encoder, all)
        expect(encoder.size()).toBe(expected.length)
        expect(encoder.buffer.equals(expected)).toBe(true)
        expect(encoder.buffer.equals(expected)).toBe(true)
        encoder.writeInt8(1)
        expect(encoder.buffer.equals(Buffer.concat([expected, Buffer.of(1)]))).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('writes nothing for a value that is null', () => {
    expect(newEncoder().writeBytes(null).writeVarIntBytes(null).buffer).toEqual(Buffer.from([0xff, 0xff, 0xff, 0xff, 1]))
  })

  it('makes the same batch of large records as of small ones but for their sizes', async () => {
    const createRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => Encoder
    const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0') as { RecordBatch: (options: object) => Promise<Encoder> }
    const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object
    const decode = require('kafkajs/src/protocol/recordBatch/v0/decoder') as (decoder: object) => Promise<DecodedBatch>
    const values = SIZES.map(bytesOf)
    const headers = { name: 'text' }
    const records = values.map((value, offsetDelta) => createRecord({ offsetDelta, key: Buffer.from('key'), value, headers }))
    const batch = await RecordBatch({ records })
    const decoded = await decode(new Decoder(batch.buffer))
    expect(decoded.records.map(({ value }) => value)).toEqual(values)
    expect(decoded.records.map(({ headers: { name } }) => String(name))).toEqual(values.map(() => 'text'))
  })
})
