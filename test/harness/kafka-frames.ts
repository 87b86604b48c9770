/** As much of Kafka's protocol as it takes to match answers with requests, and to say elsewhere where brokers are. */

const API_KEYS = {
  Produce: 0,
  Fetch: 1,
  ListOffsets: 2,
  Metadata: 3,
  OffsetCommit: 8,
  OffsetFetch: 9,
  FindCoordinator: 10,
  JoinGroup: 11,
  Heartbeat: 12,
  LeaveGroup: 13,
  SyncGroup: 14,
  ApiVersions: 18,
  CreateTopics: 19,
  InitProducerId: 22,
  AddPartitionsToTxn: 24,
  AddOffsetsToTxn: 25,
  EndTxn: 26,
  TxnOffsetCommit: 28,
} as const

export type KafkaApi = keyof typeof API_KEYS

const names = new Map<number, KafkaApi>(Object.entries(API_KEYS).map(([name, key]) => [key, name as KafkaApi]))

/** Null for those that nobody needs to name. */
export function nameOf(apiKey: number): KafkaApi | null {
  return names.get(apiKey) ?? null
}

const SIZE_BYTES = 4

/** Cuts a stream into frames: a size, and so many bytes. */
export class FrameReader {
  #chunks: Buffer[] = []
  #bytes = 0

  /** The frames that are whole with this chunk, their sizes included. */
  read(chunk: Buffer): readonly Buffer[] {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    const frames: Buffer[] = []
    for (let size = this.#nextSize(); this.#bytes >= size; size = this.#nextSize()) {
      const all = Buffer.concat(this.#chunks)
      frames.push(all.subarray(0, size))
      this.#chunks = [all.subarray(size)]
      this.#bytes -= size
    }
    return frames
  }

  #nextSize(): number {
    if (this.#bytes < SIZE_BYTES) return Infinity
    const [first] = this.#chunks
    if (first === undefined || first.length < SIZE_BYTES) this.#chunks = [Buffer.concat(this.#chunks)]
    return SIZE_BYTES + (this.#chunks[0]?.readInt32BE(0) ?? Infinity)
  }
}

export interface RequestHeader {
  readonly apiKey: number
  readonly version: number
  readonly correlationId: number
}

export function readRequestHeader(frame: Buffer): RequestHeader {
  return { apiKey: frame.readInt16BE(4), version: frame.readInt16BE(6), correlationId: frame.readInt32BE(8) }
}

/** Where the brokers are said to be instead of where they are, `host:port` both. */
export type Addresses = ReadonlyMap<string, string>

const BODY_AT = SIZE_BYTES + 4
const ADDRESSED_VERSIONS_MAX = { Metadata: 12, FindCoordinator: 2 } as const
/** From which version on the encoding is that of KIP-482: lengths as varints, and tagged fields. */
const COMPACT_VERSION_MIN = { Metadata: 9, FindCoordinator: 3 } as const

/**
 * The answer with other addresses, where the API has some. Throws for a version with another layout, and for a broker that
 * is not among the addresses: a client would go past the proxy.
 */
export function withAddresses(frame: Buffer, api: KafkaApi, version: number, addresses: Addresses): Buffer {
  if (api !== 'Metadata' && api !== 'FindCoordinator') return frame
  if (version > ADDRESSED_VERSIONS_MAX[api]) throw new Error(`version ${version} of ${api} is not understood`)
  const rewriting = new Rewriting(frame, { addresses, isCompact: version >= COMPACT_VERSION_MIN[api] })
  rewriting.tags()
  if (api === 'Metadata') {
    if (version >= 3) rewriting.keep(4)
    const brokers = rewriting.count()
    for (let n = 0; n < brokers; n += 1) {
      rewriting.keep(4)
      rewriting.address()
      if (version >= 1) rewriting.text()
      rewriting.tags()
    }
  } else {
    if (version >= 1) rewriting.keep(4)
    rewriting.keep(2)
    if (version >= 1) rewriting.text()
    rewriting.keep(4)
    rewriting.address()
  }
  return rewriting.done()
}

class Rewriting {
  readonly #from: Buffer
  readonly #addresses: Addresses
  readonly #isCompact: boolean
  readonly #parts: Buffer[] = []
  #at = BODY_AT
  #keptFrom = SIZE_BYTES

  constructor(frame: Buffer, { addresses, isCompact }: { readonly addresses: Addresses; readonly isCompact: boolean }) {
    this.#from = frame
    this.#addresses = addresses
    this.#isCompact = isCompact
  }

  keep(bytes: number): void {
    this.#at += bytes
  }

  int32(): number {
    this.#at += 4
    return this.#from.readInt32BE(this.#at - 4)
  }

  /** How many there are in a list. */
  count(): number {
    return this.#isCompact ? this.#varint() - 1 : this.int32()
  }

  /** A text that may be null. */
  text(): string {
    const length = Math.max(0, this.#isCompact ? this.#varint() - 1 : this.#int16())
    this.#at += length
    return this.#from.toString('utf8', this.#at - length, this.#at)
  }

  /** Tagged fields, of which there are none where the encoding has none. */
  tags(): void {
    if (!this.#isCompact) return
    for (let left = this.#varint(); left > 0; left -= 1) {
      this.#varint()
      const length = this.#varint()
      this.#at += length
    }
  }

  /** A host and a port; no host is none. */
  address(): void {
    const begins = this.#at
    const host = this.text()
    const portThere = this.int32()
    if (host === '') return
    const instead = this.#addresses.get(`${host}:${portThere}`)
    if (instead === undefined) throw new Error(`the proxy does not know the broker at ${host}:${portThere}`)
    const colon = instead.lastIndexOf(':')
    const port = Buffer.alloc(4)
    port.writeInt32BE(Number(instead.slice(colon + 1)))
    this.#parts.push(this.#from.subarray(this.#keptFrom, begins), this.#lengthOf(colon), Buffer.from(instead.slice(0, colon)), port)
    this.#keptFrom = this.#at
  }

  /** Of a name of a host, which has fewer than 127 letters. */
  #lengthOf(letters: number): Buffer {
    return this.#isCompact ? Buffer.from([letters + 1]) : Buffer.from([0, letters])
  }

  #int16(): number {
    this.#at += 2
    return this.#from.readInt16BE(this.#at - 2)
  }

  #varint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#from.readUInt8(this.#at)
      this.#at += 1
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
  }

  done(): Buffer {
    const body = Buffer.concat([...this.#parts, this.#from.subarray(this.#keptFrom)])
    const size = Buffer.alloc(SIZE_BYTES)
    size.writeInt32BE(body.length)
    return Buffer.concat([size, body])
  }
}
