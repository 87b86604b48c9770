/** Messages of the inventory, as fast-check makes them up. */
import fc from 'fast-check'
import type { ExecutionMode, InventoryMessage } from '../../src/domain/inventory-messages.ts'
import { int, labels, maybe, text, time } from './codec-values.ts'

type ByType = { readonly [T in InventoryMessage['type']]: fc.Arbitrary<Extract<InventoryMessage, { type: T }>> }

export const inventoryMessages: ByType = {
  HandleRegistered: fc.record({
    type: fc.constant('HandleRegistered'),
    alternateId: text,
    cmHandle: text,
    moduleSetTag: text,
    dataProducerId: text,
    service: text,
    writeService: maybe(text),
    state: text,
    properties: labels,
  }),
  ServiceRegistered: fc.record({
    type: fc.constant('ServiceRegistered'),
    name: text,
    baseUrl: text,
    contract: fc.constantFrom('dataJob', 'cmJob'),
    username: maybe(text),
    password: maybe(text),
    subjobsInFlightMax: maybe(int),
    subjobTimeoutMs: maybe(int),
  }),
  ProcessRegistered: fc.record({
    type: fc.constant('ProcessRegistered'),
    tenant: text,
    id: text,
    version: text,
    description: labels.map((description) => JSON.stringify(description)),
    modes: fc.subarray<ExecutionMode>(['sync', 'async']),
    executionUnit: maybe(fc.record({ mediaType: text, text })),
    service: text,
    mutable: fc.boolean(),
    registeredAt: time,
  }),
  DefinitionRegistered: fc.record({
    type: fc.constant('DefinitionRegistered'),
    tenant: text,
    dialect: text,
    kind: text,
    id: text,
    document: labels.map((document) => JSON.stringify(document)),
    service: maybe(text),
    registeredAt: time,
    paused: fc.boolean(),
  }),
}
