/** A command that runs: in a session of its own, within its limits, until it ends or is ended, and all of it with it. */
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import type { Clock, TimerHandle, Timers } from '../../runtime/clock.ts'
import type { AttemptFolder } from './attempt-folder.ts'
import type { ControlGroups } from './control-groups.ts'
import { type CommandEnd, endOf, type EndReason } from './exec-result.ts'
import { type Launch, launchLine } from './launch-line.ts'
import type { LimitTools } from './machine.ts'
import { type Leader, livingProcess, MARKER_VARIABLE } from './processes.ts'
import { ProcessTree } from './process-tree.ts'

export interface RunParts {
  readonly tools: LimitTools
  readonly groups: ControlGroups | null
  readonly clock: Clock
  readonly timers: Timers
  readonly killGraceMs: number
}

export interface RunOrder {
  readonly launch: Launch
  readonly marker: string
  readonly folder: AttemptFolder
  readonly environment: Readonly<Record<string, string>>
}

interface Stop {
  readonly reason: EndReason
  readonly message: string
}

export class CommandRun {
  readonly marker: string
  readonly memoryMB: number
  /** Resolves once nothing of it is left; never rejects. */
  readonly ended: Promise<CommandEnd>
  readonly #parts: RunParts
  readonly #startedAt: number
  #leader: Leader | null = null
  #stop: Stop | null = null
  #stopping: Promise<void> | null = null
  #timeout: TimerHandle | null = null
  #peakMB: number | null = null

  /** Starts it. */
  constructor(parts: RunParts, order: RunOrder) {
    this.marker = order.marker
    this.memoryMB = order.launch.demand.memoryMB
    this.#parts = parts
    this.#startedAt = parts.clock.now()
    this.ended = this.#run(order)
  }

  /** Its first process, whose id is that of its session; null when none was started. */
  get leader(): Leader | null {
    return this.#leader
  }

  /** Ends it before its time: SIGTERM to all of it, and SIGKILL to what is left after the grace. The first reason counts. */
  stop(reason: EndReason, message: string): void {
    if (this.#stop !== null) return
    this.#stop = { reason, message }
    this.#stopping ??= this.#tree().terminate(this.#parts.killGraceMs).then(() => this.#killed())
  }

  /** Ends it at once. */
  kill(reason: EndReason, message: string): void {
    this.#stop ??= { reason, message }
    this.#stopping = this.#killed()
  }

  /** What all its processes together have of memory now; ends it when that is too much. */
  sawMemory(memoryMB: number): void {
    this.#peakMB = Math.max(this.#peakMB ?? 0, memoryMB)
    if (memoryMB > this.memoryMB) this.kill('out of memory', this.#memoryMessage())
  }

  async #run(order: RunOrder): Promise<CommandEnd> {
    try {
      const exit = await this.#exited(order)
      this.#timeout?.cancel()
      await this.#stopping
      // What a command leaves behind ends with it.
      const isGone = await this.#tree().kill()
      return this.#endOf(exit, isGone)
    } catch (error) {
      await this.#tree().kill()
      return endOf('not started', this.#parts.clock.now(), error instanceof Error ? error.message : String(error))
    } finally {
      this.#parts.groups?.remove(this.marker)
    }
  }

  #exited(order: RunOrder): Promise<Pick<CommandEnd, 'exitCode' | 'signal'>> {
    const { launch, folder } = order
    const { tools, groups, timers } = this.#parts
    const [file, ...words] = launchLine(launch, tools, groups?.make(this.marker, launch.demand) ?? null)
    const descriptors = [openSync(folder.stdin, 'r'), openSync(folder.stdout, 'a'), openSync(folder.stderr, 'a')]
    try {
      const environment = { ...order.environment, [MARKER_VARIABLE]: this.marker }
      const child = spawn(file, words, { cwd: folder.work, env: environment, stdio: descriptors, detached: true })
      this.#leader = child.pid === undefined ? null : livingProcess(child.pid)
      const { timeoutSeconds } = launch.demand
      this.#timeout = timers.after(timeoutSeconds * 1_000, () => {
        this.stop('timed out', `it ran longer than timeoutSeconds, ${timeoutSeconds}`)
      })
      return new Promise((resolve, reject) => {
        child.once('error', reject)
        child.once('exit', (exitCode, signal) => {
          resolve({ exitCode, signal })
        })
      })
    } finally {
      for (const descriptor of descriptors) closeSync(descriptor)
    }
  }

  async #killed(): Promise<void> {
    await this.#tree().kill()
  }

  #tree(): ProcessTree {
    return new ProcessTree(this.#parts, this.marker, this.#leader)
  }

  #endOf(exit: Pick<CommandEnd, 'exitCode' | 'signal'>, isGone: boolean): CommandEnd {
    const memory = this.#parts.groups?.memory(this.marker) ?? null
    const exceeded = memory !== null && memory.kills > 0 ? { reason: 'out of memory', message: this.#memoryMessage() } as const : null
    const ended = { reason: exit.signal === null ? 'exited' : 'signalled', message: null } as const
    const { reason, message } = this.#stop ?? exceeded ?? ended
    const left = isGone ? message : `${message ?? ''} (a process of it could not be ended)`.trimStart()
    const peakMemoryMB = memory?.peakMB ?? this.#peakMB
    return { ...exit, reason, message: left, startedAt: this.#startedAt, endedAt: this.#parts.clock.now(), peakMemoryMB }
  }

  #memoryMessage(): string {
    return `its processes together had more than memoryMB, ${this.memoryMB}`
  }
}
