/** What the service processes take of the machine: nothing of it may grow without bound. */
import { readdirSync, readlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ProcessProbe } from '../../../bench/harness/process-probe.ts'
import type { Child } from '../../harness/children.ts'
import type { ServiceSlot } from './service-slot.ts'

const MIB = 1024 * 1024
const SAMPLE_MS = 1_000
/** Longer than connections are kept for the next call: those to producers, and those of clients (src/rest/server.ts). */
const REST_MS_MAX = 80_000
/** Of a process at rest. Jobs of 20,000 operations in quick succession leave garbage that is not collected at once. */
const RESIDENT_BYTES_MAX = 700 * MIB
const SOCKETS_MAX = 120
/** What a process that lives on may grow by, from the first time that it was at rest. */
const GROWTH_BYTES_MAX = 250 * MIB
const GROWTH_SOCKETS_MAX = 40

interface Taken {
  readonly bytes: number
  readonly sockets: number
}

export class Resources {
  readonly #slots: readonly ServiceSlot[]
  readonly #sampling: NodeJS.Timeout
  readonly #atRest = new WeakMap<Child, Taken>()
  #peak: Taken = { bytes: 0, sockets: 0 }

  constructor(slots: readonly ServiceSlot[]) {
    this.#slots = slots
    this.#sampling = setInterval(() => {
      for (const { child } of this.#slots) {
        const { bytes, sockets } = takenBy(child) ?? { bytes: 0, sockets: 0 }
        this.#peak = { bytes: Math.max(bytes, this.#peak.bytes), sockets: Math.max(sockets, this.#peak.sockets) }
      }
    }, SAMPLE_MS)
  }

  /** What is wrong with processes that have nothing to do, once they have had the time to let go of what they did before. */
  async findings(): Promise<readonly string[]> {
    const giveUpAt = performance.now() + REST_MS_MAX
    for (;;) {
      const found = this.#findings()
      if (found.length === 0 || performance.now() > giveUpAt) return found
      await sleep(SAMPLE_MS)
    }
  }

  #findings(): readonly string[] {
    return this.#slots.flatMap(({ name, child }) => {
      const taken = takenBy(child)
      if (taken === null || child === null) return []
      const first = this.#atRest.get(child) ?? taken
      this.#atRest.set(child, first)
      return [
        ...above(`${name}: MiB of memory`, taken.bytes / MIB, RESIDENT_BYTES_MAX / MIB),
        ...above(`${name}: sockets`, taken.sockets, SOCKETS_MAX),
        ...above(`${name}: MiB of memory more than at first`, (taken.bytes - first.bytes) / MIB, GROWTH_BYTES_MAX / MIB),
        ...above(`${name}: sockets more than at first`, taken.sockets - first.sockets, GROWTH_SOCKETS_MAX),
      ]
    })
  }

  /** At rest, and the most that any of them had since the last call. */
  takeSummary(): string {
    const atRest = this.#slots.map(({ child }) => {
      const taken = takenBy(child)
      return taken === null ? 'gone' : `${(taken.bytes / MIB).toFixed(0)} MiB ${taken.sockets} sockets`
    })
    const { bytes, sockets } = this.#peak
    this.#peak = { bytes: 0, sockets: 0 }
    return `${atRest.join(', ')} (at most ${(bytes / MIB).toFixed(0)} MiB, ${sockets} sockets)`
  }

  stop(): void {
    clearInterval(this.#sampling)
  }
}

function above(what: string, found: number, max: number): readonly string[] {
  return found <= max ? [] : [`${what}: ${found.toFixed(0)}, more than ${max.toFixed(0)}`]
}

function takenBy(child: Child | null): Taken | null {
  if (child?.isRunning !== true) return null
  try {
    const probe = new ProcessProbe(child.pid)
    const bytes = probe.residentBytes()
    probe.stop()
    const folder = `/proc/${child.pid}/fd`
    const sockets = readdirSync(folder).filter((fd) => linkOf(`${folder}/${fd}`).startsWith('socket:')).length
    return { bytes, sockets }
  } catch {
    // It ended while it was looked at.
    return null
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file)
  } catch {
    return ''
  }
}
