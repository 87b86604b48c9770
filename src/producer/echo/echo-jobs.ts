/** What was submitted to the echo producer and is to be given back: in memory, and in a folder for whoever comes after a kill. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../runtime/clock.ts'

export interface EchoLimits {
  /** Of all that is held. */
  readonly bytesMax: number
  /** How long what has ended is held at least. */
  readonly retentionMs: number
}

/** A submission: what is answered once its time has passed. */
export interface EchoOrder {
  readonly responses: string
  readonly pauseMs: number
}

export interface EchoStatus {
  readonly status: 'RUNNING' | 'FINISHED' | 'CANCELLED'
  /** Percent of its time that has passed. */
  readonly progress: number
}

interface EchoJob {
  readonly key: string | undefined
  readonly responses: string
  readonly startedAt: number
  readonly endsAt: number
  isCancelled: boolean
}

/** What a job takes beside its text. */
const JOB_BYTES = 512

export class EchoJobs {
  readonly #folder: string
  readonly #limits: EchoLimits
  readonly #clock: Clock
  /** In the order in which they came. */
  readonly #jobs = new Map<string, EchoJob>()
  readonly #byKey = new Map<string, string>()
  #bytes = 0

  /** Takes up what is in the folder, which is for one process at a time. */
  constructor(folder: string, limits: EchoLimits, clock: Clock) {
    this.#folder = folder
    this.#limits = limits
    this.#clock = clock
    mkdirSync(folder, { recursive: true })
    for (const name of readdirSync(folder)) this.#restore(name)
  }

  /** The id of the job, the same for the same key; null where there is no room for one more. */
  submit(key: string | undefined, { responses, pauseMs }: EchoOrder): string | null {
    const known = key === undefined ? undefined : this.#byKey.get(key)
    if (known !== undefined) return known
    const now = this.#clock.now()
    this.#forget(now)
    const bytes = bytesOf(responses)
    if (this.#bytes + bytes > this.#limits.bytesMax) return null
    const id = randomUUID()
    const job: EchoJob = { key, responses, startedAt: now, endsAt: now + pauseMs, isCancelled: false }
    writeFileSync(join(this.#folder, id), JSON.stringify(job))
    this.#add(id, job)
    return id
  }

  status(id: string): EchoStatus | null {
    const job = this.#jobs.get(id)
    if (job === undefined) return null
    const now = this.#clock.now()
    if (job.isCancelled) return { status: 'CANCELLED', progress: 100 }
    if (now >= job.endsAt) return { status: 'FINISHED', progress: 100 }
    return { status: 'RUNNING', progress: Math.floor((100 * (now - job.startedAt)) / (job.endsAt - job.startedAt)) }
  }

  /** JSON of what is given back: nothing of what was cancelled before its time. */
  responses(id: string): string {
    const job = this.#jobs.get(id)
    return job === undefined || job.isCancelled ? '[]' : job.responses
  }

  cancel(id: string): void {
    const job = this.#jobs.get(id)
    if (job !== undefined && this.#clock.now() < job.endsAt) job.isCancelled = true
  }

  #add(id: string, job: EchoJob): void {
    this.#bytes += bytesOf(job.responses)
    this.#jobs.set(id, job)
    if (job.key !== undefined) this.#byKey.set(job.key, id)
  }

  // A file that was being written when its process was killed is nobody's: it was not answered yet.
  #restore(id: string): void {
    const file = join(this.#folder, id)
    try {
      this.#add(id, JSON.parse(readFileSync(file, 'utf8')) as EchoJob)
    } catch {
      rmSync(file, { force: true })
    }
  }

  #forget(now: number): void {
    for (const [id, { key, responses, endsAt, isCancelled }] of this.#jobs) {
      // Those behind it may have ended before, but came later: their turn comes.
      if (!isCancelled && endsAt + this.#limits.retentionMs > now) return
      this.#jobs.delete(id)
      rmSync(join(this.#folder, id), { force: true })
      if (key !== undefined) this.#byKey.delete(key)
      this.#bytes -= bytesOf(responses)
    }
  }
}

function bytesOf(text: string): number {
  return JOB_BYTES + 2 * text.length
}
