/** What travels on `inventory`: who carries out what, and what dialects' clients define. Otherwise as in messages.ts. */

/** On `inventory`, keyed by the alternate id. */
export interface HandleRegistered {
  readonly type: 'HandleRegistered'
  readonly alternateId: string
  readonly cmHandle: string
  readonly moduleSetTag: string
  readonly dataProducerId: string
  readonly service: string
  readonly writeService: string | null
  readonly state: string
  readonly properties: Readonly<Record<string, string>>
}

/** On `inventory`, keyed by the service: how to reach a DMI plugin. The password never leaves the topic. */
export interface ServiceRegistered {
  readonly type: 'ServiceRegistered'
  readonly name: string
  readonly baseUrl: string
  readonly contract: 'dataJob' | 'cmJob'
  readonly username: string | null
  readonly password: string | null
  /** Subjobs that one producer behind the service works on at a time; null means the configured default. */
  readonly subjobsInFlightMax: number | null
  /** From a subjob's first submission to its end; null means the configured default. */
  readonly subjobTimeoutMs: number | null
}

/** On `inventory`, keyed by tenant and id: a process that a tenant's clients may execute. */
export interface ProcessRegistered {
  readonly type: 'ProcessRegistered'
  readonly tenant: string
  /** Unique within the tenant. */
  readonly id: string
  readonly version: string
  /** A JSON object: title, description, keywords, inputs and outputs as an OGC process description has them. */
  readonly description: string
  readonly modes: readonly ExecutionMode[]
  /** What is run; null where the service knows it by the process's id. */
  readonly executionUnit: ExecutionUnit | null
  /** The DMI service that carries it out. */
  readonly service: string
  /** Whether clients may replace and remove it. */
  readonly mutable: boolean
  readonly registeredAt: number
}

/** Whether who asks for an execution waits for its results, or is told where they will be. */
export type ExecutionMode = 'sync' | 'async'

export interface ExecutionUnit {
  readonly mediaType: string
  readonly text: string
}

/** On `inventory`, keyed by dialect, kind, tenant and id: something that a dialect's clients have defined and refer to later. */
export interface DefinitionRegistered {
  readonly type: 'DefinitionRegistered'
  readonly tenant: string
  readonly dialect: string
  /** The dialect's own word for what it is. */
  readonly kind: string
  /** Unique within the tenant, the dialect and the kind. */
  readonly id: string
  /** A JSON object; the dialect's own. */
  readonly document: string
  /** The DMI service that carries out what is asked of it; null where there is none. */
  readonly service: string | null
  readonly registeredAt: number
  /** Whether what is asked of it is not begun for now; what was begun goes on. */
  readonly paused: boolean
}

export type InventoryMessage = HandleRegistered | ServiceRegistered | ProcessRegistered | DefinitionRegistered
