/** The machine's processes, as /proc has them. */
import { readdirSync, readFileSync } from 'node:fs'

export interface FoundProcess {
  readonly pid: number
  readonly parent: number
  /** The id of its session: that of the process that began it. */
  readonly session: number
  /** When it was started, in ticks since the machine was. */
  readonly startedAt: number
  readonly residentBytes: number
}

/** The first process of a command: what was started before it is none of the command's. */
export type Leader = Pick<FoundProcess, 'pid' | 'startedAt'>

const PAGE_BYTES = 4_096
export const MARKER_VARIABLE = 'DATAJOB_EXEC_ATTEMPT'

/** Those that live; a zombie has nothing left but its exit code. */
export function livingProcesses(): readonly FoundProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => livingProcess(Number(name)) ?? [])
}

/**
 * Of those, the ones of an attempt: they carry its marker, are in the session that it began, or have one of them for a
 * parent. What cleared its environment and left both session and parent is only found through a control group.
 * @param leader null where it is not known any more
 */
export function processesOf(marker: string, leader: Leader | null, living: readonly FoundProcess[]): readonly FoundProcess[] {
  const found = new Map<number, FoundProcess>()
  for (const process of living) {
    if (leader !== null && process.startedAt < leader.startedAt) continue
    if (process.session === leader?.pid || markerOf(process.pid) === marker) found.set(process.pid, process)
  }
  for (let before = -1; before !== found.size; ) {
    before = found.size
    for (const process of living) if (found.has(process.parent)) found.set(process.pid, process)
  }
  return [...found.values()]
}

function markerOf(pid: number): string | null {
  const environment = read(`/proc/${pid}/environ`)
  if (environment === null) return null
  const prefix = `${MARKER_VARIABLE}=`
  return environment.split('\0').find((entry) => entry.startsWith(prefix))?.slice(prefix.length) ?? null
}

/** Memory that is theirs alone, and their share of what they have in common; null where the kernel does not say. */
export function proportionalBytes(processes: readonly FoundProcess[]): number | null {
  let bytes = 0
  for (const { pid } of processes) {
    const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? '')?.[1]
    if (kilobytes === undefined) return null
    bytes += Number(kilobytes) * 1_024
  }
  return bytes
}

/** Null for one that has ended, whether or not its parent knows. */
export function livingProcess(pid: number): FoundProcess | null {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === null) return null
  // The name before it may hold anything, brackets and spaces too (proc(5)).
  const [state, parent, , session, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  if (state === undefined || state === 'Z' || state === 'X') return null
  const [startedAt, residentPages] = [Number(rest[15]), Number(rest[17])]
  return { pid, parent: Number(parent), session: Number(session), startedAt, residentBytes: residentPages * PAGE_BYTES }
}

/** Null for what has gone, or is another user's. */
function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}
