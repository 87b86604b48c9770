/** What this machine has, and which of the tools that limits are set with. */
import { accessSync, constants, readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'

/** Paths of tools of util-linux; null for what is not installed. */
export interface LimitTools {
  /** Limits of each process: memory, processor time, sizes of files, open files. */
  readonly prlimit: string | null
  /** Binds a command to its processors. */
  readonly taskset: string | null
  /** Ends a command with the producer, and takes from it the ways to other rights. */
  readonly setpriv: string | null
}

const PLACES = ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin']

export function findLimitTools(): LimitTools {
  return { prlimit: placeOf('prlimit'), taskset: placeOf('taskset'), setpriv: placeOf('setpriv') }
}

const whatIsLost: Record<keyof LimitTools, string> = {
  prlimit: 'no limits of memory, processor time and file sizes for single processes',
  taskset: 'commands are not bound to their processors',
  setpriv: 'commands outlive a producer that is killed, until it is started again',
}

/** What is not installed, and what that means. */
export function missingTools(tools: LimitTools): readonly string[] {
  const missing = (Object.keys(whatIsLost) as (keyof LimitTools)[]).filter((name) => tools[name] === null)
  return missing.map((name) => `${name} (util-linux) is not installed: ${whatIsLost[name]}`)
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Numbers of the processors that this process may run on. */
export function processorNumbers(): readonly number[] {
  const allowed = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  const listed = allowed?.split(',').flatMap(rangeOf) ?? []
  return listed.length > 0 ? listed : Array.from({ length: availableParallelism() }, (_, number) => number)
}

export function memoryMB(): number {
  return Math.floor(totalmem() / 2 ** 20)
}

function rangeOf(text: string): readonly number[] {
  const [first = 0, last = first] = text.split('-').map(Number)
  return Array.from({ length: last - first + 1 }, (_, n) => first + n)
}

function placeOf(name: string): string | null {
  return PLACES.map((folder) => join(folder, name)).find(isExecutable) ?? null
}
