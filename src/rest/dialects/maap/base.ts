/** Where the dialect is served, and whose its jobs are (contract page "MAAP DPS dialect"). */

export const BASE = '/api/v1'

/** It has no word for tenants. */
export const TENANT = 'default'

/** Whether the path, without its query, is below the base. */
export function isMaapPath(path: string): boolean {
  return path === BASE || path.startsWith(`${BASE}/`)
}
