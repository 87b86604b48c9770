/** Timers by id in the order of their times: a binary heap in which a moved timer leaves its old entry behind as stale. */
export class TimerQueue {
  readonly #dueAt = new Map<string, number>()
  #heap: { id: string; at: number }[] = []

  get size(): number {
    return this.#dueAt.size
  }

  set(id: string, at: number): void {
    this.#dueAt.set(id, at)
    this.#push({ id, at })
    // Moved timers leave entries behind; more of them than live ones would be a leak.
    if (this.#heap.length > 2 * this.#dueAt.size + 64) this.#rebuild()
  }

  /** When the next timer is due; undefined when none is set. */
  nextAt(): number | undefined {
    this.#dropStale()
    return this.#heap[0]?.at
  }

  /** Takes a timer that is due, the earliest first; undefined when none is. */
  takeDue(now: number): string | undefined {
    this.#dropStale()
    const first = this.#heap[0]
    if (first === undefined || first.at > now) return undefined
    this.#pop()
    this.#dueAt.delete(first.id)
    return first.id
  }

  #dropStale(): void {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (this.#dueAt.get(first.id) === first.at) return
      this.#pop()
    }
  }

  #rebuild(): void {
    this.#heap = []
    for (const [id, at] of this.#dueAt) this.#push({ id, at })
  }

  #push(entry: { id: string; at: number }): void {
    const heap = this.#heap
    let child = heap.length
    heap.push(entry)
    while (child > 0) {
      const parent = (child - 1) >> 1
      const above = heap[parent]
      if (above === undefined || above.at <= entry.at) break
      heap[child] = above
      child = parent
    }
    heap[child] = entry
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let parent = 0
    for (;;) {
      const child = this.#earlierChild(parent)
      const below = heap[child]
      if (below === undefined || below.at >= last.at) break
      heap[parent] = below
      parent = child
    }
    heap[parent] = last
  }

  #earlierChild(parent: number): number {
    const left = 2 * parent + 1
    const leftEntry = this.#heap[left]
    const rightEntry = this.#heap[left + 1]
    return leftEntry !== undefined && rightEntry !== undefined && rightEntry.at < leftEntry.at ? left + 1 : left
  }
}
