/** Waits for the ends of jobs on behalf of clients that wait for the answer. */
import type { JobDependencies } from '../dependencies.ts'
import type { EndedJob } from './job-results.ts'
import type { JobWatch } from './job-watch.ts'

export interface JobEndsOptions {
  readonly watch: JobWatch
  readonly timers: JobDependencies['timers']
  /** Clients that may wait at a time. */
  readonly waitingMax: number
}

export class JobEnds {
  readonly #options: JobEndsOptions
  readonly #giveUps = new Set<() => void>()
  #isClosed = false

  constructor(options: JobEndsOptions) {
    this.#options = options
  }

  /** Resolves to the job once it has ended; to null after that time, or at once where too many wait. Rejects when it can't be read. */
  within(jobId: string, timeoutMs: number): Promise<EndedJob | null> {
    const { watch, timers, waitingMax } = this.#options
    if (this.#isClosed || this.#giveUps.size >= waitingMax || timeoutMs <= 0) return Promise.resolve(null)
    const { promise, resolve, reject } = Promise.withResolvers<EndedJob | null>()
    const giveUp = (): void => {
      resolve(null)
    }
    this.#giveUps.add(giveUp)
    const timer = timers.after(timeoutMs, giveUp)
    const leave = watch.follow(jobId, {
      changed: (found) => {
        if (found?.job.state === 'ended') resolve(found.job)
      },
      failed: reject,
    })
    return promise.finally(() => {
      leave()
      timer.cancel()
      this.#giveUps.delete(giveUp)
    })
  }

  /** Nobody waits any longer. */
  close(): void {
    this.#isClosed = true
    for (const giveUp of [...this.#giveUps]) giveUp()
  }
}
