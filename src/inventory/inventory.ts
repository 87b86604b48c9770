/**
 * Every handle, DMI service and process of the inventory topic, in memory: one for all stages of a process. The topic is read whole
 * at each start, so nothing else keeps it.
 */
import type { ServiceRegistered } from '../domain/inventory-messages.ts'
import type { Message } from '../domain/messages.ts'
import type { InputRecord, KafkaAdmin, KafkaClient, Position } from '../kafka/port.ts'
import { type Decoded, type RecordPlace, type TailRecord, TopicTail, type TopicTailEvents } from '../kafka/topic-tail.ts'
import type { Timers } from '../runtime/clock.ts'
import { BUILT_IN_PROCESSES, BUILT_IN_SERVICE } from './built-in-processes.ts'
import { definitionHandle, isPausedDefinition } from './definition-handles.ts'
import { DefinitionIndex, type DefinitionPlace } from './definition-index.ts'
import { HandleIndex, nameOf, type RegisteredHandle } from './handle-index.ts'
import { processHandle } from './process-handles.ts'
import { ProcessIndex } from './process-index.ts'
import { isReservedName } from './reserved-names.ts'

/** A service as it may be shown: whether it has a password, not which. */
export interface ServiceSummary extends Omit<ServiceRegistered, 'type' | 'password'> {
  readonly hasPassword: boolean
}

export interface InventoryOptions {
  readonly kafka: Pick<KafkaClient, 'tailReader'>
  readonly admin: Pick<KafkaAdmin, 'startOffsets' | 'endOffsets'>
  readonly codec: { decode(value: Buffer): Decoded | Promise<Decoded> }
  readonly topic: string
  readonly timers: Timers
  readonly events: InventoryEvents
}

/** `failed`: Kafka or the codec failed for good. */
export interface InventoryEvents extends TopicTailEvents {
  /** A record can't be used; what it says is missing. */
  skipped(record: InputRecord, cause: string): void
}

const HANDLE_PREFIX = 'ch/'
const SERVICE_PREFIX = 'dmi/'
const PROCESS_PREFIX = 'process/'
const DEFINITION_PREFIX = 'definition/'
const PREFIXES = [HANDLE_PREFIX, SERVICE_PREFIX, PROCESS_PREFIX, DEFINITION_PREFIX]

/** The record key of a handle: the same whether its alternate id begins or ends with a slash or not. */
export function handleKey(alternateId: string): string {
  return HANDLE_PREFIX + nameOf(alternateId)
}

/** The record key of a DMI service. */
export function serviceKey(name: string): string {
  return SERVICE_PREFIX + name
}

/** The record key of a process. No tenant's name holds a slash, so no two processes have one key. */
export function processKey(tenant: string, id: string): string {
  return `${PROCESS_PREFIX}${tenant}/${id}`
}

/** The record key of a definition. Only its id may hold a slash. */
export function definitionKey({ dialect, kind, tenant }: DefinitionPlace, id: string): string {
  return `${DEFINITION_PREFIX}${dialect}/${kind}/${tenant}/${id}`
}

export class Inventory {
  readonly processes = new ProcessIndex(BUILT_IN_PROCESSES)
  readonly definitions = new DefinitionIndex()
  readonly #handles = new HandleIndex()
  readonly #services = new Map<string, ServiceRegistered>()
  readonly #tail: TopicTail
  readonly #events: InventoryEvents

  constructor({ kafka, admin, codec, topic, timers, events }: InventoryOptions) {
    this.#events = events
    this.#tail = new TopicTail({
      ...{ kafka, admin, timers, name: 'inventory', topics: [topic], events },
      decode: (_, value) => codec.decode(value),
      take: (records) => {
        for (const record of records) this.#takeRecord(record)
        return Promise.resolve()
      },
    })
  }

  /** Resolves once reading has begun. Rejects with KafkaFailure. */
  start(): Promise<void> {
    return this.#tail.start([])
  }

  stop(): Promise<void> {
    return this.#tail.stop()
  }

  readonly name = 'the reading of the inventory'

  /** Where it is to read next; see {@link TopicTail.positions}. */
  positions(): readonly Position[] {
    return this.#tail.positions()
  }

  /** Puts another reader in the place of one that stands still. */
  replaceReader(): void {
    this.#tail.replaceReader()
  }

  /** Whether all that was on the topic at the start is known. */
  isReady(): boolean {
    return this.#tail.isReady()
  }

  /** Resolves to true once the record at that place is known, to false after `timeoutMs`. */
  waitFor(record: RecordPlace, timeoutMs: number): Promise<boolean> {
    return this.#tail.reachRecord(record, timeoutMs)
  }

  /** Resolves to true once all that was registered before the call is known, to false after `timeoutMs`. Rejects with KafkaFailure. */
  caughtUp(timeoutMs: number): Promise<boolean> {
    return this.#tail.caughtUp(timeoutMs)
  }

  /** Records on the topic that were not taken in yet. Rejects with KafkaFailure. */
  lag(): Promise<number> {
    return this.#tail.lag()
  }

  get handles(): number {
    return this.#handles.size
  }

  /** Who answers for a managed object: a domain `FindHandle`, bound, to be handed on. */
  readonly find = (name: string, tenant: string): RegisteredHandle | undefined => {
    return processHandle(name, tenant, this.processes) ?? definitionHandle(name, tenant, this.definitions) ?? this.#handles.find(name)
  }

  /** Whether what is asked of the tenant's definition of that name is not begun for now; bound, to be handed on. */
  readonly isPaused = (definition: string, tenant: string): boolean => isPausedDefinition(definition, tenant, this.definitions)

  byAlternateId(alternateId: string): RegisteredHandle | undefined {
    return this.#handles.byAlternateId(alternateId)
  }

  byCmHandle(cmHandle: string): RegisteredHandle | undefined {
    return this.#handles.byCmHandle(cmHandle)
  }

  /** With its password: for those who call the service. */
  service(name: string): ServiceRegistered | undefined {
    return this.#services.get(name)
  }

  /** By name. */
  services(): readonly ServiceSummary[] {
    return [...this.#services.values()].map(summaryOf).sort((one, other) => (one.name < other.name ? -1 : 1))
  }

  #takeRecord({ record, decoded }: TailRecord): void {
    if (decoded === null) this.#remove(record)
    else if (decoded.ok) this.#put(record, decoded.message)
    else this.#events.skipped(record, decoded.cause)
  }

  #put(record: InputRecord, message: Message): void {
    if (message.type === 'ServiceRegistered') {
      if (message.name === BUILT_IN_SERVICE) this.#events.skipped(record, `the DMI service "${message.name}" is built in`)
      else this.#services.set(message.name, message)
    } else if (message.type === 'DefinitionRegistered') {
      this.definitions.put(message)
    } else if (message.type === 'ProcessRegistered') {
      if (!this.processes.put(message)) this.#events.skipped(record, `the process "${message.id}" is built in`)
    } else if (message.type !== 'HandleRegistered') {
      this.#events.skipped(record, `a ${message.type} does not belong on ${record.topic}`)
    } else if (isReservedName(message.alternateId)) {
      this.#events.skipped(record, `the alternate id "${message.alternateId}" is below a reserved name`)
    } else if (!this.#handles.put(message)) {
      this.#events.skipped(record, `the alternate id "${message.alternateId}" names nothing`)
    }
  }

  #remove(record: InputRecord): void {
    const key = record.key?.toString() ?? ''
    if (key.startsWith(HANDLE_PREFIX)) this.#handles.remove(key.slice(HANDLE_PREFIX.length))
    else if (key.startsWith(SERVICE_PREFIX)) this.#services.delete(key.slice(SERVICE_PREFIX.length))
    else if (key.startsWith(PROCESS_PREFIX)) this.#removeProcess(key.slice(PROCESS_PREFIX.length))
    else if (key.startsWith(DEFINITION_PREFIX)) this.#removeDefinition(key.slice(DEFINITION_PREFIX.length))
    else this.#events.skipped(record, `the key "${key}" begins with none of ${PREFIXES.join(', ')}`)
  }

  #removeDefinition(name: string): void {
    const [dialect = '', kind = '', tenant = '', ...id] = name.split('/')
    this.definitions.remove({ dialect, kind, tenant }, id.join('/'))
  }

  #removeProcess(name: string): void {
    const [tenant = ''] = name.split('/', 1)
    this.processes.remove(tenant, name.slice(tenant.length + 1))
  }
}

/** What may be shown of a service. */
export function summaryOf(service: ServiceRegistered): ServiceSummary {
  const { name, baseUrl, contract, username, password, subjobsInFlightMax, subjobTimeoutMs } = service
  return { name, baseUrl, contract, username, subjobsInFlightMax, subjobTimeoutMs, hasPassword: password !== null }
}
