/** The ids of a million operations, as hashes in one typed array. */
import { randomBytes } from 'node:crypto'

// A table that is filled beyond this is doubled.
const LOAD_MAX = 0.7
const SLOTS_MIN = 256
/** A hash has 128 bits. */
const WORDS = 4

/**
 * A set of texts that keeps no text: by keyed hashes of 128 bits, so that nobody without the key, which is drawn for each set,
 * can find two texts with the same one; by chance a million texts have two of those once in 10^26 sets.
 */
export class OperationIds {
  readonly #keys: readonly [readonly [number, number], readonly [number, number]]
  readonly #hash = new Uint32Array(WORDS)
  #slots = new Uint32Array(SLOTS_MIN * WORDS)
  #count = 0

  constructor(key: Uint8Array = randomBytes(WORDS * 4)) {
    const [k0 = 0, k1 = 0, k2 = 0, k3 = 0] = new Int32Array(Uint8Array.from(key).buffer)
    this.#keys = [[k0, k1], [k2, k3]]
  }

  /** Whether the text was not there yet. */
  addNew(text: string): boolean {
    this.#hashOf(text)
    const slot = slotOf(this.#slots, this.#hash, 0) * WORDS
    if (this.#slots[slot] !== 0) return false
    copy(this.#hash, 0, this.#slots, slot)
    this.#count += 1
    if (this.#count > (this.#slots.length / WORDS) * LOAD_MAX) this.#grow()
    return true
  }

  #grow(): void {
    const from = this.#slots
    const slots = new Uint32Array(from.length * 2)
    for (let at = 0; at < from.length; at += WORDS) {
      if (from[at] !== 0) copy(from, at, slots, slotOf(slots, from, at) * WORDS)
    }
    this.#slots = slots
  }

  // The first word of a slot that is taken is not 0.
  #hashOf(text: string): void {
    halfSipHash(text, this.#keys[0], this.#hash, 0)
    halfSipHash(text, this.#keys[1], this.#hash, 2)
    if (this.#hash[0] === 0) this.#hash[0] = 1
  }
}

function copy(from: Uint32Array, at: number, to: Uint32Array, toAt: number): void {
  for (let word = 0; word < WORDS; word += 1) to[toAt + word] = from[at + word] as number
}

/** Where the hash at `at` is, or where it would be put: linear probing. */
function slotOf(slots: Uint32Array, hash: Uint32Array, at: number): number {
  const mask = slots.length / WORDS - 1
  let slot = (hash[at + 1] as number) & mask
  for (;;) {
    const found = slot * WORDS
    if (slots[found] === 0) return slot
    const isSame =
      slots[found] === hash[at] &&
      slots[found + 1] === hash[at + 1] &&
      slots[found + 2] === hash[at + 2] &&
      slots[found + 3] === hash[at + 3]
    if (isSame) return slot
    slot = (slot + 1) & mask
  }
}

/**
 * HalfSipHash-2-4 with 64 bits (Aumasson, Bernstein: SipHash, reference code halfsiphash.c), over the text's UTF-16 units, two
 * of them a word. SipHash's little sister takes words of 32 bits, which are quick here.
 */
function halfSipHash(text: string, [k0, k1]: readonly [number, number], out: Uint32Array, at: number): void {
  let v0 = k0
  let v1 = k1 ^ 0xee
  let v2 = 0x6c796765 ^ k0
  let v3 = 0x74656462 ^ k1
  const words = text.length >>> 1
  // The text's words, one with its length and what is left of it, and two steps without a word that end it.
  for (let step = 0; step <= words + 2; step += 1) {
    let word = 0
    if (step < words) word = text.charCodeAt(step * 2) | (text.charCodeAt(step * 2 + 1) << 16)
    else if (step === words) word = ((text.length * 2) << 24) | ((text.length & 1) === 1 ? text.charCodeAt(words * 2) : 0)
    else if (step === words + 1) v2 ^= 0xee
    else v1 ^= 0xdd
    v3 ^= word
    for (let rounds = step <= words ? 2 : 4; rounds > 0; rounds -= 1) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    v0 ^= word
    if (step > words) out[at + step - words - 1] = v1 ^ v3
  }
}
