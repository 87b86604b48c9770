/** Jobs as server-sent events (WHATWG HTML, 9.2): the job as it is, then each change, until it has ended. */
import { Readable } from 'node:stream'
import type { Job } from '../../domain/job.ts'
import type { VersionedJob } from '../../read-model/port.ts'
import type { TimerHandle } from '../../runtime/clock.ts'
import type { JobDependencies } from '../dependencies.ts'
import { RETRY_AFTER_S, unavailable } from '../errors.ts'
import type { JobWatch } from './job-watch.ts'

export interface StreamRequest {
  readonly jobId: string
  /** The version that the client has seen; -1 for none. */
  readonly seen: number
  /** The job as one line of text. */
  readonly render: (job: Job) => string
}

/** Often enough for proxies that give up a silent connection after half a minute. */
const HEARTBEAT_MS = 15_000
/** Heartbeats through which a client may take nothing of what there is for it. */
const STALLED_HEARTBEATS_MAX = 4
/** What clients are told to wait before they connect again. */
const RECONNECT_MS = 2_000

/** All open streams of this process. */
export class JobStreams {
  readonly #deps: JobDependencies
  readonly #watch: JobWatch
  readonly #open = new Set<JobStream>()
  #heartbeat: TimerHandle | null = null
  #isClosed = false

  constructor(deps: JobDependencies, watch: JobWatch) {
    this.#deps = deps
    this.#watch = watch
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size
  }

  /** Throws a 503 when too many are open already. */
  open({ jobId, seen, render }: StreamRequest): Readable {
    const { eventStreamsMax } = this.#deps.limits
    if (this.#isClosed || this.#open.size >= eventStreamsMax) {
      const message = this.#isClosed ? 'The server is being stopped' : `${eventStreamsMax} event streams are open already`
      throw unavailable(message, { retryAfterS: RETRY_AFTER_S, details: 'Connect again, or ask for the status of the job.' })
    }
    const stream = new JobStream(seen, render)
    this.#open.add(stream)
    const leave = this.#watch.follow(jobId, stream)
    stream.once('close', () => {
      this.#open.delete(stream)
      leave()
      if (this.#open.size === 0) this.#stopBeating()
    })
    if (this.#heartbeat === null) this.#beatLater()
    return stream
  }

  /** Ends all streams; clients connect again, to another instance or to the next process. */
  close(): void {
    this.#isClosed = true
    for (const stream of [...this.#open]) stream.end()
  }

  #beatLater(): void {
    this.#heartbeat = this.#deps.timers.after(HEARTBEAT_MS, () => {
      for (const stream of [...this.#open]) stream.beat()
      this.#beatLater()
    })
  }

  // A timer that is left over would keep a process that has stopped.
  #stopBeating(): void {
    this.#heartbeat?.cancel()
    this.#heartbeat = null
  }
}

/**
 * One client's stream. Whatever happens while the client does not read, it holds only the latest state; what is older was
 * passed over.
 */
class JobStream extends Readable {
  readonly #render: (job: Job) => string
  #seen: number
  #latest: VersionedJob | null = null
  #wantsMore = false
  #isEnding = false
  #stalledBeats = 0

  constructor(seen: number, render: (job: Job) => string) {
    super({ highWaterMark: 1 })
    this.#seen = seen
    this.#render = render
    this.push(`retry: ${RECONNECT_MS}\n\n`)
  }

  override _read(): void {
    this.#wantsMore = true
    this.#stalledBeats = 0
    this.#flush()
  }

  changed(found: VersionedJob | null): void {
    if (found === null) this.end()
    else if (found.version > this.#seen) this.#latest = found
    this.#flush()
  }

  failed(error: unknown): void {
    this.destroy(error instanceof Error ? error : new Error(String(error)))
  }

  beat(): void {
    if (this.#wantsMore) {
      this.#wantsMore = this.push(':\n\n')
      return
    }
    this.#stalledBeats += 1
    if (this.#stalledBeats > STALLED_HEARTBEATS_MAX) this.destroy()
  }

  /** Ends it after what there is to say. */
  end(): void {
    // Nobody waits for a client that takes nothing.
    if (this.#stalledBeats > 0) this.destroy()
    this.#isEnding = true
    this.#flush()
  }

  #flush(): void {
    if (!this.#wantsMore || this.destroyed) return
    const latest = this.#latest
    this.#latest = null
    if (latest !== null && latest.version > this.#seen) {
      this.#seen = latest.version
      const data = this.#render(latest.job)
      this.#wantsMore = this.push(frame('status', latest.version, data))
      if (latest.job.state !== 'ended') return
      this.push(frame('end', latest.version, data))
      this.#isEnding = true
    }
    if (!this.#isEnding) return
    this.#wantsMore = false
    this.push(null)
  }
}

function frame(event: string, id: number, data: string): string {
  return `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`
}
