import { execFile, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { StackError } from './errors.ts'

/** A server process of a stack, as the process table knows it. */
export interface StackProcess {
  readonly pid: number
  /** `kafka`, `registry`, `s3`, or the name an extra server was given. */
  readonly name: string
}

export interface Launch {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  /** Gets stdout and stderr; the last run's file is kept beside it as `.1`. */
  readonly logFile: string
}

export interface Launched {
  readonly pid: number
  readonly exited: Promise<string>
}

/**
 * The JVM option that marks a process as a server of the stack in that folder. The process table is thus the one record of
 * what runs: it is right after any crash, and a recycled pid is never mistaken for ours.
 */
export function stackMark(folder: string, name: string): string {
  return `${markPrefix(folder)}${name}`
}

/** Starts a process in its own session, so that it outlives this one and gets none of its terminal's signals. */
export function launch(options: Launch): Launched {
  mkdirSync(options.cwd, { recursive: true })
  mkdirSync(dirname(options.logFile), { recursive: true })
  if (existsSync(options.logFile)) renameSync(options.logFile, `${options.logFile}.1`)
  const log = openSync(options.logFile, 'a')
  const child = spawn(options.command, options.args, { cwd: options.cwd, detached: true, stdio: ['ignore', log, log] })
  closeSync(log)
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      resolve(signal === null ? `it exited with code ${code ?? 'unknown'}` : `it was ended by ${signal}`)
    })
    child.once('error', (error) => {
      resolve(error.message)
    })
  })
  child.unref()
  if (child.pid === undefined) throw new StackError('server-failed', `${options.name}: can't run ${options.command}`)
  return { pid: child.pid, exited }
}

export interface Readiness {
  readonly name: string
  readonly launched: Launched
  readonly logFile: string
  readonly waitMsMax: number
  readonly answers: () => Promise<boolean>
}

/** Waits until the process answers. Throws a StackError with the end of its log when it ends first or takes too long. */
export async function untilReady(options: Readiness): Promise<void> {
  const ended = new AbortController()
  const state = { why: '' }
  void options.launched.exited.then((why) => {
    state.why = why
    ended.abort()
  })
  const giveUpAt = performance.now() + options.waitMsMax
  for (;;) {
    if (ended.signal.aborted) throw failure(options, state.why)
    if (await options.answers()) return
    if (performance.now() > giveUpAt) throw failure(options, `it did not answer within ${options.waitMsMax / 1000} s`)
    await sleep(50)
  }
}

function failure(options: Readiness, why: string): StackError {
  const log = existsSync(options.logFile) ? readFileSync(options.logFile, 'utf8') : ''
  const end = log.trimEnd().split('\n').slice(-15).join('\n')
  return new StackError('server-failed', `${options.name} did not start: ${why}. The end of ${options.logFile}:\n${end}`)
}

/** All living server processes of the stack in that folder. */
export async function findProcesses(folder: string): Promise<StackProcess[]> {
  const commands = existsSync('/proc/self/cmdline') ? commandsFromProc() : await commandsFromPs()
  return commands.flatMap(({ pid, command }) => {
    const name = parseMark(command, folder)
    return name === undefined ? [] : [{ pid, name }]
  })
}

/** The server's name in a command line that carries the folder's mark. */
export function parseMark(command: string, folder: string): string | undefined {
  const prefix = markPrefix(folder)
  const start = command.indexOf(prefix)
  if (start < 0) return undefined
  return /^[a-z0-9-]+/.exec(command.slice(start + prefix.length))?.[0]
}

/** Ends processes: SIGTERM, then SIGKILL for those still there after the grace; no grace means SIGKILL at once. */
export async function endProcesses(pids: readonly number[], graceMs: number): Promise<void> {
  if (graceMs > 0) {
    for (const pid of pids) signal(pid, 'SIGTERM')
    await untilGone(pids, graceMs)
  }
  for (const pid of pids) signal(pid, 'SIGKILL')
  if (!(await untilGone(pids, 10_000))) {
    throw new StackError('server-failed', `processes ${pids.join(', ')} are still there 10 s after SIGKILL`)
  }
}

async function untilGone(pids: readonly number[], waitMsMax: number): Promise<boolean> {
  const giveUpAt = performance.now() + waitMsMax
  while (pids.some(isAlive)) {
    if (performance.now() > giveUpAt) return false
    await sleep(20)
  }
  return true
}

function isAlive(pid: number): boolean {
  return signal(pid, 0) && !isZombie(pid)
}

/**
 * In a container nobody may collect an orphan: it stays in the table as a zombie, which is dead all the same. But as long as
 * it has other threads it isn't gone yet, and may still hold its port.
 */
function isZombie(pid: number): boolean {
  try {
    const isZ = /^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    return isZ && readdirSync(`/proc/${pid}/task`).length === 1
  } catch {
    return false
  }
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

function markPrefix(folder: string): string {
  return `-Ddatajob.stack=${folder}#`
}

interface Command {
  readonly pid: number
  readonly command: string
}

function commandsFromProc(): Command[] {
  const commands: Command[] = []
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      commands.push({ pid: Number(entry), command: readFileSync(`/proc/${entry}/cmdline`, 'utf8').replaceAll('\0', ' ') })
    } catch {
      continue
    }
  }
  return commands
}

async function commandsFromPs(): Promise<Command[]> {
  const { stdout } = await promisify(execFile)('ps', ['-axww', '-o', 'pid=,command='], { maxBuffer: 64 * 1024 * 1024 })
  return stdout.split('\n').flatMap((line) => {
    const match = /^\s*(\d+)\s+(.*)$/.exec(line)
    return match === null ? [] : [{ pid: Number(match[1]), command: match[2] ?? '' }]
  })
}
