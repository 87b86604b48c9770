/** Definitions as managed objects: how a job names one of its tenant's, or a part of the work on it, and who answers for it. */
import type { DefinitionRegistered } from '../domain/inventory-messages.ts'
import type { DefinitionIndex } from './definition-index.ts'
import type { RegisteredHandle } from './handle-index.ts'
import { decodedSegment } from './path-segment.ts'
import { DEFINITIONS } from './reserved-names.ts'

export interface NamedDefinition {
  readonly dialect: string
  readonly kind: string
  readonly id: string
  /**
   * Which data producer has the work: each of a tenant's kind of definition has one of its own, whichever definition it is. What several
   * have may be done side by side, and all of them together never have more than each may have.
   */
  readonly part: number
}

const PREFIX = `/${DEFINITIONS}/`

/** The path of an operation that asks for the work. */
export function definitionPath({ dialect, kind, id, part }: NamedDefinition): string {
  return `${PREFIX}${dialect}/${kind}/${encodeURIComponent(id)}/${part}`
}

/**
 * The definition that an operation asks for, by the name that all paths to its parts begin with; null where it asks for none. What it names
 * need not be there.
 */
export function definitionOf(path: string): string | null {
  if (!path.startsWith(PREFIX)) return null
  const [dialect = '', kind = '', segment = ''] = path.slice(PREFIX.length).split('#', 1)[0]?.split('/') ?? []
  return `${PREFIX}${dialect}/${kind}/${segment}`
}

/** Whether the tenant has a definition of that name, and it is paused. */
export function isPausedDefinition(name: string, tenant: string, definitions: Pick<DefinitionIndex, 'find'>): boolean {
  return named(name, tenant, definitions)?.definition.paused === true
}

/** Who answers for what the name is of; undefined where the tenant has no such definition, or nobody carries it out. */
export function definitionHandle(name: string, tenant: string, definitions: Pick<DefinitionIndex, 'find'>): RegisteredHandle | undefined {
  const found = named(name, tenant, definitions)
  const service = found?.definition.service ?? null
  if (found === undefined || service === null) return undefined
  const { dialect, kind } = found.definition
  const dataProducerId = [tenant, dialect, kind, found.part].join('/')
  const registered = { alternateId: name, cmHandle: '', moduleSetTag: '', dataProducerId, service, writeService: null }
  return { ...registered, ready: true, state: 'READY', properties: {} }
}

function named(
  name: string,
  tenant: string,
  definitions: Pick<DefinitionIndex, 'find'>,
): { readonly definition: DefinitionRegistered; readonly part: string } | undefined {
  if (!name.startsWith(PREFIX)) return undefined
  const [dialect = '', kind = '', segment = '', part = ''] = name.slice(PREFIX.length).split('/')
  const id = decodedSegment(segment)
  const definition = id === null ? undefined : definitions.find({ tenant, dialect, kind }, id)
  return definition === undefined ? undefined : { definition, part }
}
