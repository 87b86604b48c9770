// Few documents are deeper; arrays as small as these are made with little work.
const INITIAL_DEPTH = 16

/** What is open at some place of a JSON document, by how deep it is; index 1 is the outermost. It grows as the document asks for. */
export class JsonNesting {
  /** For every open object or array, the byte that closes it. */
  closers: Uint8Array = new Uint8Array(INITIAL_DEPTH)
  /** For every open object, the paths that lead through it, a bit each. */
  leading: Int32Array = new Int32Array(INITIAL_DEPTH)

  open(depth: number, closer: number): void {
    if (depth === this.closers.length) this.deepen()
    this.closers[depth] = closer
  }

  /** Makes room for twice as much, and returns the closers as they are then. */
  deepen(): Uint8Array {
    const { closers, leading } = this
    this.closers = new Uint8Array(2 * closers.length)
    this.closers.set(closers)
    this.leading = new Int32Array(2 * leading.length)
    this.leading.set(leading)
    return this.closers
  }
}
