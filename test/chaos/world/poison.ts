/** Records that nobody can work on: each kind is set aside, with a cause that says what is wrong with it. */
import { gzipSync } from 'node:zlib'

export interface PoisonKind {
  readonly name: string
  readonly value: Buffer | null
  /** Where the record would be forwarded from anywhere but its home: the key that leads there. */
  readonly key?: string
  readonly cause: RegExp
}

/** One that was written, and where it is. */
export interface PoisonRecord extends PoisonKind {
  readonly partition: number
  readonly offset: number
}

const READ = '{"op":"read","path":"/a"}'

export const POISON: readonly PoisonKind[] = [
  { name: 'noise', value: Buffer.of(9, 8, 7, 6, 5, 4), cause: /starts with byte 0x09/ },
  { name: 'nothing', value: Buffer.of(), cause: /the record is empty/ },
  { name: 'a tombstone', value: null, cause: /has no value/ },
  { name: 'packed JSON', value: gzipSync('{"operations":[]}'), cause: /starts with byte 0x1f/ },
  { name: 'JSON that ends in the middle', value: Buffer.from('{"operations":[{"operationId":1,'), cause: /The document ended/ },
  { name: 'bytes that are no UTF-8', value: Buffer.from('{"operations":[{"op":"read","path":"\xff"}]}', 'latin1'), cause: /UTF-8/ },
  { name: 'a member that there is none of', value: Buffer.from(`{"colour":1,"operations":[${READ}]}`), cause: /^colour: there is no such/ },
  { name: 'no operations', value: Buffer.from('{"operations":[]}'), cause: /at least one operation/ },
  { name: 'Avro of no schema', value: Buffer.of(0, 0, 0, 0, 0, 1, 2, 3), cause: /names schema 0/ },
  { name: 'a million levels', value: deep(), cause: /nested deeper/ },
  {
    name: 'a cancellation of nobody',
    value: Buffer.from('{"type":"CancelJob","jobId":"nobody"}'),
    key: 'nobody',
    cause: /there is no job "nobody"/,
  },
]

function deep(): Buffer {
  return Buffer.from(`{"operations":[{"op":"add","path":"/a","value":${'['.repeat(400_000)}}]}`)
}
