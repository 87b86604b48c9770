/**
 * A process of the service: what it is told comes late, comes after a pause, or, once it was killed, never. It lives in steps: each
 * time that it is told something, and each request that it sends, is one, so that it may end between any two effects.
 */
import { type Clock, steadyClock, type TimerHandle, type Timers } from '../../src/runtime/clock.ts'
import type { Fate, Network } from './network.ts'
import type { Scheduler } from './scheduler.ts'

type ProcessState = 'running' | 'paused' | 'dead'

export class SimulatedProcess implements Timers {
  readonly name: string
  /** As a process has it, on a machine whose wall clock somebody may set. */
  readonly clock: Clock
  readonly #scheduler: Scheduler
  #state: ProcessState = 'running'
  #held: (() => void)[] = []
  #pausedAt = -1
  #resumedAt = -1
  #clockShiftMs = 0
  #steps = 0
  #nextFate: Partial<Fate> = {}
  #ambush: { readonly step: number; readonly run: () => void } | undefined

  constructor(name: string, scheduler: Scheduler) {
    this.name = name
    this.clock = steadyClock({ wall: () => scheduler.now() + this.#clockShiftMs, stopwatch: () => scheduler.now() })
    this.#scheduler = scheduler
  }

  get state(): ProcessState {
    return this.#state
  }

  /** Steps so far. */
  get steps(): number {
    return this.#steps
  }

  /** When it decided what it does now: at the very moment that it goes on after a pause, it does what it had begun before. */
  get decidedAt(): number {
    const now = this.#scheduler.now()
    return now === this.#resumedAt ? this.#pausedAt : now
  }

  /** Lets something happen to it just before a later step; the latest word counts. */
  beforeStep(step: number, run: () => void): void {
    this.#ambush = { step, run }
  }

  /** Decides on a part of what becomes of its next request. */
  decideNext(fate: Partial<Fate>): void {
    this.#nextFate = fate
  }

  /** Sets the machine's wall clock forward, or back. */
  shiftClock(byMs: number): void {
    this.#clockShiftMs += byMs
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
    if (this.#state === 'running') this.#step()
    if (this.#state === 'running') run()
    else if (this.#state === 'paused') this.#held.push(run)
  }

  /** Asks a server: `serve` runs there after the request's way, what it returns or throws comes back after the answer's way. */
  call<T>(network: Network, serve: () => T, sent: () => void = () => undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      this.enter(() => {
        sent()
        this.#request(network, serve, { resolve, reject })
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
    for (const run of this.#held.splice(0)) this.enter(run)
  }

  kill(): void {
    this.#state = 'dead'
    this.#held = []
  }

  #step(): void {
    this.#steps += 1
    const ambush = this.#ambush
    if (ambush === undefined || this.#steps < ambush.step) return
    this.#ambush = undefined
    ambush.run()
  }

  // A caller waits no longer than for its time-out; a request that is late by then is carried out all the same.
  #request<T>(network: Network, serve: () => T, { resolve, reject }: Caller<T>): void {
    const fate = { ...network.fate(), ...this.#nextFate }
    this.#nextFate = {}
    const sentAt = this.#scheduler.now()
    const giveUp = (): void => {
      const waitMs = sentAt + network.timeoutMs - this.#scheduler.now()
      this.#scheduler.after(waitMs, () => {
        this.enter(() => { reject(network.lost()) })
      })
    }
    if (fate.requestDelayMs === null || fate.requestDelayMs > network.timeoutMs) giveUp()
    if (fate.requestDelayMs === null) return
    this.#scheduler.after(fate.requestDelayMs, () => {
      const isAwaited = this.#scheduler.now() - sentAt <= network.timeoutMs
      const settle = network.isDown ? undefined : outcomeOf(serve, resolve, reject)
      if (!isAwaited) return
      if (settle === undefined || fate.answerDelayMs === null) giveUp()
      else this.#scheduler.after(fate.answerDelayMs, () => { this.enter(settle) })
    })
  }
}

interface Caller<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void
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
