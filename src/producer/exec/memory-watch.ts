/** Looks at what commands have of memory, all processes of each together: where no control group does, this is their limit. */
import type { TimerHandle, Timers } from '../../runtime/clock.ts'
import type { CommandRun } from './command-run.ts'
import { toMB } from './control-groups.ts'
import { livingProcesses, processesOf, proportionalBytes } from './processes.ts'

const LOOK_MS = 500

export class MemoryWatch {
  readonly #timers: Timers
  readonly #runs = new Set<CommandRun>()
  #next: TimerHandle | null = null

  constructor(timers: Timers) {
    this.#timers = timers
  }

  /** Watches it until it has ended. */
  watch(run: CommandRun): void {
    this.#runs.add(run)
    this.#next ??= this.#timers.after(LOOK_MS, this.#look)
    void run.ended.then(() => {
      this.#runs.delete(run)
    })
  }

  readonly #look = (): void => {
    const living = this.#runs.size === 0 ? [] : livingProcesses()
    for (const run of this.#runs) {
      const processes = processesOf(run.marker, run.leader, living)
      const residentMB = toMB(processes.reduce((sum, { residentBytes }) => sum + residentBytes, 0))
      // What they share is counted for each of them there, which is cheap to read; before one is ended for it, it is divided.
      const bytes = residentMB > run.memoryMB ? proportionalBytes(processes) : null
      run.sawMemory(bytes === null ? residentMB : toMB(bytes))
    }
    this.#next = this.#runs.size === 0 ? null : this.#timers.after(LOOK_MS, this.#look)
  }
}
