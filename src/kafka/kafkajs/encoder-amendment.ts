/**
 * How kafkajs 2.2.4 puts a request together: an encoder for each level, nine from a record's value to the request, each of
 * which copies all of the level below into a zeroed buffer of its own, of up to twice the size. That is most of what a
 * megabyte of records costs. Amended, an encoder keeps large pieces as they are, and copies once it is asked for its bytes.
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** kafkajs's encoder, and what is added: all that was written is in `pieces`, of `pieceBytes`, and then in `buf` up to `offset`. */
interface Encoder {
  buf: Buffer
  offset: number
  pieces?: Buffer[]
  pieceBytes?: number
  writeInt32(value: number): Encoder
  ensureAvailable(length: number): void
  writeBufferInternal: (this: Encoder, buffer: Buffer) => void
  writeBytes: (this: Encoder, value: unknown) => Encoder
  writeEncoder(value: Encoder): Encoder
  writeEncoderArray(values: readonly Encoder[]): Encoder
  size(): number
}

// Smaller ones are quicker copied than kept apart.
const PIECE_BYTES_MIN = 4 * 1024
const BUFFER_BYTES_MIN = 512

export function amendEncoder(): void {
  const { prototype } = require('kafkajs/src/protocol/encoder') as { readonly prototype: Encoder }
  const { writeBufferInternal, writeBytes } = prototype
  prototype.ensureAvailable = function (this: Encoder, length): void {
    const needed = this.offset + length
    if (needed <= this.buf.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.buf.length * 2, BUFFER_BYTES_MIN))
    this.buf.copy(larger, 0, 0, this.offset)
    this.buf = larger
  }
  prototype.writeBufferInternal = function (this: Encoder, buffer): void {
    if (buffer.length < PIECE_BYTES_MIN) {
      writeBufferInternal.call(this, buffer)
      return
    }
    cut(this)
    keep(this, buffer)
  }
  prototype.writeBytes = function (this: Encoder, value): Encoder {
    if (!Buffer.isBuffer(value)) return writeBytes.call(this, value)
    this.writeInt32(value.length)
    this.writeBufferInternal(value)
    return this
  }
  prototype.writeEncoder = function (this: Encoder, value): Encoder {
    for (const piece of value.pieces ?? []) this.writeBufferInternal(piece)
    this.writeBufferInternal(value.buf.subarray(0, value.offset))
    return this
  }
  prototype.writeEncoderArray = function (this: Encoder, values): Encoder {
    for (const value of values) this.writeEncoder(value)
    return this
  }
  prototype.size = function (this: Encoder): number {
    return (this.pieceBytes ?? 0) + this.offset
  }
  Object.defineProperty(prototype, 'buffer', { get: wholeOf })
}

function wholeOf(this: Encoder): Buffer {
  if (this.pieces === undefined) return this.buf.subarray(0, this.offset)
  cut(this)
  const [first, ...others] = this.pieces
  if (first !== undefined && others.length === 0) return first
  const whole = Buffer.concat(this.pieces)
  this.pieces = [whole]
  return whole
}

/** Makes what was written since the last piece a piece of its own. */
function cut(encoder: Encoder): void {
  const { buf, offset } = encoder
  if (offset === 0) return
  keep(encoder, buf.subarray(0, offset))
  encoder.buf = buf.subarray(offset)
  encoder.offset = 0
}

function keep(encoder: Encoder, piece: Buffer): void {
  encoder.pieces ??= []
  encoder.pieces.push(piece)
  encoder.pieceBytes = (encoder.pieceBytes ?? 0) + piece.length
}
