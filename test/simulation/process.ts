/** A process of the service: what it is told comes late, comes after a pause, or, once it was killed, never. */
import type { Clock, TimerHandle, Timers } from '../../src/runtime/clock.ts'
import type { Network } from './network.ts'
import type { Scheduler } from './scheduler.ts'

type ProcessState = 'running' | 'paused' | 'dead'

export class SimulatedProcess implements Timers {
  readonly name: string
  readonly clock: Clock
  readonly #scheduler: Scheduler
  #state: ProcessState = 'running'
  #held: (() => void)[] = []
  #pausedAt = -1
  #resumedAt = -1

  constructor(name: string, scheduler: Scheduler) {
    this.name = name
    this.clock = scheduler
    this.#scheduler = scheduler
  }

  get state(): ProcessState {
    return this.#state
  }

  /** When it decided what it does now: at the very moment that it goes on after a pause, it does what it had begun before. */
  get decidedAt(): number {
    const now = this.#scheduler.now()
    return now === this.#resumedAt ? this.#pausedAt : now
  }

  after(delayMs: number, run: () => void): TimerHandle {
    let isCancelled = false
    const handle = this.#scheduler.after(delayMs, () => {
      this.enter(() => {
        if (!isCancelled) run()
      })
    })
    return {
      cancel: () => {
        isCancelled = true
        handle.cancel()
      },
    }
  }

  /** Runs code of the process: now, after its pause, or never. */
  enter(run: () => void): void {
    if (this.#state === 'running') run()
    else if (this.#state === 'paused') this.#held.push(run)
  }

  /** Asks a server: `serve` runs there after the request's way, what it returns or throws comes back after the answer's way. */
  call<T>(network: Network, serve: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const fate = network.fate()
      this.#scheduler.after(network.delayMs(), () => {
        const settle = fate.requestArrives && !network.isDown ? outcomeOf(serve, resolve, reject) : undefined
        const arrives = settle !== undefined && fate.answerArrives
        this.#scheduler.after(arrives ? network.delayMs() : network.timeoutMs, () => {
          this.enter(arrives ? settle : () => { reject(network.lost()) })
        })
      })
    })
  }

  pause(): void {
    if (this.#state !== 'running') return
    this.#state = 'paused'
    this.#pausedAt = this.#scheduler.now()
  }

  resume(): void {
    if (this.#state !== 'paused') return
    this.#state = 'running'
    this.#resumedAt = this.#scheduler.now()
    for (const run of this.#held.splice(0)) run()
  }

  kill(): void {
    this.#state = 'dead'
    this.#held = []
  }
}

function outcomeOf<T>(serve: () => T, resolve: (value: T) => void, reject: (error: Error) => void): () => void {
  try {
    const value = serve()
    return () => {
      resolve(value)
    }
  } catch (error) {
    return () => {
      reject(error as Error)
    }
  }
}
