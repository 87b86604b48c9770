/**
 * Decides what to do about whatever stands still, from what is seen of it now and then. It has no clock and no timers of its own,
 * and does nothing: who looks is told.
 */

/** What is counted apart. */
export type WatchedKind = 'lane' | 'effect' | 'consumer' | 'reader'

/** Something that waits, at the moment of looking. What waits for work to come is none of that. */
export interface Waiting {
  readonly kind: WatchedKind
  /** What waits, as a person would say it; the same each time. */
  readonly subject: string
  readonly waitsFor: string
  /** Changes with whatever gets done meanwhile. */
  readonly progress: number
  /** Without progress for longer, it stands still. */
  readonly limitMs: number
  /** Ends it, wherever it stands, and begins it anew. */
  readonly restart: (reason: Error) => void
}

/**
 * What to do: let it wait, for what it needs is away; begin it anew; or end the process, because that did not help.
 */
export type Verdict = 'wait' | 'restart' | 'exit'

export interface Standstill {
  readonly waiting: Waiting
  readonly waitedMs: number
  readonly verdict: Verdict
}

/** Restarts of one subject that may be of no help before the process is ended. */
const RESTARTS_MAX = 2
/** How long a restart counts as recent, beside the time in which several can come about. */
const RESTART_REMEMBERED_MS = 600_000

interface Seen {
  readonly waitsFor: string
  readonly progress: number
  since: number
}

export class StandstillJudge {
  readonly #lookEveryMs: number
  #seen = new Map<string, Seen>()
  readonly #restarts = new Map<string, number[]>()
  #lookedAt: number | null = null

  /** `lookEveryMs` says how often it is asked; time in which nobody could look counts for nobody's standstill. */
  constructor({ lookEveryMs }: { readonly lookEveryMs: number }) {
    this.#lookEveryMs = lookEveryMs
  }

  /** `now` in milliseconds from anywhere, never set back. `kafkaAnswers`: whether it did when it was asked last. */
  look(now: number, all: readonly Waiting[], { kafkaAnswers }: { readonly kafkaAnswers: boolean }): readonly Standstill[] {
    this.#forgive(now)
    const found: Standstill[] = []
    const seen = new Map<string, Seen>()
    for (const waiting of all) {
      const since = this.#sinceOf(waiting, now)
      seen.set(waiting.subject, since)
      const waitedMs = now - since.since
      if (waitedMs < waiting.limitMs) continue
      since.since = now
      found.push({ waiting, waitedMs, verdict: this.#verdictOn(waiting, now, kafkaAnswers) })
    }
    this.#seen = seen
    return found
  }

  #sinceOf({ subject, waitsFor, progress }: Waiting, now: number): Seen {
    const known = this.#seen.get(subject)
    return known?.waitsFor === waitsFor && known.progress === progress ? known : { waitsFor, progress, since: now }
  }

  // The process stood still, or was kept busy by something that is reported by itself.
  #forgive(now: number): void {
    const lateMs = this.#lookedAt === null ? 0 : now - this.#lookedAt - this.#lookEveryMs
    if (lateMs > this.#lookEveryMs) for (const seen of this.#seen.values()) seen.since += lateMs
    this.#lookedAt = now
  }

  #verdictOn({ kind, subject, limitMs }: Waiting, now: number, kafkaAnswers: boolean): Verdict {
    if (!kafkaAnswers && kind !== 'effect') return 'wait'
    const recentMs = RESTART_REMEMBERED_MS + (RESTARTS_MAX + 1) * limitMs
    const recent = (this.#restarts.get(subject) ?? []).filter((at) => now - at < recentMs)
    if (recent.length >= RESTARTS_MAX) return 'exit'
    this.#restarts.set(subject, [...recent, now])
    return 'restart'
  }
}

/** A time in which the event loop did nothing of what it should have done. */
export interface Stall {
  readonly ms: number
  /** `blocked`: by something that this process computed. `stopped`: the process got no processor, or was not let run. */
  readonly cause: 'blocked' | 'stopped'
  readonly verdict: 'log' | 'exit'
}

export interface StallLimits {
  /** A shorter one is none. */
  readonly noticedMs: number
  /** After a longer one, others have taken our lanes over. */
  readonly sessionTimeoutMs: number
}

/** Times that the event loop may be blocked for longer than a session, within a while, before the process is ended. */
const LOST_SESSIONS_MAX = 3
const LOST_SESSIONS_WITHIN_MS = 600_000

export class StallJudge {
  readonly #limits: StallLimits
  #lost: readonly number[] = []

  constructor(limits: StallLimits) {
    this.#limits = limits
  }

  /** `lateMs`: how much later than it was due a timer fired; `busyMs`: processor time that the process took meanwhile. */
  look(now: number, { lateMs, busyMs }: { readonly lateMs: number; readonly busyMs: number }): Stall | null {
    const { noticedMs, sessionTimeoutMs } = this.#limits
    if (lateMs < noticedMs) return null
    const cause = busyMs >= lateMs / 2 ? 'blocked' : 'stopped'
    if (cause === 'stopped' || lateMs < sessionTimeoutMs) return { ms: lateMs, cause, verdict: 'log' }
    this.#lost = [...this.#lost.filter((at) => now - at < LOST_SESSIONS_WITHIN_MS), now]
    return { ms: lateMs, cause, verdict: this.#lost.length >= LOST_SESSIONS_MAX ? 'exit' : 'log' }
  }
}
