// Below that, moving what is left of an array is quicker than looking after a gap.
const GAP_MIN = 1_024

/** First come, first served, however long it is: taking the first of a long array moves all the others. */
export class WaitingLine<Item> {
  #items: Item[] = []
  /** Where the first one stands; what is before it was taken. */
  #head = 0

  get first(): Item | undefined {
    return this.#items[this.#head]
  }

  append(item: Item): void {
    this.#items.push(item)
  }

  /** For the few that have waited before. */
  prepend(item: Item): void {
    if (this.#head === 0) {
      this.#items.unshift(item)
      return
    }
    this.#head -= 1
    this.#items[this.#head] = item
  }

  takeFirst(): Item | undefined {
    const item = this.first
    if (item === undefined) return undefined
    this.#head += 1
    if (this.#head === this.#items.length) {
      this.#items = []
      this.#head = 0
    } else if (this.#head >= GAP_MIN && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
