import { membersOf } from '../../codec/json-members.ts'
import { resultFacts } from '../event-value.ts'
import type { OpaqueSource } from '../sink.ts'
import type { PartAttributes } from './event-headers.ts'

/** An event that carries a piece of a result and reports no operation. */
export interface ResultPart {
  readonly attributes: PartAttributes
  readonly value: Buffer
}

export interface ResultPartsOptions {
  /** What the ids of the results that are cut begin with. */
  readonly idPrefix: string
  /** The largest value of a part. */
  readonly valueBytesMax: number
}

const PART_HEAD = '{"data":{"responses":[],"part":"'
const PART_TAIL = '"}}'
// Beyond it the parts are so small that their headers would be most of what is written.
const PARTS_MAX = 10_000
// The reader of the result has bounded it already.
const DEPTH_MAX = 1_001

/**
 * Cuts results that no event has room for. In the place of the member `result` comes `resultParts`, which says where the
 * pieces are; those are events of their own, in base64 and in their order (docs/results.md, "Results in parts").
 */
export class ResultParts {
  readonly #idPrefix: string
  readonly #pieceBytesMax: number
  readonly #parts: ResultPart[] = []
  #cuts = 0

  constructor({ idPrefix, valueBytesMax }: ResultPartsOptions) {
    this.#idPrefix = idPrefix
    // Four characters of base64 stand for three bytes.
    this.#pieceBytesMax = Math.floor((valueBytesMax - PART_HEAD.length - PART_TAIL.length) / 4) * 3
  }

  get parts(): readonly ResultPart[] {
    return this.#parts
  }

  /** The members in place of a result without responses; null when it can't be cut. */
  cutResult(bytes: Buffer, facts: Pick<OpaqueSource, 'format' | 'contentType'>, bytesMax: number): Buffer | null {
    if (!this.#canCut(bytes)) return null
    const members = JSON.stringify({ ...resultFacts(facts), resultParts: this.#reference(bytes) }).slice(1, -1)
    const shown = Buffer.from(members)
    if (shown.length > bytesMax) return null
    this.#cut(bytes)
    return shown
  }

  /** A response without its result, which comes in parts; null when that is not what makes it too large. */
  cutResponse(response: Buffer, bytesMax: number): Buffer | null {
    const members = membersOf(response, DEPTH_MAX)
    const [result, ...others] = members.filter(({ name }) => name === 'result' || name === 'resultParts')
    if (result?.name !== 'result' || others.length > 0 || !this.#canCut(result.raw)) return null
    const reference = JSON.stringify(this.#reference(result.raw))
    const texts = members.map(({ name, raw }) =>
      name === 'result' ? `"resultParts":${reference}` : `${JSON.stringify(name)}:${raw.toString()}`,
    )
    const shortened = Buffer.from(`{${texts.join(',')}}`)
    if (shortened.length > bytesMax) return null
    this.#cut(result.raw)
    return shortened
  }

  #canCut(bytes: Buffer): boolean {
    return this.#pieceBytesMax > 0 && this.#count(bytes) <= PARTS_MAX
  }

  #reference(bytes: Buffer): object {
    return { id: this.#id(), count: this.#count(bytes), bytes: bytes.length }
  }

  #cut(bytes: Buffer): void {
    const id = this.#id()
    const count = this.#count(bytes)
    for (let index = 0; index < count; index += 1) {
      const from = index * this.#pieceBytesMax
      const piece = bytes.toString('base64', from, from + this.#pieceBytesMax)
      this.#parts.push({ attributes: { of: id, index, count }, value: Buffer.from(PART_HEAD + piece + PART_TAIL, 'latin1') })
    }
    this.#cuts += 1
  }

  #id(): string {
    return `${this.#idPrefix}/${this.#cuts}`
  }

  #count(bytes: Buffer): number {
    return Math.ceil(bytes.length / this.#pieceBytesMax)
  }
}
