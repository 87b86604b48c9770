import type { HandleRegistered, ServiceRegistered } from '../../../domain/inventory-messages.ts'
import type { Position } from '../../../kafka/port.ts'

/** What is registered now, as far as this process has read the inventory topic. */
export interface RegisteredInventory {
  service(name: string): ServiceRegistered | undefined
  /** In the order of their names. */
  services(): readonly ServiceRegistered[]
  handleOf(cmHandle: string): HandleRegistered | undefined
  /** The handle that was registered under just this name; slashes at either end don't count. */
  handleAt(alternateId: string): HandleRegistered | undefined
  /** Whether the record at that place came to count within that time. May reject with KafkaFailure. */
  waitFor(record: Position, timeoutMs: number): Promise<boolean>
}
