/** The words that a command is started with, so that the operating system holds it to its limits. */
import type { Demand } from './allow-list.ts'
import type { Allotment } from './capacity.ts'
import type { CommandUser } from './exec-config.ts'
import type { LimitTools } from './machine.ts'

export interface Launch {
  /** Absolute path of what is run. */
  readonly file: string
  readonly arguments: readonly string[]
  readonly demand: Demand
  readonly allotment: Allotment
  readonly fileMB: number
  readonly openFiles: number
  /** Null: as whom we run. */
  readonly user: CommandUser | null
}

// Enters the group before it becomes the command, so that nothing of it was ever outside. The script is ours; the rest are words.
const ENTER_GROUP = 'echo 0 > "$0" && exec "$@"'
// A process learns by SIGXCPU that its time is over, and has this long to end by itself.
const CPU_GRACE_S = 5

/**
 * Each tool becomes the next one, so that the command has the process id that was started.
 * @param cgroupProcs the file through which a process enters the attempt's control group
 */
export function launchLine(launch: Launch, tools: LimitTools, cgroupProcs: string | null): readonly [string, ...string[]] {
  const line = [
    ...(cgroupProcs === null ? [] : ['/bin/sh', '-c', ENTER_GROUP, cgroupProcs]),
    ...(tools.prlimit === null ? [] : [tools.prlimit, ...processLimits(launch)]),
    ...(tools.taskset === null ? [] : [tools.taskset, '-c', launch.allotment.cores.join(',')]),
    ...(tools.setpriv === null ? [] : [tools.setpriv, ...asUser(launch.user), '--pdeathsig', 'KILL', '--no-new-privs']),
  ]
  const [first, ...words] = [...line, launch.file, ...launch.arguments]
  return [first ?? launch.file, ...words]
}

function asUser(user: CommandUser | null): readonly string[] {
  return user === null ? [] : [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups']
}

function processLimits({ demand, fileMB, openFiles }: Launch): readonly string[] {
  const cpuSeconds = demand.cores * demand.timeoutSeconds
  return [
    '--core=0:0',
    `--cpu=${cpuSeconds}:${cpuSeconds + CPU_GRACE_S}`,
    // What a process may write to of its own, not the address space: that is many times as much in a JVM or in Node.
    `--data=${demand.memoryMB * 2 ** 20}`,
    `--fsize=${fileMB * 2 ** 20}`,
    `--nofile=${openFiles}`,
  ]
}
