/** Registrations in the words of CPS, and what they change of the inventory. */
import type { HandleRegistered, ServiceRegistered } from '../../../domain/inventory-messages.ts'
import { BUILT_IN_SERVICE } from '../../../inventory/built-in-processes.ts'
import { nameOf } from '../../../inventory/handle-index.ts'
import { handleKey } from '../../../inventory/inventory.ts'
import { isReservedName } from '../../../inventory/reserved-names.ts'
import { Refusal } from '../../errors.ts'
import type { InventoryChange } from '../../inventory-writer.ts'
import type { RegisteredInventory } from './registered.ts'
import type { CreatedHandle, Registration, ServiceAnswer, ServiceBody, UpdatedHandle } from './schemas.ts'

export interface HandleFailure {
  readonly cmHandle: string
  readonly errorCode: string
  readonly errorText: string
}

export interface RegistrationPlan {
  readonly changes: readonly InventoryChange[]
  readonly counts: { readonly created: number; readonly updated: number; readonly removed: number }
  readonly failures: {
    readonly failedCreatedCmHandles: HandleFailure[]
    readonly failedUpdatedCmHandles: HandleFailure[]
    readonly failedRemovedCmHandles: HandleFailure[]
  }
}

// CPS, NcmpResponseStatus.
const HANDLE_NOT_FOUND = { errorCode: '100', errorText: 'cm handle reference(s) not found' }
const HANDLE_EXISTS = { errorCode: '109', errorText: 'cm-handle already exists' }
const ID_RESERVED = { errorCode: '110', errorText: 'alternate id is below a reserved name' }
const ID_INVALID = { errorCode: '110', errorText: 'alternate id names nothing' }
const ALTERNATE_ID_TAKEN = { errorCode: '111', errorText: 'alternate id already associated with another cm handle' }

/**
 * What a registration changes, handle by handle. A handle that can't be registered is a failure of its own; the others
 * are registered. One that is registered already as it is said again is no failure. Throws a 400 where no handle can be.
 */
export function planRegistration(registration: Registration, inventory: RegisteredInventory): RegistrationPlan {
  const planned = new PlannedHandles(inventory)
  const { removedCmHandles = [], createdCmHandles = [], updatedCmHandles = [] } = registration
  const removed = removedCmHandles.map((cmHandle) => planned.remove(cmHandle))
  const services = createdCmHandles.length === 0 ? null : servicesOf(registration)
  const created = createdCmHandles.map((handle) => (services === null ? null : planned.create(handle, services)))
  const updated = updatedCmHandles.map((handle) => planned.update(handle))
  const failures = {
    failedCreatedCmHandles: created.filter((failure) => failure !== null),
    failedUpdatedCmHandles: updated.filter((failure) => failure !== null),
    failedRemovedCmHandles: removed.filter((failure) => failure !== null),
  }
  const counts = {
    created: created.length - failures.failedCreatedCmHandles.length,
    updated: updated.length - failures.failedUpdatedCmHandles.length,
    removed: removed.length - failures.failedRemovedCmHandles.length,
  }
  return { changes: planned.changes(), counts, failures }
}

type Services = Pick<HandleRegistered, 'service' | 'writeService'>

function servicesOf(registration: Registration): Services {
  const { dmiPlugin = '', dmiDatajobsReadPlugin = '', dmiDatajobsWritePlugin = '' } = registration
  const reads = dmiDatajobsReadPlugin || dmiPlugin || dmiDatajobsWritePlugin
  if (reads === '') {
    throw new Refusal(400, 'A registration names dmiPlugin, or dmiDatajobsReadPlugin and dmiDatajobsWritePlugin', {
      details: 'Without a service nobody can be asked for what the handles hold.',
    })
  }
  const writes = dmiDatajobsWritePlugin || dmiPlugin || reads
  return { service: reads, writeService: writes === reads ? null : writes }
}

/** The inventory as it will be after the handles that were planned so far. */
class PlannedHandles {
  readonly #inventory: RegisteredInventory
  /** By cmHandle; null when it is to go. */
  readonly #handles = new Map<string, HandleRegistered | null>()
  /** By the name that an alternate id stands for; null when it is to be free. */
  readonly #owners = new Map<string, string | null>()

  constructor(inventory: RegisteredInventory) {
    this.#inventory = inventory
  }

  remove(cmHandle: string): HandleFailure | null {
    const known = this.#handle(cmHandle)
    if (known === undefined) return { cmHandle, ...HANDLE_NOT_FOUND }
    this.#handles.set(cmHandle, null)
    this.#owners.set(nameOf(known.alternateId), null)
    return null
  }

  create(handle: CreatedHandle, services: Services): HandleFailure | null {
    const { cmHandle, alternateId = '', moduleSetTag = '', dataProducerIdentifier = '' } = handle
    const address = alternateId === '' ? cmHandle : alternateId
    if (nameOf(address) === '') return { cmHandle, ...ID_INVALID }
    if (isReservedName(address)) return { cmHandle, ...ID_RESERVED }
    const known = this.#handle(cmHandle)
    // Under another name than before it would have two: the old one must be removed first.
    if (known !== undefined && !isSameName(known.alternateId, address)) return { cmHandle, ...HANDLE_EXISTS }
    if ((this.#owner(address) ?? cmHandle) !== cmHandle) return { cmHandle, ...ALTERNATE_ID_TAKEN }
    this.#put({
      type: 'HandleRegistered',
      alternateId: address,
      cmHandle,
      moduleSetTag,
      dataProducerId: dataProducerIdentifier,
      ...services,
      state: handle.cmHandleState ?? 'READY',
      properties: handle.cmHandleProperties ?? {},
    })
    return null
  }

  update(handle: UpdatedHandle): HandleFailure | null {
    const { cmHandle, alternateId = '' } = handle
    const known = this.#handle(cmHandle)
    if (known === undefined) return { cmHandle, ...HANDLE_NOT_FOUND }
    if (alternateId !== '' && !isSameName(alternateId, known.alternateId)) {
      return { cmHandle, ...HANDLE_EXISTS, errorText: 'cm-handle already has another alternate id' }
    }
    const properties = Object.entries({ ...known.properties, ...handle.cmHandleProperties })
    this.#put({
      ...known,
      moduleSetTag: handle.moduleSetTag ?? known.moduleSetTag,
      dataProducerId: handle.dataProducerIdentifier ?? known.dataProducerId,
      state: handle.cmHandleState ?? known.state,
      properties: Object.fromEntries(properties.filter((pair): pair is [string, string] => pair[1] !== null)),
    })
    return null
  }

  /** What goes comes first: an alternate id that one handle gives up may be another's by now. */
  changes(): readonly InventoryChange[] {
    const gone: InventoryChange[] = []
    const there: InventoryChange[] = []
    for (const [cmHandle, handle] of this.#handles) {
      const before = this.#inventory.handleOf(cmHandle)?.alternateId
      const after = handle?.alternateId ?? ''
      if (before !== undefined && !isSameName(before, after)) gone.push({ key: handleKey(before), message: null })
      if (handle !== null) there.push({ key: handleKey(after), message: handle })
    }
    return [...gone, ...there]
  }

  #put(handle: HandleRegistered): void {
    this.#handles.set(handle.cmHandle, handle)
    this.#owners.set(nameOf(handle.alternateId), handle.cmHandle)
  }

  #handle(cmHandle: string): HandleRegistered | undefined {
    const planned = this.#handles.get(cmHandle)
    return planned === undefined ? this.#inventory.handleOf(cmHandle) : (planned ?? undefined)
  }

  #owner(alternateId: string): string | null {
    const planned = this.#owners.get(nameOf(alternateId))
    return planned === undefined ? (this.#inventory.handleAt(alternateId)?.cmHandle ?? null) : planned
  }
}

// Slashes at either end of a name don't count (contract page, "Operations" and "Splitting").
function isSameName(one: string, other: string): boolean {
  return nameOf(one) === nameOf(other)
}

/** Throws a 400 on a name that is taken, and on an address that can't be called, or says more than where the plugin is. */
export function serviceOf(name: string, body: ServiceBody): ServiceRegistered {
  if (name === BUILT_IN_SERVICE) throw new Refusal(400, `path name: "${name}" is the service’s own`, { details: 'Choose another name.' })
  return {
    type: 'ServiceRegistered',
    name,
    baseUrl: checkedBaseUrl(body.baseUrl),
    contract: body.contract ?? 'dataJob',
    username: body.auth?.username ?? null,
    password: body.auth?.password ?? null,
    subjobsInFlightMax: body.limits?.subjobsInFlightMax ?? null,
    subjobTimeoutMs: body.limits?.subjobTimeoutMs ?? null,
  }
}

function checkedBaseUrl(text: string): string {
  const url = URL.parse(text)
  const details = 'It is such as https://plugin.example.org:8443/dmi.'
  const refuse = (why: string): Refusal => new Refusal(400, `body baseUrl ${why}`, { details })
  if (url === null) throw refuse('is not a URL')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('is neither http nor https')
  if (url.username !== '' || url.password !== '') throw refuse('holds credentials; they belong in auth')
  if (url.search !== '' || url.hash !== '') throw refuse('has a query or a fragment')
  return url.href.replace(/\/+$/, '')
}

/** What may be known of a service: all but its password. */
export function serviceAnswer(service: ServiceRegistered): ServiceAnswer {
  const { name, baseUrl, contract, username, subjobsInFlightMax, subjobTimeoutMs } = service
  const auth = username === null ? null : { type: 'basic' as const, username }
  return { name, baseUrl, contract, auth, limits: { subjobsInFlightMax, subjobTimeoutMs } }
}
