/** Confluent's wire format: a zero byte, the writer's schema id in 32 bits (big-endian), the value in Avro's binary form. */
import { Undecodable } from './undecodable.ts'

export const MAGIC_BYTE = 0x00
export const HEADER_BYTES = 5

/** @throws Undecodable */
export function schemaIdOf(value: Buffer): number {
  const first = value[0]
  if (first === undefined) throw new Undecodable('the record is empty')
  if (first !== MAGIC_BYTE) {
    const shown = first.toString(16).padStart(2, '0')
    const neither = "0x00 as Avro in Confluent's wire format does, nor with { as JSON does, where it is taken"
    throw new Undecodable(`the record starts with byte 0x${shown}, not with ${neither}`)
  }
  if (value.length < HEADER_BYTES) {
    throw new Undecodable(`the record has ${value.length} bytes, fewer than the header of Confluent's wire format`)
  }
  const id = value.readInt32BE(1)
  if (id < 1) throw new Undecodable(`the record names schema ${id}, and registries count from 1`)
  return id
}

export function writeHeader(target: Buffer, schemaId: number): void {
  target[0] = MAGIC_BYTE
  target.writeInt32BE(schemaId, 1)
}
