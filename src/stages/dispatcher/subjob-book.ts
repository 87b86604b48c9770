/** A dispatcher lane's state: its subjobs, and how they stand in the changelog. */
import { jobId as asJobId, subjobId } from '../../domain/ids.ts'
import type { DispatchSubjob, Message } from '../../domain/messages.ts'
import { SharedStrings } from '../../runtime/shared-strings.ts'
import type { Turn } from '../stage.ts'
import { type EntryParts, newEntry, storedForm, type SubjobEntry, timersOf } from './subjob-entry.ts'

const SPEC_PREFIX = 'spec:'
const PROGRESS_PREFIX = 'progress:'

export interface KnownSubjob {
  readonly id: string
  readonly entry: SubjobEntry
}

export class SubjobBook {
  readonly #entries = new Map<string, SubjobEntry>()
  readonly #parts: EntryParts

  constructor({ store, definitionOf }: Pick<EntryParts, 'store' | 'definitionOf'>) {
    this.#parts = { store, strings: new SharedStrings(), definitionOf }
  }

  get size(): number {
    return this.#entries.size
  }

  get(id: string): SubjobEntry | undefined {
    return this.#entries.get(id)
  }

  all(): Iterable<readonly [string, SubjobEntry]> {
    return this.#entries
  }

  /** What is known under the subjob's name; undefined where nothing is, or of another run only. */
  find({ jobId, index, run }: Pick<DispatchSubjob, 'jobId' | 'index' | 'run'>): KnownSubjob | undefined {
    const id = idOf({ jobId, index })
    const entry = this.#entries.get(id)
    return entry?.dispatch.run === run ? { id, entry } : undefined
  }

  /** Undefined where it is known already, in whichever run. */
  add(order: DispatchSubjob, turn: Turn<never>): KnownSubjob | undefined {
    const id = idOf(order)
    if (this.#entries.has(id)) return undefined
    const entry = newEntry(order, this.#parts, null)
    this.#entries.set(id, entry)
    turn.store(SPEC_PREFIX + id, order)
    return { id, entry }
  }

  /** Its producer is called in the turn that has added it: one record says both. */
  storeCalled(id: string, order: DispatchSubjob, turn: Turn<never>): void {
    turn.store(SPEC_PREFIX + id, { ...order, called: true })
  }

  storeProgress(id: string, entry: SubjobEntry, turn: Turn<never>): void {
    const { jobId, index } = entry.dispatch
    entry.isProgressStored = true
    turn.store(PROGRESS_PREFIX + id, { type: 'SubjobProgressed', jobId, index, subjob: storedForm(entry.subjob) })
  }

  forget(id: string, entry: SubjobEntry, turn: Turn<never>): void {
    turn.store(SPEC_PREFIX + id, null)
    if (entry.isProgressStored) turn.store(PROGRESS_PREFIX + id, null)
    this.#entries.delete(id)
    for (const timer of timersOf(entry)) turn.unset(timer)
    entry.operations.release()
  }

  restore(key: string, message: Message | null, writtenAt: number): void {
    if (key.startsWith(SPEC_PREFIX)) {
      const id = key.slice(SPEC_PREFIX.length)
      this.#entries.get(id)?.operations.release()
      this.#entries.delete(id)
      // Before its first call something is stored: what became of a call that nobody has heard of, the producer alone knows.
      const calledSince = message?.type === 'DispatchSubjob' && message.called ? writtenAt : null
      if (message?.type === 'DispatchSubjob') this.#entries.set(id, newEntry(message, this.#parts, calledSince))
      return
    }
    const entry = this.#entries.get(key.slice(PROGRESS_PREFIX.length))
    if (entry === undefined || message?.type !== 'SubjobProgressed') return
    entry.subjob = message.subjob
    entry.isProgressStored = true
    entry.calledSince ??= writtenAt
  }
}

function idOf({ jobId, index }: Pick<DispatchSubjob, 'jobId' | 'index'>): string {
  return subjobId(asJobId(jobId), index)
}
