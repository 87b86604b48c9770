/** Definitions as managed objects: how a job names one of its tenant's, or a part of the work on it, and who answers for it. */
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

/** Who answers for what the name is of; undefined where the tenant has no such definition, or nobody carries it out. */
export function definitionHandle(name: string, tenant: string, definitions: Pick<DefinitionIndex, 'find'>): RegisteredHandle | undefined {
  if (!name.startsWith(PREFIX)) return undefined
  const [dialect = '', kind = '', segment = '', part = ''] = name.slice(PREFIX.length).split('/')
  const id = decodedSegment(segment)
  const service = id === null ? null : (definitions.find({ tenant, dialect, kind }, id)?.service ?? null)
  if (id === null || service === null) return undefined
  const dataProducerId = [tenant, dialect, kind, part].join('/')
  const registered = { alternateId: name, cmHandle: '', moduleSetTag: '', dataProducerId, service, writeService: null }
  return { ...registered, ready: true, state: 'READY', properties: {} }
}
