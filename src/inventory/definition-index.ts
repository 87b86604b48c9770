/** What clients of dialects have defined and refer to later: algorithms, kinds of jobs. */
import type { DefinitionRegistered } from '../domain/inventory-messages.ts'

/** Where definitions of one kind are. */
export type DefinitionPlace = Pick<DefinitionRegistered, 'tenant' | 'dialect' | 'kind'>

export interface DefinitionPage {
  readonly offset: number
  readonly limit: number
}

interface Kind {
  readonly definitions: Map<string, DefinitionRegistered>
  /** The newest first; null when it is to be sorted again. */
  sorted: readonly DefinitionRegistered[] | null
  /** Of their documents. */
  bytes: number
}

export class DefinitionIndex {
  readonly #kinds = new Map<string, Kind>()

  put(definition: DefinitionRegistered): void {
    const key = keyOf(definition)
    const kind = this.#kinds.get(key) ?? { definitions: new Map<string, DefinitionRegistered>(), sorted: null, bytes: 0 }
    kind.bytes += bytesOf(definition) - bytesOf(kind.definitions.get(definition.id))
    kind.definitions.set(definition.id, definition)
    kind.sorted = null
    this.#kinds.set(key, kind)
  }

  remove(place: DefinitionPlace, id: string): void {
    const kind = this.#kinds.get(keyOf(place))
    const known = kind?.definitions.get(id)
    if (kind === undefined || known === undefined) return
    kind.bytes -= bytesOf(known)
    kind.definitions.delete(id)
    kind.sorted = null
    if (kind.definitions.size === 0) this.#kinds.delete(keyOf(place))
  }

  find(place: DefinitionPlace, id: string): DefinitionRegistered | undefined {
    return this.#kinds.get(keyOf(place))?.definitions.get(id)
  }

  /** Those that were registered last come first. */
  list(place: DefinitionPlace, { offset, limit }: DefinitionPage): readonly DefinitionRegistered[] {
    const kind = this.#kinds.get(keyOf(place))
    if (kind === undefined) return []
    kind.sorted ??= [...kind.definitions.values()].sort(newestFirst)
    return kind.sorted.slice(offset, offset + limit)
  }

  /** Of all documents there. */
  bytes(place: DefinitionPlace): number {
    return this.#kinds.get(keyOf(place))?.bytes ?? 0
  }
}

function newestFirst(one: DefinitionRegistered, other: DefinitionRegistered): number {
  return other.registeredAt - one.registeredAt || (one.id < other.id ? 1 : -1)
}

function bytesOf(definition: DefinitionRegistered | undefined): number {
  return definition === undefined ? 0 : Buffer.byteLength(definition.document)
}

// None of the parts holds a slash.
function keyOf({ tenant, dialect, kind }: DefinitionPlace): string {
  return `${dialect}/${kind}/${tenant}`
}
