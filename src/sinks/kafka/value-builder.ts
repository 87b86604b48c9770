import { SEPARATOR, VALUE_HEAD, valueTail } from '../event-value.ts'
import { SinkFailure } from '../sink.ts'

const PLAIN_TAIL = valueTail(null)
const BESIDE_MEMBERS_BYTES = VALUE_HEAD.length + valueTail(Buffer.alloc(0)).length

/** Puts responses into as few values as hold them, none larger than its limit. The members beside the responses go into the first one. */
export class ValueBuilder {
  /** The largest response that a value has room for. */
  readonly responseBytesMax: number
  /** The most bytes of members that a value has room for beside its responses. */
  readonly membersBytesMax: number
  readonly valueBytesMax: number
  readonly #topic: string
  readonly #values: Buffer[] = []
  #responses: Buffer[] = []
  #tail: Buffer
  #bytes: number

  constructor(topic: string, valueBytesMax: number) {
    this.#topic = topic
    this.valueBytesMax = valueBytesMax
    this.responseBytesMax = valueBytesMax - VALUE_HEAD.length - PLAIN_TAIL.length
    this.membersBytesMax = valueBytesMax - BESIDE_MEMBERS_BYTES
    this.#tail = PLAIN_TAIL
    this.#bytes = VALUE_HEAD.length + this.#tail.length
  }

  /** To be called before any response is added. */
  addMembers(members: Buffer): void {
    this.#tail = valueTail(members)
    this.#bytes = VALUE_HEAD.length + this.#tail.length
  }

  /** Throws SinkFailure for a response that no value has room for. */
  add(response: Buffer): void {
    if (response.length > this.responseBytesMax) {
      const room = `topic "${this.#topic}" has room for values of ${this.valueBytesMax} bytes`
      const message = `${room}, a response of ${response.length} does not fit`
      throw new SinkFailure(message, { disposition: 'reject', code: 'MESSAGE_TOO_LARGE' })
    }
    if (this.#bytes + response.length + this.#separatorBytes() > this.valueBytesMax) this.#flush()
    this.#bytes += response.length + this.#separatorBytes()
    this.#responses.push(response)
  }

  finish(): readonly Buffer[] {
    if (this.#responses.length > 0 || this.#values.length === 0) this.#flush()
    return this.#values
  }

  #separatorBytes(): number {
    return this.#responses.length === 0 ? 0 : SEPARATOR.length
  }

  #flush(): void {
    const parts: Buffer[] = [VALUE_HEAD]
    for (const [position, response] of this.#responses.entries()) {
      if (position > 0) parts.push(SEPARATOR)
      parts.push(response)
    }
    this.#values.push(Buffer.concat([...parts, this.#tail]))
    this.#responses = []
    this.#tail = PLAIN_TAIL
    this.#bytes = VALUE_HEAD.length + this.#tail.length
  }
}
