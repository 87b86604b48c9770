import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const serverNames = ['kafka', 'registry', 's3'] as const

/** A server of the stack. */
export type ServerName = (typeof serverNames)[number]

/** A process of the stack: a stack may have three brokers, each of which is a controller as well. */
export type NodeName = ServerName | 'kafka-2' | 'kafka-3'

/** The brokers of a stack, in the order of their node ids from 1 on, and the names of their controllers' ports. */
export const brokerNames = ['kafka', 'kafka-2', 'kafka-3'] as const
export type BrokerName = (typeof brokerNames)[number]

const controllerNames = { kafka: 'controller', 'kafka-2': 'controller-2', 'kafka-3': 'controller-3' } as const
export type PortName = NodeName | (typeof controllerNames)[BrokerName]

/** What carries the servers: processes on the JVM, or containers. */
export type Backend = 'jvm' | 'docker'

/** What must be known to come back on the same ports. Which servers run is not in it: the process table says that. */
export interface StackState {
  readonly backend: Backend
  readonly ports: Partial<Record<PortName, number>>
  /** Names the process that the stack shall not outlive. */
  readonly owner?: string
}

const portNames: readonly string[] = [...serverNames, ...brokerNames, ...Object.values(controllerNames)]

/** The port that the broker's controller listens on. */
export function controllerOf(broker: BrokerName): PortName {
  return controllerNames[broker]
}

export function isBroker(name: string): name is BrokerName {
  return brokerNames.some((broker) => broker === name)
}

/** The brokers that have ports: those that the stack was started with. */
export function brokersOf(ports: StackState['ports']): readonly BrokerName[] {
  return brokerNames.filter((name) => ports[name] !== undefined)
}

/** Reads the state file of a stack's folder; undefined when there is none or it can't be understood. */
export function readState(folder: string): StackState | undefined {
  try {
    return parseState(readFileSync(stateFile(folder), 'utf8'))
  } catch {
    return undefined
  }
}

/** Understands the text of a state file; undefined for anything that is not one. */
export function parseState(text: string): StackState | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null || !('backend' in value) || !('ports' in value)) return undefined
  const { backend, ports } = value
  if (backend !== 'jvm' && backend !== 'docker') return undefined
  if (typeof ports !== 'object' || ports === null) return undefined
  const known = Object.entries(ports).filter(([name, port]) => portNames.includes(name) && isPort(port))
  const owner = 'owner' in value && typeof value.owner === 'string' ? { owner: value.owner } : {}
  return { backend, ports: Object.fromEntries(known), ...owner }
}

/** Writes the state file so that a reader sees the old or the new one, never a part. */
export function writeState(folder: string, state: StackState): void {
  mkdirSync(folder, { recursive: true })
  const file = stateFile(folder)
  const partial = `${file}.${process.pid}`
  writeFileSync(partial, `${JSON.stringify(state, undefined, 2)}\n`)
  renameSync(partial, file)
}

function stateFile(folder: string): string {
  return join(folder, 'stack.json')
}

function isPort(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536
}
