/** Names of managed objects that nobody can register: a tenant's own things answer for them. */
import { nameOf } from './handle-index.ts'

/** The name's first segment. */
export const PROCESSES = 'ogc-processes'

export const DEFINITIONS = 'datajob-definitions'

const RESERVED: readonly string[] = [PROCESSES, DEFINITIONS]

/** Whether an alternate id is such a name or below one; slashes at either end don't count. */
export function isReservedName(alternateId: string): boolean {
  const name = nameOf(alternateId)
  return RESERVED.some((reserved) => name === reserved || name.startsWith(`${reserved}/`))
}
