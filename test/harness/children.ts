import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

const PROGRAM = join(import.meta.dirname, '../../bin/datajob.js')
const LISTEN_MS_MAX = 60_000
const STOP_MS_MAX = 20_000
/** In the log of a process that did not close everything in time. */
const LATE = /stopping takes too long|something was left open/
/** Of a log, what a failure shows. */
const LAST_LINES = 15

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process of datajob that was started through its binary. */
export class Child {
  readonly name: string
  readonly exited: Promise<Exit>
  readonly #process: ChildProcess
  readonly #logFile: string

  constructor(name: string, process: ChildProcess, logFile: string) {
    this.name = name
    this.#process = process
    this.#logFile = logFile
    this.exited = new Promise((resolve, reject) => {
      process.once('error', reject)
      process.once('exit', (code, signal) => {
        resolve({ code, signal })
      })
    })
  }

  get pid(): number {
    const { pid } = this.#process
    if (pid === undefined) throw new Error(`${this.name} was not started`)
    return pid
  }

  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** Sends a signal to this process, by its own pid, if it still runs. */
  signal(name: NodeJS.Signals): void {
    this.#process.kill(name)
  }

  /** Ends it at once and waits until it is gone. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.exited
  }

  /** Asks it to stop and waits until it has; one that does not is killed, and the answer says so. */
  async stop(): Promise<Exit> {
    this.#process.kill('SIGTERM')
    const inTime = new AbortController()
    const killed = sleep(STOP_MS_MAX, undefined, { signal: inTime.signal }).then(
      () => this.#process.kill('SIGKILL'),
      () => false,
    )
    const exit = await this.exited
    inTime.abort()
    await killed
    return exit
  }

  /** Asks it to stop. Rejects with the end of its log when it does not, or with another code than 0; says what took it too long. */
  async stopCleanly(): Promise<void> {
    const { code, signal } = await this.stop()
    if (code !== 0) throw this.#failure(`was to stop and ended with ${code ?? signal ?? 'nothing'}`)
    const late = this.log().filter((line) => LATE.test(line))
    if (late.length > 0) process.stderr.write(`${this.name}: ${late.join('\n')}\n`)
  }

  get logFile(): string {
    return this.#logFile
  }

  /** What it wrote to its log, line by line. */
  log(): readonly string[] {
    return readFileSync(this.#logFile, 'utf8').split('\n').filter((line) => line !== '')
  }

  /** The JSON that it prints on stdout once it is there. Rejects with the end of its log when it ends before. */
  async firstLine(): Promise<unknown> {
    const { stdout } = this.#process
    if (stdout === null) throw new Error('broken invariant: a child without stdout')
    const lines = createInterface({ input: stdout })
    const line = new Promise<string>((resolve, reject) => {
      const ended = (): void => {
        reject(this.#failure('ended before it listened'))
      }
      lines.once('close', ended)
      lines.once('line', (first) => {
        // Its end comes later, when its log may be gone.
        lines.off('close', ended)
        resolve(first)
      })
    })
    const inTime = new AbortController()
    const tooLate = sleep(LISTEN_MS_MAX, undefined, { signal: inTime.signal }).then(() => {
      throw this.#failure(`did not listen within ${LISTEN_MS_MAX} ms`)
    })
    tooLate.catch(() => undefined)
    const first = await Promise.race([line, tooLate])
    inTime.abort()
    return JSON.parse(first)
  }

  #failure(what: string): Error {
    return new Error(`${this.name} ${what}. The end of its log:\n${this.log().slice(-LAST_LINES).join('\n')}`)
  }
}

/** The processes that a suite has started. Whatever happens, all of them end with it, or with the process that runs it. */
export class Children {
  readonly #folder: string
  readonly #children: Child[] = []

  /** @param folder where the logs go */
  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * Starts `datajob` with those arguments; nothing of this process's environment goes to it but what finds programs.
   * @param program bin/datajob.js of another build, else this one's
   */
  spawn(name: string, args: readonly string[], settings: Readonly<Record<string, string>>, program: string = PROGRAM): Child {
    const logFile = join(this.#folder, `${name}-${this.#children.length}.log`)
    const log = openSync(logFile, 'w')
    const { PATH = '', HOME = '' } = process.env
    // A child with a channel to its parent ends with it, even if that is killed.
    const child = new Child(
      name,
      spawn(process.execPath, [program, ...args], { env: { PATH, HOME, ...settings }, stdio: ['ignore', 'pipe', log, 'ipc'] }),
      logFile,
    )
    closeSync(log)
    this.#children.push(child)
    return child
  }

  /** Ends those that still run, also one that was paused. */
  async end(): Promise<void> {
    await Promise.all(this.#children.filter(({ isRunning }) => isRunning).map((child) => child.kill()))
  }
}
