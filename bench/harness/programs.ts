import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** A script or server of the benchmark's, in a process of its own; it ends with this one. */
export class BenchProgram {
  readonly #process: ChildProcess

  private constructor(process: ChildProcess) {
    this.#process = process
  }

  /** Starts a script of ours, and waits for the JSON that it prints once it is there. */
  static async script(file: string, args: readonly string[]): Promise<{ readonly program: BenchProgram; readonly said: unknown }> {
    const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
    const { stdout } = child
    if (stdout === null) throw new Error('broken invariant: a child without stdout')
    const said = await new Promise<unknown>((resolve, reject) => {
      createInterface({ input: stdout }).once('line', (line) => {
        resolve(JSON.parse(line))
      })
      child.once('error', reject)
      child.once('exit', (code) => {
        reject(new Error(`${file} ended with ${code} before it said anything`))
      })
    })
    return { program: new BenchProgram(child), said }
  }

  /** Starts a program that is found on the PATH, and waits until a line on its stdout matches; null where it is not installed. */
  static async installed(command: string, args: readonly string[], ready: RegExp): Promise<BenchProgram | null> {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    // It has no channel to this process.
    const endIt = (): boolean => child.kill('SIGKILL')
    process.once('exit', endIt)
    child.once('exit', () => process.off('exit', endIt))
    const isThere = await new Promise<boolean>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (ready.test(line)) resolve(true)
      })
      child.once('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') resolve(false)
        else reject(error)
      })
      child.once('exit', (code) => {
        reject(new Error(`${command} ended with ${code} before it was ready`))
      })
    })
    return isThere ? new BenchProgram(child) : null
  }

  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.kill('SIGKILL')
    await ended
  }
}
