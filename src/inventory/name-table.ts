/**
 * Numbered names that are found by their text: open addressing in a typed array, 16 to 32 bytes a name beside the name itself.
 * A Map would need each prefix that is looked up as a text of its own.
 */

/** The hash of no text. */
export const HASH_START = 0x811c9dc5 | 0

/** The hash of a text with one more UTF-16 unit at its end (FNV-1a). */
export function hashUnit(hash: number, unit: number): number {
  return Math.imul(hash ^ unit, 0x01000193)
}

export function hashText(text: string, from = 0): number {
  let hash = HASH_START
  for (let i = from; i < text.length; i += 1) hash = hashUnit(hash, text.charCodeAt(i))
  return hash
}

const SLOTS_MIN = 16
/** The number of a slot that no name has taken. */
const EMPTY = -1

export class NameTable {
  /** Two for each slot, side by side for the processor's cache: the name's number and its hash. */
  #slots = emptySlots(SLOTS_MIN)
  #mask = SLOTS_MIN - 1
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The number of the name with this hash that `isIt` accepts; undefined when there is none. */
  find(hash: number, isIt: (number: number) => boolean): number | undefined {
    const slot = this.#slotOf(hash, isIt)
    return slot === undefined ? undefined : this.#numberAt(slot)
  }

  /** Adds a name that is not there yet. */
  add(hash: number, number: number): void {
    if (this.#size > this.#mask >> 1) this.#grow()
    this.#place(hash, number)
    this.#size += 1
  }

  remove(hash: number, number: number): void {
    const slot = this.#slotOf(hash, (each) => each === number)
    if (slot === undefined) return
    this.#size -= 1
    this.#close(slot)
  }

  #slotOf(hash: number, isIt: (number: number) => boolean): number | undefined {
    for (let slot = spread(hash) & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const number = this.#numberAt(slot)
      if (number === EMPTY) return undefined
      if (this.#hashAt(slot) === hash && isIt(number)) return slot
    }
  }

  #place(hash: number, number: number): void {
    let slot = spread(hash) & this.#mask
    while (this.#numberAt(slot) !== EMPTY) slot = (slot + 1) & this.#mask
    this.#set(slot, number, hash)
  }

  // Moves those behind the gap into it that would not be found across it.
  #close(removed: number): void {
    let gap = removed
    for (let slot = (gap + 1) & this.#mask; this.#numberAt(slot) !== EMPTY; slot = (slot + 1) & this.#mask) {
      const home = spread(this.#hashAt(slot)) & this.#mask
      if (((slot - home) & this.#mask) < ((slot - gap) & this.#mask)) continue
      this.#set(gap, this.#numberAt(slot), this.#hashAt(slot))
      gap = slot
    }
    this.#set(gap, EMPTY, 0)
  }

  #grow(): void {
    const slots = this.#slots
    this.#mask = this.#mask * 2 + 1
    this.#slots = emptySlots(this.#mask + 1)
    for (let at = 0; at < slots.length; at += 2) {
      const number = slots[at] ?? EMPTY
      if (number !== EMPTY) this.#place(slots[at + 1] ?? 0, number)
    }
  }

  #numberAt(slot: number): number {
    return this.#slots[slot * 2] ?? EMPTY
  }

  #hashAt(slot: number): number {
    return this.#slots[slot * 2 + 1] ?? 0
  }

  #set(slot: number, number: number, hash: number): void {
    this.#slots[slot * 2] = number
    this.#slots[slot * 2 + 1] = hash
  }
}

function emptySlots(count: number): Int32Array {
  return new Int32Array(count * 2).fill(EMPTY)
}

// The low bits of FNV-1a alone would put names with the same ending close together.
function spread(hash: number): number {
  return hash ^ (hash >>> 15)
}
