import { printLines, type Pane } from './screen.ts'
import { clipVisible } from './width.ts'

/** Some lines at the bottom of a terminal that are drawn again in place. */
export class LiveRegion {
  readonly #pane: Pane
  #height = 0

  constructor(pane: Pane) {
    this.#pane = pane
  }

  /** Draws the lines over those drawn before. One write a frame, so that none is seen half. */
  draw(lines: readonly string[]): void {
    // A line as wide as the terminal would wrap, and the next frame begin a line too low.
    const width = Math.max(1, this.#pane.columns() - 1)
    const frame = lines.map((line) => `${clipVisible(line, width)}${ERASE_TO_END_OF_LINE}\n`).join('')
    this.#pane.write(`${this.#upToStart()}${frame}${ERASE_BELOW}`)
    this.#height = lines.length
  }

  /** Writes lines above the region, where they stay. */
  printAbove(lines: readonly string[]): void {
    this.clear()
    printLines(this.#pane, lines)
  }

  /** Takes the lines away. */
  clear(): void {
    if (this.#height > 0) this.#pane.write(`${this.#upToStart()}${ERASE_BELOW}`)
    this.#height = 0
  }

  #upToStart(): string {
    return this.#height > 0 ? `\x1b[${this.#height}A\r` : ''
  }
}

const ERASE_TO_END_OF_LINE = '\x1b[K'
const ERASE_BELOW = '\x1b[J'
