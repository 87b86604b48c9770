/** The processes that each tenant's clients may execute: those built in, and those registered for the tenant. */
import type { ProcessRegistered } from '../domain/inventory-messages.ts'

/** What is the same of a process, built in or registered. */
export type OfferedProcess = Pick<ProcessRegistered, 'id' | 'version' | 'description' | 'modes' | 'executionUnit' | 'service' | 'mutable'>

/** A page in the order of ids: what follows `after`, or else what comes right before `before`, or else the first. */
export interface ProcessPageQuery {
  readonly limit: number
  readonly after: string | null
  readonly before: string | null
}

export interface ProcessPage {
  readonly items: readonly OfferedProcess[]
  readonly hasPrevious: boolean
  readonly hasNext: boolean
}

interface Tenant {
  readonly processes: Map<string, OfferedProcess>
  /** In the order of their ids; null when it is to be sorted again. */
  sorted: readonly OfferedProcess[] | null
}

export class ProcessIndex {
  readonly #builtIn: ReadonlyMap<string, OfferedProcess>
  /** Those that have registered a process; all others have what is built in. */
  readonly #tenants = new Map<string, Tenant>()
  readonly #sortedBuiltIn: readonly OfferedProcess[]

  constructor(builtIn: readonly OfferedProcess[]) {
    this.#builtIn = new Map(builtIn.map((process) => [process.id, process]))
    this.#sortedBuiltIn = inOrder(builtIn)
  }

  /** False, and nothing changes, where the id is that of a built-in process. */
  put(process: ProcessRegistered): boolean {
    if (this.#builtIn.has(process.id)) return false
    const tenant = this.#tenants.get(process.tenant) ?? { processes: new Map<string, OfferedProcess>(), sorted: null }
    tenant.processes.set(process.id, process)
    tenant.sorted = null
    this.#tenants.set(process.tenant, tenant)
    return true
  }

  remove(tenantName: string, id: string): void {
    const tenant = this.#tenants.get(tenantName)
    if (tenant?.processes.delete(id) !== true) return
    tenant.sorted = null
    if (tenant.processes.size === 0) this.#tenants.delete(tenantName)
  }

  find(tenant: string, id: string): OfferedProcess | undefined {
    return this.#builtIn.get(id) ?? this.#tenants.get(tenant)?.processes.get(id)
  }

  /** Those that the tenant has registered. */
  count(tenant: string): number {
    return this.#tenants.get(tenant)?.processes.size ?? 0
  }

  list(tenant: string, { limit, after, before }: ProcessPageQuery): ProcessPage {
    const all = this.#sorted(tenant)
    const [first, end] = after === null && before !== null ? endingAt(countBefore(all, before), limit) : startingAt(all, after, limit)
    const items = all.slice(first, end)
    return { items, hasPrevious: first > 0 && items.length > 0, hasNext: end < all.length && items.length > 0 }
  }

  #sorted(name: string): readonly OfferedProcess[] {
    const tenant = this.#tenants.get(name)
    if (tenant === undefined) return this.#sortedBuiltIn
    tenant.sorted ??= inOrder([...this.#builtIn.values(), ...tenant.processes.values()])
    return tenant.sorted
  }
}

function inOrder(processes: readonly OfferedProcess[]): readonly OfferedProcess[] {
  return [...processes].sort((one, other) => (one.id < other.id ? -1 : 1))
}

function startingAt(all: readonly OfferedProcess[], after: string | null, limit: number): readonly [number, number] {
  const found = after === null ? 0 : all.findIndex(({ id }) => id > after)
  const first = found === -1 ? all.length : found
  return [first, first + limit]
}

function endingAt(end: number, limit: number): readonly [number, number] {
  return [Math.max(0, end - limit), end]
}

function countBefore(all: readonly OfferedProcess[], id: string): number {
  const found = all.findIndex((process) => process.id >= id)
  return found === -1 ? all.length : found
}
