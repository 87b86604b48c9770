import type { Clock } from '../../runtime/clock.ts'
import type { Board } from '../output/board.ts'
import type { Pane } from '../output/screen.ts'
import { formatDuration } from '../output/units.ts'
import { padVisible } from '../output/width.ts'

interface RunningStep {
  readonly title: string
  readonly startedAt: number
  /** What it is doing just now. */
  doing: string
}

/** What a step came to, for people, and for the steps after it. */
export interface StepResult<T> {
  readonly text: string
  readonly value: T
}

const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const SPIN_MS = 100
const TITLE_WIDTH = 12
const TIME_WIDTH = 8

/** Things that take their time, shown while they run (several at once) and with their time when they are done. */
export class Steps {
  readonly #board: Board
  readonly #pane: Pane
  readonly #clock: Clock
  readonly #running = new Set<RunningStep>()

  constructor(board: Board, pane: Pane, clock: Clock) {
    this.#board = board
    this.#pane = pane
    this.#clock = clock
  }

  /** Runs a step; it says what it is doing through `say`. Rejects as the work does, which is then shown as failed. */
  async run<T>(title: string, work: (say: (line: string) => void) => Promise<StepResult<T>>): Promise<T> {
    const step: RunningStep = { title, startedAt: this.#clock.now(), doing: '' }
    this.#running.add(step)
    this.#board.show(() => [...this.#running].map((each) => this.#line(each)))
    try {
      const { text, value } = await work((line) => {
        step.doing = line
        if (!this.#pane.isTty) this.#board.print([this.#compose('·', title, line)])
      })
      this.#end(step, this.#pane.paint('green', '✔'), text)
      return value
    } catch (error) {
      this.#end(step, this.#pane.paint('red', '✘'), 'failed')
      throw error
    }
  }

  #end(step: RunningStep, mark: string, text: string): void {
    this.#running.delete(step)
    this.#board.print([this.#compose(mark, step.title, text, this.#elapsed(step))])
    if (this.#running.size === 0) this.#board.hide()
  }

  #line(step: RunningStep): string {
    const spin = SPINNER[Math.floor((this.#clock.now() - step.startedAt) / SPIN_MS) % SPINNER.length] ?? ''
    return this.#compose(
      this.#pane.paint('cyan', spin),
      step.title,
      this.#pane.paint('dim', step.doing),
      this.#elapsed(step),
    )
  }

  #elapsed(step: RunningStep): string {
    return formatDuration(this.#clock.now() - step.startedAt)
  }

  #compose(mark: string, title: string, text: string, time = ''): string {
    const { paint } = this.#pane
    const shownTime = paint('dim', padVisible(time, TIME_WIDTH, 'right'))
    return `  ${mark} ${paint('bold', title.padEnd(TITLE_WIDTH))} ${shownTime}  ${text}`.trimEnd()
  }
}
