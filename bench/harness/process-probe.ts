/** What a process takes of the machine, from Linux's /proc. */
import { readFileSync } from 'node:fs'

const SAMPLE_MS = 50
export const MIB = 1024 * 1024
// sysconf(_SC_CLK_TCK): 100 on every Linux that Node runs on.
const TICKS_PER_SECOND = 100

/** In seconds. */
export interface ProcessorTime {
  readonly user: number
  readonly system: number
}

export class ProcessProbe {
  readonly #pid: number
  readonly #sampling: NodeJS.Timeout
  #peakBytes = 0

  constructor(pid: number) {
    this.#pid = pid
    this.#sampling = setInterval(() => {
      this.#peakBytes = Math.max(this.#peakBytes, this.residentBytes())
    }, SAMPLE_MS)
  }

  residentBytes(): number {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8'))?.[1]
    return Number(kib ?? 0) * 1024
  }

  /** The most that was seen since the last call. */
  takePeakBytes(): number {
    const peak = Math.max(this.#peakBytes, this.residentBytes())
    this.#peakBytes = 0
    return peak
  }

  /** Seconds of processor time since the process began. */
  processorTime(): ProcessorTime {
    const fields = readFileSync(`/proc/${this.#pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return { user: Number(fields[11]) / TICKS_PER_SECOND, system: Number(fields[12]) / TICKS_PER_SECOND }
  }

  stop(): void {
    clearInterval(this.#sampling)
  }
}

export function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
