import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export const serverNames = ['kafka', 'registry', 's3'] as const

/** A server of the stack. */
export type ServerName = (typeof serverNames)[number]

/** What carries the servers: processes on the JVM, or containers. */
export type Backend = 'jvm' | 'docker'

/** What must be known to come back on the same ports. Which servers run is not in it: the process table says that. */
export interface StackState {
  readonly backend: Backend
  readonly ports: Partial<Record<ServerName | 'controller', number>>
  /** Names the process that the stack shall not outlive. */
  readonly owner?: string
}

const portNames: readonly string[] = [...serverNames, 'controller']

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
