import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { delay, type Timers } from '../../runtime/clock.ts'
import { CommandFailure, ExitCode } from '../exit-codes.ts'

export interface ChildOptions {
  readonly name: string
  /** The command line of datajob. It prints one line of JSON on stdout once it listens. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

interface Child {
  readonly name: string
  readonly process: ChildProcess
  readonly logFile: string
  readonly exited: Promise<void>
}

const PROGRAM = join(dirname(dirname(dirname(import.meta.dirname))), 'bin', 'datajob.js')
const LISTEN_MS_MAX = 60_000
const STOP_MS_MAX = 10_000
const LOG_LINES_SHOWN = 15

/**
 * Processes of datajob that this one starts and stops. Each is in a process group of its own, so that Ctrl-C reaches
 * this process alone, and stops by itself when this process is gone, even if that was killed.
 */
export class Children {
  readonly #logFolder: string
  readonly #timers: Timers
  readonly #children: Child[] = []
  readonly #failed = Promise.withResolvers<never>()
  #isStopping = false

  constructor(logFolder: string, timers: Timers) {
    this.#logFolder = logFolder
    this.#timers = timers
    mkdirSync(logFolder, { recursive: true })
    // Whoever does not look at it at the moment is not to crash of it.
    this.#failed.promise.catch(() => undefined)
  }

  /** Rejects when one of them ends by itself. */
  get failed(): Promise<never> {
    return this.#failed.promise
  }

  /** Starts a process and waits until it listens; answers what it printed. Rejects with a CommandFailure. */
  async start({ name, args, env }: ChildOptions): Promise<unknown> {
    if (this.#isStopping) throw new CommandFailure(ExitCode.Interrupted, `${name} is not started any more`)
    const logFile = join(this.#logFolder, `${name}.log`)
    const log = openSync(logFile, 'w')
    const child = spawn(process.execPath, [PROGRAM, ...args, '-o', 'json'], {
      detached: true,
      env: { ...env },
      stdio: ['ignore', 'pipe', log, 'ipc'],
    })
    closeSync(log)
    const exited = new Promise<void>((resolve) => {
      child.once('exit', () => {
        resolve()
      })
      child.once('error', () => {
        resolve()
      })
    })
    const known: Child = { name, process: child, logFile, exited }
    this.#children.push(known)
    void exited.then(() => {
      if (!this.#isStopping) this.#failed.reject(failureOf(known, 'ended by itself'))
    })
    return await this.#firstLine(known)
  }

  /** Ends all of them, the last one first; those that take too long are killed. */
  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all(this.#children.map((child) => this.#stopChild(child)))
  }

  /** Ends all of them at once. */
  kill(): void {
    this.#isStopping = true
    for (const { process: child } of this.#children) child.kill('SIGKILL')
  }

  async #firstLine(child: Child): Promise<unknown> {
    const { stdout } = child.process
    if (stdout === null) throw new Error('broken invariant: a child without stdout')
    const lines = createInterface({ input: stdout })
    const listening = new Promise<unknown>((resolve, reject) => {
      lines.once('line', (line) => {
        resolve(JSON.parse(line))
      })
      lines.once('close', () => {
        reject(failureOf(child, 'ended before it listened'))
      })
    })
    const tooLate = new AbortController()
    const timeout = delay(this.#timers, LISTEN_MS_MAX, tooLate.signal).then(() => {
      throw failureOf(child, `did not listen within ${LISTEN_MS_MAX / 1_000} s`)
    })
    try {
      return await Promise.race([listening, timeout])
    } finally {
      timeout.catch(() => undefined)
      tooLate.abort()
    }
  }

  async #stopChild({ process: child, exited }: Child): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
    child.kill('SIGTERM')
    const inTime = new AbortController()
    const killed = delay(this.#timers, STOP_MS_MAX, inTime.signal).then(
      () => child.kill('SIGKILL'),
      () => undefined,
    )
    await exited
    inTime.abort()
    await killed
  }
}

function failureOf({ name, process: child, logFile }: Child, what: string): CommandFailure {
  const code = child.signalCode ?? (child.exitCode === null ? '' : `exit code ${child.exitCode}`)
  const message = `${name} ${what}${code === '' ? '' : ` (${code})`}`
  const lines = readFileSync(logFile, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  const shown = lines.flatMap(complaintOf).slice(-LOG_LINES_SHOWN)
  const said = shown.length === 0 ? '' : `\nIt complained last:\n${shown.map((line) => `  ${line}`).join('\n')}`
  return new CommandFailure(ExitCode.JobFailed, message, { hint: `Its log: ${logFile}${said}` })
}

const WARN = 40

/** What a line of the log says, if it is a warning or worse, or no line of our logger. */
function complaintOf(line: string): readonly string[] {
  if (!line.startsWith('{')) return [line]
  try {
    const { level, msg, err } = JSON.parse(line) as {
      readonly level: number
      readonly msg: string
      readonly err?: { readonly message: string }
    }
    return level < WARN ? [] : [err === undefined ? msg : `${msg}: ${err.message}`]
  } catch {
    return [line]
  }
}
