/** Callbacks that wait, in lines: which of them may be delivered now. */
import type { CallbackQueued } from '../../domain/messages.ts'
import { StageTimer } from '../timer-queue.ts'
import { WaitingLine } from '../waiting-line.ts'

export interface CallbackLine {
  readonly key: string
  /** By id, in their order; the first is the one that is delivered. */
  readonly callbacks: Map<string, CallbackQueued>
  /** Of the first, since the lane began. */
  failures: number
  /** Whether the first is being delivered, waits for its turn, or for its next try. */
  isBusy: boolean
  readonly retry: StageTimer
}

export interface CallbackPlaces {
  /** Deliveries at a time, and those to one host. */
  readonly inFlightMax: number
  readonly perHostMax: number
}

interface Host {
  inFlight: number
  readonly waiting: WaitingLine<CallbackLine>
}

/** The timer of a line whose first callback is tried again. */
export const RETRY = 'retry'

export class CallbackLines {
  readonly #places: CallbackPlaces
  readonly #lines = new Map<string, CallbackLine>()
  // Only those that are called or waited for; who has waited for longest since its last turn comes first.
  readonly #hosts = new Map<string, Host>()
  readonly #perJob = new Map<string, number>()
  #inFlight = 0
  #size = 0

  constructor(places: CallbackPlaces) {
    this.#places = places
  }

  /** Callbacks that were neither delivered nor given up. */
  get size(): number {
    return this.#size
  }

  get(key: string): CallbackLine | undefined {
    return this.#lines.get(key)
  }

  all(): readonly CallbackLine[] {
    return [...this.#lines.values()]
  }

  ofJob(jobId: string): number {
    return this.#perJob.get(jobId) ?? 0
  }

  /** The line that it is in now; undefined where it was there already. */
  add(callback: CallbackQueued): CallbackLine | undefined {
    const { id, line: key, jobId } = callback
    const line = this.#lines.get(key) ?? { key, callbacks: new Map(), failures: 0, isBusy: false, retry: new StageTimer(RETRY, key) }
    if (line.callbacks.has(id)) return undefined
    this.#lines.set(key, line)
    line.callbacks.set(id, callback)
    this.#perJob.set(jobId, this.ofJob(jobId) + 1)
    this.#size += 1
    return line
  }

  remove(line: CallbackLine, { id, jobId }: CallbackQueued): void {
    line.callbacks.delete(id)
    line.failures = 0
    if (line.callbacks.size === 0) this.#lines.delete(line.key)
    const left = this.ofJob(jobId) - 1
    if (left > 0) this.#perJob.set(jobId, left)
    else this.#perJob.delete(jobId)
    this.#size -= 1
  }

  /** What of the line may be delivered now; else it waits for {@link leave}. */
  begin(line: CallbackLine): CallbackQueued | undefined {
    const first = firstOf(line)
    if (line.isBusy || first === undefined) return undefined
    line.isBusy = true
    const host = this.#hostOf(first)
    if (host.waiting.first === undefined && this.#admits(host)) return this.#take(host, first)
    host.waiting.append(line)
    return undefined
  }

  /** A delivery has come to an end: what may be delivered instead. */
  leave(callback: CallbackQueued): readonly CallbackQueued[] {
    const name = hostNameOf(callback.url)
    const host = this.#hostOf(callback)
    host.inFlight -= 1
    this.#inFlight -= 1
    if (host.inFlight === 0 && host.waiting.first === undefined) this.#hosts.delete(name)
    return this.#admitWaiting()
  }

  #admitWaiting(): readonly CallbackQueued[] {
    const admitted: CallbackQueued[] = []
    for (const [name, host] of this.#hosts) {
      if (this.#inFlight >= this.#places.inFlightMax) break
      if (!this.#admits(host)) continue
      const line = host.waiting.takeFirst()
      const first = line === undefined ? undefined : firstOf(line)
      if (first === undefined) continue
      admitted.push(this.#take(host, first))
      // At the end, where this meets it again.
      this.#hosts.delete(name)
      this.#hosts.set(name, host)
    }
    return admitted
  }

  #admits(host: Host): boolean {
    return this.#inFlight < this.#places.inFlightMax && host.inFlight < this.#places.perHostMax
  }

  #take(host: Host, callback: CallbackQueued): CallbackQueued {
    host.inFlight += 1
    this.#inFlight += 1
    return callback
  }

  #hostOf({ url }: CallbackQueued): Host {
    const name = hostNameOf(url)
    const known = this.#hosts.get(name)
    if (known !== undefined) return known
    const host = { inFlight: 0, waiting: new WaitingLine<CallbackLine>() }
    this.#hosts.set(name, host)
    return host
  }
}

export function firstOf(line: CallbackLine): CallbackQueued | undefined {
  return line.callbacks.values().next().value
}

function hostNameOf(url: string): string {
  return (/^https?:\/\/([^/?#]*)/i.exec(url)?.[1] ?? '').toLowerCase()
}
