/** Ends all processes of an attempt, wherever they went, as Jenkins does by its cookie and Nomad by the control group. */
import { delay, type Clock, type Timers } from '../../runtime/clock.ts'
import type { ControlGroups } from './control-groups.ts'
import { type Leader, livingProcesses, processesOf } from './processes.ts'

export interface ProcessTreeParts {
  readonly groups: ControlGroups | null
  readonly clock: Clock
  readonly timers: Timers
}

// How often it is looked again whether all are gone.
const LOOK_MS_MIN = 5
const LOOK_MS_MAX = 200
/** A process that the kernel itself keeps (state D) is not waited for any longer; it runs nothing of its own any more. */
const KILL_MS_MAX = 30_000

export class ProcessTree {
  readonly #parts: ProcessTreeParts
  readonly #marker: string
  /** The first of its processes, if it is known. */
  readonly #leader: Leader | null

  constructor(parts: ProcessTreeParts, marker: string, leader: Leader | null) {
    this.#parts = parts
    this.#marker = marker
    this.#leader = leader
  }

  /** Asks all of them to end, and gives them that long. */
  async terminate(graceMs: number): Promise<void> {
    this.#signal('SIGTERM')
    await this.#untilGone(graceMs)
  }

  /** Ends all of them. False when some could not be ended in {@link KILL_MS_MAX}. */
  async kill(): Promise<boolean> {
    const { groups, clock, timers } = this.#parts
    const until = clock.now() + KILL_MS_MAX
    for (let pauseMs = LOOK_MS_MIN; ; pauseMs = Math.min(LOOK_MS_MAX, 2 * pauseMs)) {
      groups?.kill(this.#marker)
      if (this.#signal('SIGKILL') === 0 && this.#isGroupEmpty()) break
      if (clock.now() > until) return false
      await delay(timers, pauseMs)
    }
    return true
  }

  async #untilGone(graceMs: number): Promise<void> {
    const { clock, timers } = this.#parts
    const until = clock.now() + graceMs
    let pauseMs = LOOK_MS_MIN
    while (clock.now() < until && this.#members().length > 0) {
      await delay(timers, Math.min(pauseMs, until - clock.now()))
      pauseMs = Math.min(LOOK_MS_MAX, 2 * pauseMs)
    }
  }

  /** How many it was sent to. */
  #signal(signal: 'SIGTERM' | 'SIGKILL'): number {
    const members = this.#members()
    for (const pid of members) {
      try {
        process.kill(pid, signal)
      } catch {
        // It has gone meanwhile.
      }
    }
    return members.length
  }

  #members(): readonly number[] {
    return processesOf(this.#marker, this.#leader, livingProcesses()).map(({ pid }) => pid)
  }

  #isGroupEmpty(): boolean {
    return this.#parts.groups?.isEmpty(this.#marker) ?? true
  }
}
