/** Control groups, version 2 (kernel documentation, cgroup-v2): a group for each attempt, below one that the operator gave. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Demand } from './allow-list.ts'

export class ControlGroupUnusable extends Error {
  override readonly name = 'ControlGroupUnusable'
}

const CPU_PERIOD_US = 100_000

export class ControlGroups {
  readonly #folder: string
  /** What the groups limit; membership and the end of all members need no controller. */
  readonly controllers: ReadonlySet<string>

  private constructor(folder: string, controllers: ReadonlySet<string>) {
    this.#folder = folder
    this.controllers = controllers
  }

  /** Throws ControlGroupUnusable unless groups can be made there and be ended as a whole. */
  static open(folder: string): ControlGroups {
    try {
      for (const name of ['memory', 'cpu', 'pids']) write(join(folder, 'cgroup.subtree_control'), `+${name}`)
      const probe = join(folder, `probe-${process.pid}`)
      if (!existsSync(probe)) mkdirSync(probe)
      const hasKill = existsSync(join(probe, 'cgroup.kill'))
      const controllers = new Set((read(join(probe, 'cgroup.controllers')) ?? '').trim().split(' '))
      rmdirSync(probe)
      if (!hasKill) throw new ControlGroupUnusable(`cgroup: ${folder} is no control group of version 2 with cgroup.kill (Linux 5.14)`)
      return new ControlGroups(folder, controllers)
    } catch (cause) {
      if (cause instanceof ControlGroupUnusable) throw cause
      throw new ControlGroupUnusable(`cgroup: no groups can be made in ${folder}: ${String(cause)}`, { cause })
    }
  }

  get limitsMemory(): boolean {
    return this.controllers.has('memory')
  }

  /** Makes the attempt's group. Answers the file through which a process enters it. Throws what the file system does. */
  make(marker: string, { memoryMB, cores }: Demand): string {
    const group = join(this.#folder, marker)
    mkdirSync(group, { recursive: true })
    if (this.limitsMemory) {
      writeFileSync(join(group, 'memory.max'), String(memoryMB * 2 ** 20))
      write(join(group, 'memory.swap.max'), '0')
      write(join(group, 'memory.oom.group'), '1')
    }
    if (this.controllers.has('cpu')) writeFileSync(join(group, 'cpu.max'), `${cores * CPU_PERIOD_US} ${CPU_PERIOD_US}`)
    return join(group, 'cgroup.procs')
  }

  /** Ends every process in it, also those that are being made meanwhile. */
  kill(marker: string): void {
    write(join(this.#folder, marker, 'cgroup.kill'), '1')
  }

  isEmpty(marker: string): boolean {
    return !/^populated 1$/m.test(read(join(this.#folder, marker, 'cgroup.events')) ?? '')
  }

  /** What the group's memory limit has ended, and how much memory it ever had; null where nothing counts that. */
  memory(marker: string): { readonly kills: number; readonly peakMB: number } | null {
    const events = read(join(this.#folder, marker, 'memory.events'))
    const peak = read(join(this.#folder, marker, 'memory.peak'))
    if (events === null || peak === null) return null
    return { kills: Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0), peakMB: toMB(Number(peak)) }
  }

  /** Of attempts that a former producer began. */
  left(isMarker: (name: string) => boolean): readonly string[] {
    const entries = readdirSync(this.#folder, { withFileTypes: true })
    return entries.filter((entry) => entry.isDirectory() && isMarker(entry.name)).map(({ name }) => name)
  }

  /** The group must be empty. One that can't be removed harms nobody. */
  remove(marker: string): void {
    try {
      rmdirSync(join(this.#folder, marker))
    } catch {
      // It may be gone already, or a zombie in it may still wait for its parent.
    }
  }
}

export function toMB(bytes: number): number {
  return Math.ceil(bytes / 2 ** 20)
}

/** False for what the kernel refuses or does not have. */
function write(file: string, text: string): boolean {
  try {
    writeFileSync(file, text)
    return true
  } catch {
    return false
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}
