/** The inventory as REST registers against it. */
import type { HandleRegistered } from '../domain/inventory-messages.ts'
import type { RegisteredHandle } from '../inventory/handle-index.ts'
import type { Inventory } from '../inventory/inventory.ts'
import type { RegisteredInventory } from '../rest/dialects/inventory/registered.ts'

export function registeredInventory(inventory: Inventory): RegisteredInventory {
  return {
    service: (name) => inventory.service(name),
    services: () => inventory.services().flatMap(({ name }) => inventory.service(name) ?? []),
    handleOf: (cmHandle) => messageOf(inventory.byCmHandle(cmHandle)),
    handleAt: (alternateId) => messageOf(inventory.byAlternateId(alternateId)),
    waitFor: (_record, timeoutMs) => inventory.caughtUp(timeoutMs),
  }
}

function messageOf(handle: RegisteredHandle | undefined): HandleRegistered | undefined {
  if (handle === undefined) return undefined
  const { alternateId, cmHandle, moduleSetTag, dataProducerId, service, writeService, state, properties } = handle
  return { type: 'HandleRegistered', alternateId, cmHandle, moduleSetTag, dataProducerId, service, writeService, state, properties }
}
