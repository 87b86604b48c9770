/** Where the dialect is served, and whose its jobs are (contract page "Scale v6 dialect"). */
import type { DefinitionPlace } from '../../../inventory/definition-index.ts'

export const BASE = '/v6'

/** It has no word for tenants. */
export const TENANT = 'default'

/** What jobs of this dialect are marked with. */
export const DIALECT = 'scale'

export const JOB_TYPES = 'job-types'
/** Job types as they were, by {@link revisionKey}. */
export const REVISIONS = 'job-type-revisions'
export const BATCHES = 'batches'

export function placeOf(kind: string): DefinitionPlace {
  return { tenant: TENANT, dialect: DIALECT, kind }
}

export function revisionKey(typeId: number, revision: number): string {
  return `${typeId}.${revision}`
}

/** Whether the path, without its query, is below the base. */
export function isScalePath(path: string): boolean {
  return path === BASE || path.startsWith(`${BASE}/`)
}
