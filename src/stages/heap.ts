/** A binary heap: whatever is put in, the first by the given order is at hand. Equal ones come in any order. */
export class Heap<Item> {
  readonly #items: Item[] = []
  readonly #isBefore: (one: Item, other: Item) => boolean

  constructor(isBefore: (one: Item, other: Item) => boolean) {
    this.#isBefore = isBefore
  }

  get size(): number {
    return this.#items.length
  }

  get first(): Item | undefined {
    return this.#items[0]
  }

  push(item: Item): void {
    const items = this.#items
    let child = items.length
    items.push(item)
    while (child > 0) {
      const parent = (child - 1) >> 1
      const above = items[parent]
      if (above === undefined || !this.#isBefore(item, above)) break
      items[child] = above
      child = parent
    }
    items[child] = item
  }

  takeFirst(): Item | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    if (last === undefined || items.length === 0) return first
    let parent = 0
    for (;;) {
      const child = this.#firstChild(parent)
      const below = items[child]
      if (below === undefined || !this.#isBefore(below, last)) break
      items[parent] = below
      parent = child
    }
    items[parent] = last
    return first
  }

  #firstChild(parent: number): number {
    const left = 2 * parent + 1
    const [one, other] = [this.#items[left], this.#items[left + 1]]
    return one !== undefined && other !== undefined && this.#isBefore(other, one) ? left + 1 : left
  }
}
