import type { TimerHandle, Timers } from '../../runtime/clock.ts'
import { LiveRegion } from './live-region.ts'
import { type Pane, printLines } from './screen.ts'

const FRAME_MS = 100

/** Lines at the bottom of a terminal that are drawn ten times a second. Without a terminal they are not. */
export class Board {
  readonly #pane: Pane
  readonly #timers: Timers
  readonly #region: LiveRegion
  #render: (() => readonly string[]) | null = null
  #timer: TimerHandle | null = null
  #isClosed = false

  constructor(pane: Pane, timers: Timers) {
    this.#pane = pane
    this.#timers = timers
    this.#region = new LiveRegion(pane)
  }

  /** Draws these from now on. */
  show(render: () => readonly string[]): void {
    if (this.#isClosed) return
    this.#render = render
    if (this.#pane.isTty && this.#timer === null) this.#frame()
  }

  /** Writes lines above those that are drawn; they stay. */
  print(lines: readonly string[]): void {
    if (this.#isClosed) return
    if (this.#timer === null) {
      printLines(this.#pane, lines)
      return
    }
    this.#region.printAbove(lines)
    this.#draw()
  }

  /** Draws nothing any more; what was drawn last is taken away. */
  hide(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#render = null
    this.#region.clear()
  }

  /** Neither draws nor prints from now on, whoever still works. */
  close(): void {
    this.hide()
    this.#isClosed = true
  }

  #frame(): void {
    this.#draw()
    this.#timer = this.#timers.after(FRAME_MS, () => {
      this.#frame()
    })
  }

  #draw(): void {
    if (this.#render !== null) this.#region.draw(this.#render())
  }
}
