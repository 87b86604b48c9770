/**
 * Handles by alternate id, by prefix of a managed object's name, and by cm handle. A name is hashed once from its start;
 * the hash at each segment's end leads straight to the handle of that prefix, so a look-up makes no strings.
 */
import type { HandleRegistered } from '../domain/inventory-messages.ts'
import type { Handle } from '../domain/split.ts'
import { HASH_START, hashText, hashUnit, NameTable } from './name-table.ts'

/** A handle with all that was registered of it. */
export interface RegisteredHandle extends Handle {
  /** As registered; `ready` says whether it is READY. */
  readonly state: string
  readonly properties: Readonly<Record<string, string>>
}

const READY = 'READY'
const SLASH = 0x2f

export class HandleIndex {
  readonly #entries: (Entry | undefined)[] = []
  readonly #unused: number[] = []
  readonly #byName = new NameTable()
  readonly #byCmHandle = new NameTable()
  readonly #traits = new TraitsPool()
  /** Segments of a name → handles with so many. */
  readonly #depths: number[] = []
  #depthMax = 0
  /** Where the segments of the name end that is looked up, and the hash up to there. */
  readonly #ends: number[] = []
  readonly #hashes: number[] = []

  get size(): number {
    return this.#byName.size
  }

  /** Adds the handle, in the place of one with the same alternate id. Returns false for one that names nothing. */
  put(message: HandleRegistered): boolean {
    const name = nameOf(message.alternateId)
    if (name === '') return false
    this.remove(message.alternateId)
    const entry = new Entry(message, this.#traits.take(message))
    const number = this.#unused.pop() ?? this.#entries.length
    this.#entries[number] = entry
    this.#byName.add(hashText(name), number)
    this.#byCmHandle.add(hashText(entry.cmHandle), number)
    this.#count(name, 1)
    return true
  }

  remove(alternateId: string): void {
    const name = nameOf(alternateId)
    const number = this.#numberOf(name)
    const entry = number === undefined ? undefined : this.#entries[number]
    if (number === undefined || entry === undefined) return
    this.#byName.remove(hashText(name), number)
    this.#byCmHandle.remove(hashText(entry.cmHandle), number)
    this.#traits.giveBack(entry.traits)
    this.#entries[number] = undefined
    this.#unused.push(number)
    this.#count(name, -1)
  }

  /** The handle whose alternate id is the longest prefix of the name by whole segments; slashes at either end don't count. */
  find(name: string): RegisteredHandle | undefined {
    const start = startOf(name)
    for (let depth = this.#hashPrefixes(name, start); depth > 0; depth -= 1) {
      if ((this.#depths[depth] ?? 0) === 0) continue
      const end = this.#ends[depth] ?? 0
      const number = this.#byName.find(this.#hashes[depth] ?? 0, (each) => this.#isPrefix(each, name, start, end))
      if (number !== undefined) return this.#entries[number]
    }
    return undefined
  }

  /** The handle that was registered under just this name; slashes at either end don't count. */
  byAlternateId(alternateId: string): RegisteredHandle | undefined {
    const number = this.#numberOf(nameOf(alternateId))
    return number === undefined ? undefined : this.#entries[number]
  }

  /** The handle with that cm handle; one of them if several alternate ids share it. */
  byCmHandle(cmHandle: string): RegisteredHandle | undefined {
    const number = this.#byCmHandle.find(hashText(cmHandle), (each) => this.#entries[each]?.cmHandle === cmHandle)
    return number === undefined ? undefined : this.#entries[number]
  }

  #numberOf(name: string): number | undefined {
    return this.#byName.find(hashText(name), (each) => nameOf(this.#entries[each]?.alternateId ?? '') === name)
  }

  /** Notes the end and hash of each prefix as deep as handles go; returns how many there are. */
  #hashPrefixes(name: string, start: number): number {
    const length = endOf(name)
    let hash = HASH_START
    let depth = 0
    for (let i = start; i <= length && depth < this.#depthMax; i += 1) {
      const unit = i === length ? SLASH : name.charCodeAt(i)
      if (unit === SLASH && i > start) {
        depth += 1
        this.#ends[depth] = i
        this.#hashes[depth] = hash
      }
      hash = hashUnit(hash, unit)
    }
    return depth
  }

  #isPrefix(number: number, name: string, start: number, end: number): boolean {
    const alternateId = this.#entries[number]?.alternateId ?? ''
    // Mostly both are written alike, and nothing need be cut.
    if (alternateId.length === end) return name.startsWith(alternateId)
    const prefix = nameOf(alternateId)
    return prefix.length === end - start && name.startsWith(prefix, start)
  }

  #count(name: string, change: number): void {
    const depth = name.split('/').length
    this.#depths[depth] = (this.#depths[depth] ?? 0) + change
    this.#depthMax = Math.max(0, this.#depths.findLastIndex((handles) => handles > 0))
  }
}

/** The texts that many handles have in common. */
interface Traits {
  readonly key: string
  readonly moduleSetTag: string
  readonly dataProducerId: string
  readonly service: string
  readonly writeService: string | null
  readonly state: string
  readonly properties: Readonly<Record<string, string>>
  handles: number
}

class Entry implements RegisteredHandle {
  readonly alternateId: string
  readonly cmHandle: string
  readonly traits: Traits

  constructor({ alternateId, cmHandle }: HandleRegistered, traits: Traits) {
    // Then it has the length of the part of a name that it stands for.
    this.alternateId = alternateId.slice(0, endOf(alternateId))
    this.cmHandle = cmHandle
    this.traits = traits
  }

  get moduleSetTag(): string {
    return this.traits.moduleSetTag
  }

  get dataProducerId(): string {
    return this.traits.dataProducerId
  }

  get service(): string {
    return this.traits.service
  }

  get writeService(): string | null {
    return this.traits.writeService
  }

  get state(): string {
    return this.traits.state
  }

  get ready(): boolean {
    return this.traits.state === READY
  }

  get properties(): Readonly<Record<string, string>> {
    return this.traits.properties
  }
}

/** Keeps one copy of what handles have in common, as long as one of them has it. */
class TraitsPool {
  readonly #known = new Map<string, Traits>()

  take({ moduleSetTag, dataProducerId, service, writeService, state, properties }: HandleRegistered): Traits {
    const key = JSON.stringify([moduleSetTag, dataProducerId, service, writeService, state, properties])
    const traits = this.#known.get(key) ?? { key, moduleSetTag, dataProducerId, service, writeService, state, properties, handles: 0 }
    if (traits.handles === 0) this.#known.set(key, traits)
    traits.handles += 1
    return traits
  }

  giveBack(traits: Traits): void {
    traits.handles -= 1
    if (traits.handles === 0) this.#known.delete(traits.key)
  }
}

/** An alternate id without slashes at either end. */
export function nameOf(alternateId: string): string {
  return alternateId.slice(startOf(alternateId), endOf(alternateId))
}

function startOf(name: string): number {
  let start = 0
  while (name.charCodeAt(start) === SLASH) start += 1
  return start
}

function endOf(name: string): number {
  let end = name.length
  while (end > 0 && name.charCodeAt(end - 1) === SLASH) end -= 1
  return end
}
