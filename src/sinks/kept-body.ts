import { OPEN_ARRAY } from '../codec/json-bytes.ts'
import { membersOf } from '../codec/json-members.ts'
import { JsonScanError } from '../codec/json-scan-error.ts'

const NOTHING: AsyncIterable<Uint8Array> = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
}

/**
 * A producer's body that is read once, as it comes, and kept meanwhile as far as it is small. Whoever has read it to its
 * end can then publish it as it came.
 */
export class KeptBody implements AsyncIterable<Uint8Array> {
  readonly #body: AsyncIterable<Uint8Array>
  readonly #bytesMax: number
  #chunks: Uint8Array[] = []
  #length = 0
  #ended = false

  /** @param bytesMax how much is kept; of a larger body nothing is */
  constructor(body: AsyncIterable<Uint8Array>, bytesMax: number) {
    this.#body = body
    this.#bytesMax = bytesMax
  }

  /** One that was read already. */
  static whole(bytes: Buffer, bytesMax: number): KeptBody {
    const body = new KeptBody(NOTHING, bytesMax)
    if (bytes.length <= bytesMax) body.#chunks.push(bytes)
    body.#length = bytes.length
    body.#ended = true
    return body
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of this.#body) {
      this.#length += chunk.length
      if (this.#length <= this.#bytesMax) this.#chunks.push(chunk)
      else this.#chunks = []
      yield chunk
    }
    this.#ended = true
  }

  /** The body, if all of it was read and kept, and it is an event's value: `{data:{responses:[…]}}`. */
  eventValue(): Buffer | null {
    if (!this.#ended || this.#length > this.#bytesMax) return null
    const [first] = this.#chunks
    const bytes = this.#chunks.length === 1 && Buffer.isBuffer(first) ? first : Buffer.concat(this.#chunks)
    const data = memberOf(bytes, 'data')
    const responses = data === undefined ? undefined : memberOf(data, 'responses')
    return responses?.[0] === OPEN_ARRAY ? bytes : null
  }
}

// The body's reader has bounded it already.
const DEPTH_MAX = 1_000

/** The member's bytes; undefined when these are no object or have no such member. */
function memberOf(bytes: Buffer, name: string): Buffer | undefined {
  try {
    return membersOf(bytes, DEPTH_MAX).find((member) => member.name === name)?.raw
  } catch (error) {
    if (error instanceof JsonScanError) return undefined
    throw error
  }
}
