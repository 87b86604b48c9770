/** Subjobs that are not begun for now, since what they ask for is paused. */
import type { SubjobEntry } from './subjob-entry.ts'
import type { Turn } from '../stage.ts'
import { StageTimer } from '../timer-queue.ts'

/** Whether what is asked of a tenant's definition is not begun for now. */
export type IsPaused = (definition: string, tenant: string) => boolean

/** The kind of timer that rings when it is to be looked whether they go on. */
export const RESUME = 'resume'

/** How long something that goes on again may wait for it. */
const LOOK_MS = 500

/** Those that ask for the same. */
interface PausedKind {
  readonly definitions: readonly string[]
  readonly tenant: string
  readonly ids: Set<string>
}

export class PausedSubjobs {
  readonly #isPaused: IsPaused
  readonly #kinds = new Map<string, PausedKind>()
  readonly #look = new StageTimer(RESUME, '')

  constructor(isPaused: IsPaused) {
    this.#isPaused = isPaused
  }

  /** Whether it is not to be begun now; then it is among those that {@link takeResumed} gives back. */
  keeps(id: string, { dispatch: { tenant }, definitions }: SubjobEntry, turn: Turn<never>): boolean {
    if (definitions.length === 0 || !this.#arePaused(definitions, tenant)) return false
    if (this.#kinds.size === 0) turn.wake(this.#look, turn.now + LOOK_MS)
    const key = keyOf(definitions, tenant)
    const kind = this.#kinds.get(key) ?? { definitions, tenant, ids: new Set() }
    kind.ids.add(id)
    this.#kinds.set(key, kind)
    return true
  }

  forget(id: string, { dispatch: { tenant }, definitions }: SubjobEntry): void {
    if (definitions.length === 0) return
    const key = keyOf(definitions, tenant)
    const kind = this.#kinds.get(key)
    if (kind?.ids.delete(id) === true && kind.ids.size === 0) this.#kinds.delete(key)
  }

  /** The timer has rung: those that go on now, each job's last first. */
  takeResumed(turn: Turn<never>): readonly string[] {
    const resumed: string[] = []
    for (const [key, { definitions, tenant, ids }] of this.#kinds) {
      if (this.#arePaused(definitions, tenant)) continue
      resumed.push(...ids)
      this.#kinds.delete(key)
    }
    if (this.#kinds.size > 0) turn.wake(this.#look, turn.now + LOOK_MS)
    return lastFirst(resumed)
  }

  #arePaused(definitions: readonly string[], tenant: string): boolean {
    return definitions.some((definition) => this.#isPaused(definition, tenant))
  }
}

function keyOf(definitions: readonly string[], tenant: string): string {
  return JSON.stringify([tenant, ...definitions])
}

/** Jobs keep their order. */
function lastFirst(subjobIds: readonly string[]): readonly string[] {
  const jobs = new Map<string, string[]>()
  for (const id of subjobIds) {
    const jobId = id.slice(0, id.lastIndexOf('/'))
    const own = jobs.get(jobId) ?? []
    own.push(id)
    jobs.set(jobId, own)
  }
  return [...jobs.values()].flatMap((own) => own.reverse())
}
