/** Record batches as brokers keep them: magic 2, uncompressed (org.apache.kafka.common.record.DefaultRecordBatch). */
import { createRequire } from 'node:module'

/** A record as kafkajs is given it. */
export interface BatchRecord {
  readonly key?: Buffer | string | null
  readonly value: Buffer | string | null
  readonly headers?: Readonly<Record<string, Buffer | string | readonly (Buffer | string)[] | undefined>>
}

export interface RecordBatch {
  readonly records: readonly BatchRecord[]
  /** Of all of its records. */
  readonly timestampMs: number
  readonly isTransactional: boolean
  /** -1 where the producer has none. */
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly firstSequence: number
}

const require = createRequire(import.meta.url)
const crc32C = require('kafkajs/src/protocol/recordBatch/crc32C/crc32C') as (bytes: Buffer) => number

// Base offset, length, leader epoch, magic, checksum.
const HEAD_BYTES = 8 + 4 + 4 + 1 + 4
/** What the length counts begins behind itself, what the checksum counts behind the checksum. */
const LENGTH_AT = 8
const CRC_AT = 17
const ATTRIBUTES_AT = 21
// Attributes, last offset delta, two timestamps, producer id and epoch, first sequence, number of records.
const FIXED_BYTES = HEAD_BYTES + 2 + 4 + 8 + 8 + 8 + 2 + 4 + 4
const MAGIC = 2
const TRANSACTIONAL = 0x10

/** One buffer, written once: with an encoder for each part of each record, this was most of what producing cost. */
export function encodeRecordBatch(batch: RecordBatch): Buffer {
  const { records } = batch
  const bodies = Int32Array.from(records, bodyBytesOf)
  let bytes = FIXED_BYTES
  for (const body of bodies) bytes += varIntBytes(body) + body
  const target = Buffer.allocUnsafeSlow(bytes)
  let at = writeHead(target, batch)
  for (let n = 0; n < bodies.length; n += 1) {
    at = writeRecord(target, at, { record: records[n] as BatchRecord, bytes: bodies[n] as number, offsetDelta: n })
  }
  if (at !== bytes) throw new Error(`broken invariant: a record batch of ${at} bytes was to have ${bytes}`)
  target.writeUInt32BE(crc32C(target.subarray(ATTRIBUTES_AT)), CRC_AT)
  return target
}

function writeHead(target: Buffer, batch: RecordBatch): number {
  const timestamp = BigInt(batch.timestampMs)
  let at = target.writeBigInt64BE(0n, 0)
  at = target.writeInt32BE(target.length - LENGTH_AT - 4, at)
  at = target.writeInt32BE(0, at)
  at = target.writeInt8(MAGIC, at)
  at = target.writeInt16BE(batch.isTransactional ? TRANSACTIONAL : 0, ATTRIBUTES_AT)
  at = target.writeInt32BE(batch.records.length - 1, at)
  at = target.writeBigInt64BE(timestamp, at)
  at = target.writeBigInt64BE(timestamp, at)
  at = target.writeBigInt64BE(batch.producerId, at)
  at = target.writeInt16BE(batch.producerEpoch, at)
  at = target.writeInt32BE(batch.firstSequence, at)
  return target.writeInt32BE(batch.records.length, at)
}

interface PlacedRecord {
  readonly record: BatchRecord
  /** Behind its length. */
  readonly bytes: number
  readonly offsetDelta: number
}

// Attributes, of which there are none, and the difference to the batch's timestamp, which is none either.
const NO_ATTRIBUTES = 0
const NO_DELTA = 0

function writeRecord(target: Buffer, from: number, { record, bytes, offsetDelta }: PlacedRecord): number {
  const { key, value, headers } = record
  let at = writeVarInt(target, from, bytes)
  target[at++] = NO_ATTRIBUTES
  target[at++] = NO_DELTA
  at = writeVarInt(target, at, offsetDelta)
  at = writeData(target, at, key ?? null)
  at = writeData(target, at, value)
  if (headers === undefined) return writeVarInt(target, at, 0)
  at = writeVarInt(target, at, countOf(headers))
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined) continue
    if (isOne(value)) at = writeData(target, writeData(target, at, name), value)
    else for (const one of value) at = writeData(target, writeData(target, at, name), one)
  }
  return at
}

function bodyBytesOf({ key, value, headers }: BatchRecord, offsetDelta: number): number {
  const data = dataBytes(key ?? null) + dataBytes(value)
  let bytes = 2 + varIntBytes(offsetDelta) + data
  if (headers === undefined) return bytes + 1
  bytes += varIntBytes(countOf(headers))
  for (const name in headers) {
    const value = headers[name]
    if (value === undefined) continue
    if (isOne(value)) bytes += dataBytes(name) + dataBytes(value)
    else for (const one of value) bytes += dataBytes(name) + dataBytes(one)
  }
  return bytes
}

type Headers = NonNullable<BatchRecord['headers']>

/** A header may be there several times. An event has a dozen of them: they are gone through without making anything. */
function isOne(value: Buffer | string | readonly (Buffer | string)[]): value is Buffer | string {
  return typeof value === 'string' || Buffer.isBuffer(value)
}

function countOf(headers: Headers): number {
  let count = 0
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) count += isOne(value) ? 1 : value.length
  }
  return count
}

function dataBytes(data: Buffer | string | null): number {
  if (data === null) return 1
  const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.length
  return varIntBytes(bytes) + bytes
}

function writeData(target: Buffer, at: number, data: Buffer | string | null): number {
  if (data === null) return writeVarInt(target, at, -1)
  if (typeof data === 'string') {
    const bytes = Buffer.byteLength(data)
    const from = writeVarInt(target, at, bytes)
    return from + target.write(data, from, bytes, 'utf8')
  }
  const from = writeVarInt(target, at, data.length)
  return from + data.copy(target, from)
}

/** Zigzag, seven bits a byte, the least of them first. */
function writeVarInt(target: Buffer, from: number, value: number): number {
  let at = from
  let left = ((value << 1) ^ (value >> 31)) >>> 0
  for (; left > 0x7f; left >>>= 7) target[at++] = (left & 0x7f) | 0x80
  target[at++] = left
  return at
}

function varIntBytes(value: number): number {
  let bytes = 1
  for (let left = ((value << 1) ^ (value >> 31)) >>> 0; left > 0x7f; left >>>= 7) bytes += 1
  return bytes
}
